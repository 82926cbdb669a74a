"""A close of a part that finds no buyer at once: what it does not sell has its stop meanwhile."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from repeg.domain.order.guarding import lent_to
from repeg.domain.reasons import Status
from repeg.steps import cancel
from repeg.worker import restore
from tests.support.brackets import OCO
from tests.support.crowd import Crowd
from tests.support.lab import Lab
from tests.support.leaving import SHORT, STOP, TARGET, Guard, check_held, guards, hold, minutes, shares
from tests.support.scenes import alerts, by_hand, journal, market_time, send
from tests.support.watching import LACKING, lapse


def _thin(lab: Lab, bid: str = "50.95", ask: str = "50.98", size: int = 0) -> None:
    """Nobody trades more than so many shares, until another quote is put."""
    lab.control.quote("TQQQ", bid, ask, size, size, frozen=True)


def _busy(lab: Lab, bid: str = "50.95", ask: str = "50.98") -> None:
    lab.control.quote("TQQQ", bid, ask, 2000, 2000)


@pytest.mark.parametrize(("signal", "side"), [({}, 1), (SHORT, -1)], ids=["long", "short"])
@pytest.mark.parametrize("own", [0, 50])
def test_what_it_leaves_is_guarded_while_it_sells(lab: Lab, signal: dict[str, Any], side: int, own: int) -> None:
    """Of 100 and own shares beside, 30 and those are to be closed."""
    if own:
        lab.control.position("TQQQ", own * side, "40")
    before = hold(lab, **signal)
    (whole,) = guards(lab)
    _thin(lab)
    with Crowd(lab) as crowd:
        send(lab, "c", kind="close", qty=30 + own)
        crowd.work(until=market_time("10:00:20"))
        assert lab.order("c").open_child and lab.order("c").filled_qty == 0
        assert guards(lab) == [whole._replace(qty=Decimal(70))]
        assert lab.order("b").guard.protected is False, "30 are not"
        crowd.work(until=market_time("10:03"), sweep_every=60)
        assert guards(lab) == [whole._replace(qty=Decimal(70))]
        _busy(lab)
        crowd.work(until=market_time("10:10"))
    assert (lab.order("c").status, lab.order("b").unexited_qty) == (Status.FILLED, 70)
    assert lab.order("b").guard.protected is True
    assert len([each for each in journal(lab, event="accepted") if each["order_class"] == "oco"]) == 2 * 2
    assert before.guard.stop_loss == lab.order("b").guard.stop_loss
    check_held(lab)


def test_its_stop_works_meanwhile(lab: Lab) -> None:
    hold(lab)
    _thin(lab)
    with Crowd(lab) as crowd:
        send(lab, "c", kind="close", qty=30)
        crowd.work(until=market_time("10:00:20"))
        _busy(lab, "49.50", "49.53")
        crowd.work(until=market_time("10:05"), sweep_every=60)
        crowd.work()
    assert (lab.order("b").unexited_qty, shares(lab)) == (0, 0)
    assert {gone.reason: gone.qty for gone in lab.order("b").all_exits} == {"stop": 70, "close": 30}
    check_held(lab)


def test_what_it_could_not_sell_by_its_end_is_guarded_beside_the_rest(lab: Lab) -> None:
    hold(lab)
    _thin(lab)
    with Crowd(lab) as crowd:
        send(lab, "c", kind="close", qty=30)
        crowd.work(until=market_time("10:00:20"))
        _thin(lab, size=10)
        crowd.work(until=market_time("10:00:21"))
        _thin(lab)
        crowd.work(until=market_time("10:00:30"))
        send(lab, "k", kind="cancel", cancel_signal_id="c")
        crowd.work(until=market_time("10:02"))
    left = lab.order("b").unexited_qty
    assert 70 < left < 100
    assert sum(guard.qty for guard in guards(lab)) == left
    assert all((guard.stop, guard.target) == (STOP, TARGET) for guard in guards(lab))
    _busy(lab)
    minutes(lab, 2)
    check_held(lab)


@pytest.mark.parametrize("death", ["store.save", "broker.protect", "broker.order"])
@pytest.mark.parametrize("nth", [1, 2, 3])
def test_its_worker_dies_over_it(lab: Lab, death: str, nth: int) -> None:
    hold(lab)
    _thin(lab)
    with Crowd(lab) as crowd:
        send(lab, "c", kind="close", qty=30)
        crowd.work(until=market_time("10:00:02"))
        crowd.stall(death, 90, nth=nth)
        crowd.work(until=market_time("10:03"), sweep_every=60)
        _busy(lab)
        crowd.work(until=market_time("10:06"), sweep_every=60)
        crowd.work()
    assert (lab.order("c").status, lab.order("b").unexited_qty) == (Status.FILLED, 70)
    assert guards(lab) == [Guard(Decimal(70), STOP, TARGET)]
    check_held(lab)


def test_of_two_brackets_only_the_one_that_it_sells_all_of_is_bare(lab: Lab) -> None:
    hold(lab)
    hold(lab, "b2", qty=50)
    _thin(lab)
    with Crowd(lab) as crowd:
        send(lab, "c", kind="close", qty=120)
        crowd.work(until=market_time("10:00:20"))
        assert [guard.qty for guard in guards(lab)] == [30]
        _busy(lab)
        crowd.work()
    assert (lab.order("b").unexited_qty, lab.order("b2").unexited_qty) == (0, 30)
    assert [guard.qty for guard in guards(lab)] == [30]
    check_held(lab)


def test_what_the_broker_does_not_take_a_stop_for_meanwhile_is_told(lab: Lab) -> None:
    hold(lab)
    _thin(lab)
    lab.control.faults(OCO | {"kind": "error", "status": 422, "body": {"code": 42210000, "message": "no"}})
    with Crowd(lab) as crowd:
        send(lab, "c", kind="close", qty=30)
        crowd.work(until=market_time("10:03"), sweep_every=60)
        assert any(alert.startswith("70 TQQQ are without protection") for alert in alerts(lab))
        lab.control.faults()
        _busy(lab)
        crowd.work(until=market_time("10:05"), sweep_every=60)
        crowd.work()
    assert [guard.qty for guard in guards(lab)] == [70]
    check_held(lab)


def test_a_close_of_all_that_comes_meanwhile_sells_all(lab: Lab) -> None:
    hold(lab)
    _thin(lab)
    with Crowd(lab) as crowd:
        send(lab, "c", kind="close", qty=30)
        crowd.work(until=market_time("10:00:20"))
        _thin(lab)
        send(lab, "d", kind="close")
        crowd.work(until=market_time("10:00:40"))
        _busy(lab)
        crowd.work(until=market_time("10:05"), sweep_every=60)
        crowd.work()
    assert shares(lab) == 0
    check_held(lab)


def test_shares_that_are_lent_to_a_close_which_has_not_the_turn_are_guarded(lab: Lab) -> None:
    lapse(lab)
    bracket = lab.order("b")
    lab.orders.save(lent_to(bracket, bracket.changed(order_id="ord-of-nobody"), Decimal(30)))
    minutes(lab, 3)
    assert [guard.qty for guard in guards(lab)] == [100]
    check_held(lab)


def test_a_guard_that_fails_beside_it_does_not_take_its_sale_back(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    hold(lab)
    _thin(lab)

    def fails(*_: Any) -> None:
        raise RuntimeError("the table is throttled")

    monkeypatch.setattr(restore, "guard_beside", fails)
    with Crowd(lab) as crowd:
        send(lab, "c", kind="close", qty=30)
        crowd.work(until=market_time("10:03"), sweep_every=60)
        assert lab.order("c").open_child, "it rests on"
        assert any("without protection" in each for each in alerts(lab)), "the sweep tells of what it leaves"
        _busy(lab)
        crowd.work(until=market_time("10:10"), sweep_every=60)
    assert (lab.order("c").status, lab.order("b").unexited_qty) == (Status.FILLED, 70)
    assert lab.order("b").guard.protected
    check_held(lab)


# --- and stays guarded, whatever befalls that ---


def test_it_is_guarded_from_the_first_look_on(lab: Lab) -> None:
    """Though the next rung would rest at the same price, and the first one is left where it is."""
    hold(lab)
    _thin(lab)
    with Crowd(lab) as crowd:
        send(lab, "c", kind="close", qty=30)
        crowd.work(until=market_time("10:00:04.5"))
        assert [guard.qty for guard in guards(lab)] == [70]


@pytest.mark.parametrize("refusal", [{"status": 403, "body": LACKING}, {"status": 422, "body": {"message": "no"}}])
@pytest.mark.parametrize(("count", "by"), [(1, "10:00:10"), (6, "10:02")])
def test_an_oco_that_is_refused_beside_it_is_tried_again(
    lab: Lab, refusal: dict[str, Any], count: int, by: str
) -> None:
    """The halt may last for hours, and the refusal be of a moment: the account shows late what a cancel set free."""
    hold(lab)
    _thin(lab)
    lab.control.faults(OCO | {"kind": "error", "count": count} | refusal)
    with Crowd(lab) as crowd:
        send(lab, "c", kind="close", qty=30)
        crowd.work(until=market_time(by), sweep_every=60)
        assert [guard.qty for guard in guards(lab)] == [70]
        _busy(lab)
        crowd.work()
    assert [guard.qty for guard in guards(lab)] == [70]
    check_held(lab)


def test_one_that_somebody_cancels_is_restored_when_he_had_time_to_sell_by_hand(lab: Lab) -> None:
    hold(lab)
    _thin(lab)
    with Crowd(lab) as crowd:
        send(lab, "c", kind="close", qty=30)
        crowd.work(until=market_time("10:00:30"))
        by_hand(lab, "DELETE", f"orders/{lab.order('b').protective_order_id}")
        crowd.work(until=market_time("10:01:15"), sweep_every=30)
        assert not guards(lab), "he has 50 s"
        crowd.work(until=market_time("10:02"), sweep_every=60)
        assert [guard.qty for guard in guards(lab)] == [70]
        assert any(alert.startswith("70 TQQQ lost their protection") for alert in alerts(lab))
        _busy(lab)
        crowd.work()
    check_held(lab, strangers=True)


def test_it_is_guarded_while_a_cancel_hangs_that_follows_a_failure(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: Any) -> None:
        raise ValueError("a fault of ours")

    hold(lab)
    _thin(lab)
    monkeypatch.setattr(cancel, "keep_resting", fails)
    with Crowd(lab) as crowd:
        send(lab, "c", kind="close", qty=30)
        crowd.work(until=market_time("10:00:02"))
        lab.control.faults({"method": "DELETE", "path": "/v2/orders/*", "kind": "stuck_cancel"})
        crowd.work(until=market_time("10:01"))
        assert lab.order("c").run.securing and lab.order("c").open_child
        assert [guard.qty for guard in guards(lab)] == [70]


def test_that_the_stop_beside_it_does_not_sell_is_told(lab: Lab) -> None:
    """Nobody buys: neither from the close nor from the stop, which the market has passed."""
    hold(lab)
    _thin(lab)
    with Crowd(lab) as crowd:
        send(lab, "c", kind="close", qty=30)
        crowd.work(until=market_time("10:00:20"))
        lab.control.quote("TQQQ", "49.50", "49.53", 0, 0)
        crowd.work(until=market_time("10:02:40"), sweep_every=60)
        assert any("has gone through the stop at 49.98" in alert for alert in alerts(lab))
        _busy(lab, "49.50", "49.53")
        crowd.work(until=market_time("10:06"), sweep_every=60)
    assert shares(lab) == 0
    check_held(lab)


@pytest.mark.parametrize("size", [5, 30])
def test_what_the_stop_beside_it_sells_leaves_its_own_sale_booked(lab: Lab, size: int) -> None:
    """The sweep has read the stop before the sale is over; the account held those shares when the close looked."""
    hold(lab)
    _thin(lab)
    with Crowd(lab) as crowd:
        send(lab, "c", kind="close", qty=30)
        crowd.work(until=market_time("10:00:20"))
        _thin(lab, "49.50", "49.53", size)
        crowd.work(until=market_time("10:00:22"))
        _thin(lab, "49.50", "49.53")
        crowd.work(until=market_time("10:01:10"), sweep_every=30)
        assert lab.order("c").open_child and lab.order("b").unexited_qty < 100
        _busy(lab, "49.50", "49.53")
        crowd.work(until=market_time("10:04"), sweep_every=60)
    minutes(lab, 2)
    assert {gone.reason: gone.qty for gone in lab.order("b").all_exits} == {"stop": 70, "close": 30}
    assert (lab.order("b").unexited_qty, shares(lab), lab.order("b").care.frozen) == (0, 0, "")
    check_held(lab)
