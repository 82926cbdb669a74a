"""Leaving what is not worth holding or cannot be protected: flat, or protected again, or told; never forgotten."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from repeg.domain.order.protection import ProtectionStatus
from repeg.domain.order.record import Order
from repeg.domain.reasons import Reason, Status
from tests.support.brackets import CANCEL, CRWD, OCO, SUBMIT, bracket, crwd, halt_on, levels, moves, ocos, position
from tests.support.crowd import Crowd
from tests.support.lab import Lab
from tests.support.scenes import alerts, at, ends_early, journal, market_time, outcomes, send, whenever

SALE = SUBMIT | {"side": "sell", "order_class": "simple"}


def _falls(lab: Lab, bid: str = "529.00", ask: str = "529.10", **options: Any) -> None:
    """The market drops below the stop the moment the entry is filled."""
    crwd(lab)
    moves(lab, "fill", bid, ask, **options)


def _unwind_of(lab: Lab, order: Order) -> Order:
    assert order.unwind.order_id
    leaving = lab.orders.get(order.unwind.order_id)
    assert leaving and (leaving.kind, leaving.side, leaving.ask.parent_id) == ("unwind", "sell", order.order_id)
    return leaving


def _swept(lab: Lab, until: str) -> None:
    with Crowd(lab) as crowd:
        crowd.work(until=market_time(until), sweep_every=60)


# --- flat ---


def test_a_market_that_fell_through_the_stop_is_left_at_once(lab: Lab) -> None:
    """Contract 3: fell through the stop before protection stood: unwound/protection_failed."""
    _falls(lab)
    order = bracket(lab)
    assert (order.status, order.reason, order.filled_qty) == (Status.UNWOUND, Reason.PROTECTION_FAILED, 25)
    assert (order.guard.protected, order.unexited_qty, position(lab)) == (False, 0, 0)
    assert (order.exit_reason, order.exit_price) == ("unwind", Decimal("529.00"))
    assert order.unwind.cost == Decimal("145.00"), "25 x (534.80 - 529.00)"
    assert order.exit_at and at("10:00") < order.exit_at < at("10:00:02")
    assert len(order.guard.protections) == 1, "a stop that the market is through is not tried again"
    assert any("did not complete" in text for text in alerts(lab))
    leaving = _unwind_of(lab, order)
    assert (leaving.status, leaving.terms.ladder, leaving.filled_qty) == (Status.FILLED, "unwind", 25)
    assert [each["status"] for each in outcomes(lab)] == ["filled", "unwound"]
    assert not ocos(lab)


def test_an_unwind_follows_the_market_down(lab: Lab) -> None:
    """Design 4, Cap: `unwind` lifts the cap and repeats on fresh quotes."""
    _falls(lab)
    for nth, bid in enumerate(("528.00", "527.00"), start=1):
        moves(lab, "new", bid, str(Decimal(bid) + Decimal("0.10")), side="sell", nth=nth)
    order = bracket(lab)
    assert (order.status, order.exit_price, position(lab)) == (Status.UNWOUND, Decimal("527.00"), 0)
    assert order.unwind.cost == Decimal("195.00")


def test_an_unwind_in_parts_costs_what_its_parts_cost(lab: Lab) -> None:
    _falls(lab, size=10)
    moves(lab, "fill", "528.00", "528.10", side="sell")
    order = bracket(lab)
    assert (order.status, position(lab)) == (Status.UNWOUND, 0)
    assert order.exit_price == (10 * Decimal("529.00") + 15 * Decimal("528.00")) / 25
    assert order.unwind.cost == 10 * Decimal("5.80") + 15 * Decimal("6.80")


def test_an_unwind_above_the_entry_is_a_gain(lab: Lab) -> None:
    _falls(lab)
    moves(lab, "accepted", "535.00", "535.10", side="sell")
    order = bracket(lab)
    assert (order.status, order.unwind.cost) == (Status.UNWOUND, Decimal("-5.00"))


def test_a_part_whose_market_fell_through_the_stop_is_left(lab: Lab) -> None:
    crwd(lab, size=10)
    through = {"code": 42210000, "message": "stop_loss.stop_price must be <= base_price - 0.01", "base_price": "529.1"}
    lab.control.faults(OCO | {"kind": "error", "status": 422, "body": through, "count": 1})
    moves(lab, "fill", "529.00", "535.20", size=10)
    order = bracket(lab)
    assert (order.status, order.reason, order.filled_qty) == (Status.UNWOUND, Reason.STOP_THROUGH, 10)
    assert position(lab) == 0


def test_other_shares_of_the_symbol_stay(lab: Lab) -> None:
    """Design 3.8: this order's unexited quantity."""
    lab.control.position("CRWD", 40, "500")
    _falls(lab)
    order = bracket(lab)
    assert (order.status, position(lab)) == (Status.UNWOUND, 40)


