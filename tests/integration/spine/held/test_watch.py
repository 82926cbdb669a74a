"""After the order: the sweep books what the broker executed, at little cost and whatever goes wrong."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from desk.exchange.client import ExchangeControl
from desk.report.truth import trading_calls
from repeg.domain.market.reports import OrderStatus
from repeg.domain.reasons import Status
from repeg.errors import BudgetExhausted
from repeg.executions import ExecutionState
from tests.support.crowd import Crowd
from tests.support.deaths import Killed
from tests.support.lab import Lab
from tests.support.leaving import SHORT, STOP, TARGET, Guard, check_held, guards, hold, minutes
from tests.support.scenes import alerts, at, lab_at, on_order, outcomes, send, whenever
from tests.support.watching import OCO, cancel_protection, exited, lapse, moves, sell_by_hand

LISTINGS = ["GET /v2/orders", "GET /v2/positions"]

# --- exits ---


@pytest.mark.parametrize(
    ("signal", "bid", "reason", "price"),
    [
        ({}, "53.50", "target", "53.50"),
        ({}, "49.90", "stop", "49.90"),
        (SHORT, "48.40", "target", "48.43"),
        (SHORT, "52.00", "stop", "52.03"),
    ],
    ids=["target", "stop", "target of a short", "stop of a short"],
)
def test_an_exit_at_the_broker_is_booked_by_the_next_sweep(
    lab: Lab, signal: dict[str, Any], bid: str, reason: str, price: str
) -> None:
    hold(lab, **signal)
    moves(lab, bid)
    hit_at = at("10:00:00.3")
    assert lab.order("b").exit_reason is None
    minutes(lab)
    order = lab.order("b")
    assert (order.exit_reason, order.exit_price, order.unexited_qty) == (reason, Decimal(price), 0)
    assert order.exit_at and hit_at <= order.exit_at < at("10:00:03")
    assert order.status is Status.FILLED
    assert lab.orders.holding_shares() == []
    check_held(lab)


def test_an_exit_is_published_once(lab: Lab) -> None:
    hold(lab)
    moves(lab, "53.50")
    minutes(lab, 3)
    (event,) = exited(lab)
    assert (event["signal_id"], event["exit_reason"], event["exit_price"]) == ("b", "target", "53.5")
    assert [each["signal_id"] for each in outcomes(lab)] == ["b"]


def test_each_of_several_brackets_is_booked_for_itself(lab: Lab) -> None:
    hold(lab, "b1")
    hold(lab, "b2", qty=50, take_profit="60.00")
    moves(lab, "53.50")
    minutes(lab)
    assert [lab.order(each).exit_reason for each in ("b1", "b2")] == ["target", None]
    assert [event["signal_id"] for event in exited(lab)] == ["b1"]
    assert [guard.qty for guard in guards(lab)] == [50]
    check_held(lab)


def test_a_target_that_fills_in_part_and_a_stop_that_takes_the_rest(lab: Lab) -> None:
    hold(lab)
    lab.control.quote("TQQQ", "53.50", "53.53", 40, 2000, frozen=True)
    lab.sleep(2)
    minutes(lab)
    assert [guard.qty for guard in guards(lab)] == [60]
    assert not exited(lab)
    moves(lab, "49.90")
    minutes(lab)
    order = lab.order("b")
    gone = [(each.reason.value, int(each.qty), each.price) for each in order.all_exits]
    assert gone == [("target", 40, Decimal("53.5")), ("stop", 60, Decimal("49.9"))]
    assert order.exit_reason == "stop"
    assert order.exit_price == Decimal("51.34")
    assert len(exited(lab)) == 1
    check_held(lab)


def test_an_exit_overnight_is_booked_in_the_morning(exchange: ExchangeControl, aws_credentials: None) -> None:
    """A GTC OCO outlives the day; so does its place on the list of positions."""
    with lab_at(exchange, "15:50") as lab:
        hold(lab)
        lab.set_clock("2026-11-23T09:29:00-05:00")
        lab.control.quote("TQQQ", "49.00", "49.03", 2000, 2000)
        lab.sleep(70)
        minutes(lab, 2)
        order = lab.order("b")
        assert (order.exit_reason, order.exit_price) == ("stop", Decimal("49.00"))
        check_held(lab)


# --- what it costs ---


def _calls_of_a_sweep(lab: Lab) -> list[str]:
    mark = lab.mark()
    lab.sleep(60)
    lab.sweep()
    return trading_calls(lab.control.journal(mark))


def test_a_sweep_costs_one_request_while_nothing_is_held(lab: Lab) -> None:
    """For the brackets of the next minute; see `test_book.py`."""
    assert _calls_of_a_sweep(lab) == ["GET /v2/positions"]


@pytest.mark.parametrize("brackets", [1, 3])
def test_a_sweep_costs_two_requests_while_nothing_changed(lab: Lab, brackets: int) -> None:
    """A listing of open orders and one of positions answer for all that is held."""
    for number in range(brackets):
        hold(lab, f"b{number}", qty=10)
    for _ in range(3):
        assert _calls_of_a_sweep(lab) == LISTINGS
    assert not lab.running


def test_an_exit_costs_one_more_request(lab: Lab) -> None:
    order = hold(lab)
    moves(lab, "53.50")
    assert _calls_of_a_sweep(lab) == [*LISTINGS, f"GET /v2/orders/{order.protective_order_id}"]
    assert _calls_of_a_sweep(lab) == ["GET /v2/positions"]


# --- trouble ---


def test_a_turn_that_died_with_its_care_does_not_lock_the_symbol(lab: Lab) -> None:
    """The care booked the last exit, and its execution was stopped before it gave the turn back."""
    lapse(lab)
    lab.sweep()
    on_order(lab, "new", "53.50", "53.53", side="sell")
    lab.sleep(60)
    lab.sweep()
    whenever(lab, "store.give_turn", lambda: setattr(lab.deaths, "stopped", True))
    with pytest.raises(Killed):
        lab.work()
    lab.revive()
    assert (lab.order("b").exit_reason, lab.orders.holder("TQQQ")) == ("target", lab.order("b").order_id)
    send(lab, "next", qty=5)
    lab.control.quote("TQQQ", "50.95", "50.98", 2000, 2000)
    with Crowd(lab) as crowd:
        crowd.work(until="2026-11-20T10:05:00-05:00", sweep_every=60)
    assert lab.order("next").status is Status.FILLED
    check_held(lab, free=5)


def test_of_two_brackets_the_one_that_somebody_sold_is_found_out(lab: Lab) -> None:
    """The account still holds shares: those of the other bracket."""
    hold(lab, "b1")
    second = hold(lab, "b2", qty=50)
    lab.sleep(60)
    cancel_protection(lab, second)
    sell_by_hand(lab, 50)
    minutes(lab, 4)
    assert (lab.order("b2").unexited_qty, lab.order("b2").exit_reason) == (0, "outside")
    assert (lab.order("b1").unexited_qty, lab.order("b1").guard.protected) == (100, True)
    assert [guard.qty for guard in guards(lab)] == [100]
    check_held(lab, strangers=True)


def test_entries_that_use_up_all_requests_do_not_switch_the_watch_off(lab: Lab) -> None:
    lapse(lab)
    for _ in range(3):
        lab.sleep(58)
        with pytest.raises(BudgetExhausted):
            while True:
                lab.broker.now()
        lab.sweep()
        lab.work()
    assert any("lost their protection" in alert for alert in alerts(lab))
    assert guards(lab) == [Guard(Decimal(100), STOP, TARGET)]
    check_held(lab)


def test_both_legs_that_fill_are_told(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """It happens in fast markets: twice the shares are gone, and the account is short."""
    order = hold(lab)
    assert order.protective_order_id
    report = lab.broker.order(order.protective_order_id)
    assert report
    filled = {"status": OrderStatus.FILLED, "filled_qty": Decimal(100), "filled_at": report.submitted_at}
    leg = report.legs[0].changed(**filled, avg_fill_price=STOP)
    both = report.changed(**filled, avg_fill_price=TARGET, legs=(leg,))
    cancel_protection(lab, order)
    monkeypatch.setattr("repeg.broker.alpaca.AlpacaBroker.order", lambda *_: both)
    minutes(lab)
    assert any("too many have left" in alert and "repeg positions TQQQ" in alert for alert in alerts(lab))


def test_one_position_that_cannot_be_watched_hides_no_other(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    bad, good = hold(lab, "bad"), hold(lab, "good", qty=50)
    cancel_protection(lab, good)
    real = lab.state

    def broken(order_id: str, number: int) -> ExecutionState:
        if order_id == bad.order_id:
            raise ValueError("DescribeExecution was throttled")
        return real(order_id, number)

    monkeypatch.setattr(lab, "state", broken)
    minutes(lab, 2)
    assert lab.order("good").guard.protected is True
    assert sorted(guard.qty for guard in guards(lab)) == [50, 100]


def test_keys_that_are_refused_for_long_neither_fill_the_record_nor_the_inbox(lab: Lab) -> None:
    lapse(lab)
    lab.control.faults(OCO | {"kind": "error", "status": 401, "body": {"message": "unauthorized."}})
    with Crowd(lab) as crowd:
        crowd.work(until="2026-11-20T10:20:00-05:00", sweep_every=60)
        assert len(lab.order("b").guard.protections) <= 5
        assert 1 <= len(alerts(lab)) <= 15
        lab.control.faults()
        crowd.work(until="2026-11-20T10:23:00-05:00", sweep_every=60)
        crowd.work()
    assert [guard.qty for guard in guards(lab)] == [100]
    check_held(lab)


def test_shares_past_their_stop_are_left_though_what_the_last_sweep_left_cannot_be_read(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    lapse(lab)
    moves(lab, "49.00")

    def denied() -> None:
        raise OSError("the table does not answer")

    monkeypatch.setattr(lab.orders, "sweep_state", denied)
    minutes(lab, 3)
    order = lab.order("b")
    assert (order.exit_reason, order.unexited_qty) == ("unwind", 0)
    check_held(lab)