def test_the_symbol_stays_locked_until_it_is_flat(lab: Lab) -> None:
    """Turn: one live order per symbol; an unwind trades on the turn of its bracket."""
    _falls(lab)
    send(lab, **CRWD)
    send(lab, "next", **(CRWD | {"qty": 5}))
    with Crowd(lab) as crowd:
        crowd.work()
    first, following = lab.order("a"), lab.order("next")
    assert (first.status, following.status, following.reason) == (
        Status.UNWOUND,
        Status.REJECTED,
        Reason.STOP_THROUGH,
    )
    lab.check()


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "drop_after", "count": 1},
        {"kind": "drop_before", "count": 1},
        {"kind": "error", "status": 503, "count": 1},
    ],
    ids=["lost after", "lost before", "503"],
)
def test_an_unwind_whose_answer_was_lost_sells_once(lab: Lab, fault: dict[str, Any]) -> None:
    _falls(lab)
    lab.control.faults(SALE | fault)
    order = bracket(lab)
    assert (order.status, position(lab)) == (Status.UNWOUND, 0)
    assert len([e for e in journal(lab, event="accepted") if e["side"] == "sell"]) == 1


# --- not flat ---


def test_what_cannot_be_left_is_protected_again_and_told(lab: Lab) -> None:
    """Design 4: ... until the close, then `failed`, alarm, protection restored."""
    _falls(lab)
    ends_early(lab, 160)
    lab.control.faults(SALE | {"kind": "reject"})
    moves(lab, "rejected", "540.00", "540.10", side="sell")
    order = bracket(lab)
    assert (order.status, order.reason, order.guard.protected) == (Status.FAILED, Reason.PROTECTION_FAILED, True)
    assert (levels(order), position(lab)) == (("529.45", "545.50"), 25)
    assert [oco.status for oco in order.guard.protections][-1] is ProtectionStatus.LIVE
    assert any("could not be left" in text for text in alerts(lab))


def test_what_a_broken_off_unwind_did_not_sell_is_protected_again(lab: Lab) -> None:
    _falls(lab, size=10)
    ends_early(lab, 160)
    lab.control.script({"on": {"symbol": "CRWD", "event": "fill", "side": "sell"}, "symbol": "CRWD", "halt": True})
    send(lab, **CRWD)
    with Crowd(lab) as crowd:
        crowd.work(until=market_time("10:01"))
        crwd(lab, "534.00", "534.10")
        crowd.work(until=market_time("10:05"))
        lab.control.script({"symbol": "CRWD", "halt": False})
        crowd.work()
    order = lab.order("a")
    assert (order.status, order.unexited_qty, order.guard.protected) == (Status.FAILED, 15, True)
    assert (order.exit_reason, order.exit_price) == ("unwind", Decimal("529.00"))
    assert ocos(lab, "new")[-1]["qty"] == "15"
    assert position(lab) == 15
    lab.check()


def test_without_a_bid_and_below_the_stop_the_operator_is_told_and_the_sweep_goes_on(lab: Lab) -> None:
    """Design: no ending leaves shares that are neither protected nor flat nor alarmed."""
    _falls(lab)
    ends_early(lab, 160)
    moves(lab, "fill", "0", "529.10", after=0.1)
    order = bracket(lab)
    assert (order.status, order.reason, order.guard.protected) == (Status.FAILED, Reason.PROTECTION_FAILED, False)
    assert (order.unexited_qty, position(lab)) == (25, 25)
    assert any("without protection" in text for text in alerts(lab))
    crwd(lab)
    _swept(lab, "10:10")
    order = lab.order("a")
    assert (order.status, order.guard.protected, levels(order)) == (Status.FAILED, True, ("529.45", "545.50"))
    lab.check()


def test_a_halt_of_minutes_is_outlasted_by_the_unwind(lab: Lab) -> None:
    _falls(lab)
    halt_on(lab, "accepted", side="sell", resume_after=360)
    order = bracket(lab)
    assert (order.status, order.exit_reason, position(lab)) == (Status.UNWOUND, "unwind", 0)
    assert sum("are not left yet" in text for text in alerts(lab)) == 1
    lab.check()


def test_a_broker_that_is_down_does_not_make_an_unwind_give_up(lab: Lab) -> None:
    _falls(lab)
    down = {"kind": "error", "status": 503, "count": 10}
    positions = {"method": "GET", "path": "/v2/positions/*"} | down
    whenever(lab, "broker.protect", lambda: lab.control.faults(positions, SALE | down | {"count": 1}))
    order = bracket(lab)
    assert (order.status, position(lab)) == (Status.UNWOUND, 0)


def test_an_unwind_that_stays_unknown_is_told_and_the_shares_protected_at_the_close(lab: Lab) -> None:
    _falls(lab)
    ends_early(lab, 160)
    lab.control.faults(SALE | {"kind": "drop_before"})
    moves(lab, "fill", "534.70", "534.80", after=20)
    order = bracket(lab)
    assert (order.status, order.guard.protected, position(lab)) == (Status.FAILED, True, 25)
    assert [text for text in alerts(lab) if "never arrived" in text]
    assert [text for text in alerts(lab) if "could not be left" in text]


# --- an entry whose cancel is stuck ---


def test_what_a_stuck_entry_bought_is_left_if_it_cannot_be_protected(lab: Lab) -> None:
    """Two troubles at once: the cancel hangs, and no protection is accepted."""
    crwd(lab, size=10)
    lab.control.faults(CANCEL | {"kind": "stuck_cancel", "side": "buy"}, OCO | {"kind": "reject"})
    send(lab, **CRWD)
    with Crowd(lab) as crowd:
        crowd.work(until=market_time("10:05"), sweep_every=60)
        lab.check(all_over=False)
        assert alerts(lab)
        lab.control.faults()
        crowd.work()
    for minute in ("10:08", "10:11"):
        _swept(lab, minute)
    order = lab.order("a")
    assert order.status.terminal
    assert order.unexited_qty == 0 or order.guard.protected is True
    lab.check()


def test_shares_that_a_stuck_entry_buys_after_the_unwind_are_cared_for(lab: Lab) -> None:
    crwd(lab, size=10)
    lab.control.faults(CANCEL | {"kind": "stuck_cancel", "side": "buy"}, OCO | {"kind": "reject"})
    send(lab, **CRWD)
    with Crowd(lab) as crowd:
        crowd.work(until=market_time("10:05"), sweep_every=60)
        lab.control.faults(CANCEL | {"kind": "stuck_cancel", "side": "buy"})
        crwd(lab)
        crowd.work(until=market_time("10:06"), sweep_every=60)
        lab.control.faults()
        crowd.work()
    _swept(lab, "10:12")
    order = lab.order("a")
    assert order.status.terminal and order.filled_qty == 25
    assert order.unexited_qty == 0 or order.guard.protected is True
    lab.check()


def test_shares_of_a_stuck_entry_get_protection_as_soon_as_it_is_accepted(lab: Lab) -> None:
    """Design 3.1: what is filled gets its protection now, however long the cancel hangs."""
    crwd(lab, size=10)
    lab.control.faults(CANCEL | {"kind": "stuck_cancel", "side": "buy"}, OCO | {"kind": "reject", "count": 5})
    send(lab, **CRWD)
    with Crowd(lab) as crowd:
        crowd.work(until=market_time("10:05"), sweep_every=60)
        assert [entry["qty"] for entry in ocos(lab, "new")] == ["10"]
        lab.control.faults()
        crowd.work()
    lab.check()


# --- what is told ---


def test_an_unwind_that_fails_is_told_once_protection_stands_again(lab: Lab) -> None:
    _falls(lab)
    ends_early(lab, 160)
    lab.control.faults(SALE | {"kind": "reject"})
    moves(lab, "rejected", "540.00", "540.10", side="sell")
    order = bracket(lab)
    (told,) = [text for text in alerts(lab) if "could not be left" in text]
    assert "nothing traded; they are protected again, stop 529.45, target 545.5" in told
    assert order.guard.protected is True
    alerted = next(n for n, (_, detail) in enumerate(lab.bus.events) if "could not be left" in str(detail))
    assert not any("protection is restored" in str(detail) for _, detail in lab.bus.events[:alerted])


def test_an_unwind_that_fails_and_leaves_shares_bare_says_so(lab: Lab) -> None:
    _falls(lab)
    ends_early(lab, 160)
    moves(lab, "fill", "0", "529.10", after=0.1)
    order = bracket(lab)
    (told,) = [text for text in alerts(lab) if "could not be left" in text]
    assert "25 of them are without protection" in told
    assert order.guard.protected is False


def test_a_death_between_the_failed_unwind_and_its_protection_starts_no_second_unwind(lab: Lab) -> None:
    _falls(lab)
    ends_early(lab, 160)
    lab.control.faults(SALE | {"kind": "reject"})
    moves(lab, "rejected", "540.00", "540.10", side="sell")
    send(lab, **CRWD)
    whenever(lab, "broker.protect", lambda: setattr(lab.deaths, "stopped", True), nth=2)
    with Crowd(lab) as crowd:
        crowd.work()
    assert lab.deaths.stopped and lab.order("a").unwind.failed
    lab.revive()
    with Crowd(lab) as crowd:
        crowd.work(until=market_time("10:30"), sweep_every=60)
        crowd.work()
    order = lab.order("a")
    assert (order.guard.protected, len(order.unwind.seen), position(lab)) == (True, 1, 25)
    lab.check()
