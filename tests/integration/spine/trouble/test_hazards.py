"""Buying and leaving while the account shows late, others trade in it, answers are lost, or the market stands still."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from desk.exchange.client import ExchangeControl
from repeg.broker.alpaca import AlpacaBroker
from repeg.domain.market.reports import Position
from repeg.domain.order.protection import ProtectionStatus
from repeg.domain.reasons import Reason, Status
from repeg.domain.settings import Settings
from tests.support.brackets import CANCEL, CRWD, OCO, SUBMIT, crwd, moves, position
from tests.support.crowd import Crowd
from tests.support.lab import Lab
from tests.support.leaving import BRACKET, STOP, TARGET, Guard, check_held, guards, hold, shares, side_by_side
from tests.support.scenes import (
    alerts,
    by_hand,
    ends_early,
    journal,
    lab_at,
    market_time,
    on_order,
    run,
    send,
    submits,
    whenever,
)

LOOKUP = {"method": "GET", "path": "/v2/orders:by_client_order_id"}
NOT_FOUND = {"code": 40410000, "message": "order not found"}
SALE = {"symbol": "TQQQ", "qty": 100, "side": "sell", "type": "market", "time_in_force": "day"}


def _free_shares_show_late(lab: Lab, monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """What a cancelled order held counts as held for so long afterwards."""
    read = AlpacaBroker.position

    def lagging(broker: AlpacaBroker, symbol: str) -> Position | None:
        seen, over = read(broker, symbol), journal(lab, event="canceled")
        now = datetime.fromisoformat(lab.control.clock().now)
        late = over and now - datetime.fromisoformat(over[-1]["at"]) < timedelta(seconds=seconds)
        return seen.changed(qty_available=Decimal(0)) if seen and late else seen

    monkeypatch.setattr(AlpacaBroker, "position", lagging)


def _by_hand(lab: Lab, **changes: Any) -> None:
    by_hand(lab, "POST", "orders", SALE | changes)
    lab.sleep(0.5)


# --- shares that show late ---


def test_shares_that_are_freed_late_are_sold_all_the_same(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """The protection's cancel is confirmed, and the position does not show it yet."""
    hold(lab)
    lab.sleep(5)
    _free_shares_show_late(lab, monkeypatch, 1)
    close = run(lab, "c", kind="close")
    assert (close.status, close.filled_qty, shares(lab)) == (Status.FILLED, 100, 0)
    check_held(lab)


def test_an_unwind_waits_for_shares_that_are_freed_late(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protection was sent, and the position is left before anybody saw it live."""
    order = hold(lab)
    lab.sleep(30)
    leaving = lab.orders.adopt(
        order.with_unwind(wanted=True).with_guard(settled=False), lab.arn(order.order_id, order.run.executions + 1)
    )
    unseen = leaving.guard.protections[0].changed(status=ProtectionStatus.SENT)
    lab.orders.save(leaving.with_protection(unseen))
    lab.start(order.order_id, leaving.run.executions)
    _free_shares_show_late(lab, monkeypatch, 1.5)
    side_by_side(lab)
    order = lab.order("b")
    assert (order.unexited_qty, order.exit_reason, order.unwind.failed) == (0, "unwind", False)
    check_held(lab)


def test_a_late_fill_that_does_not_show_is_not_taken_for_sold(lab: Lab) -> None:
    """The first part of a hanging entry is protected already; that is no proof of where the second part is."""
    crwd(lab, size=10)
    lab.control.faults(CANCEL | {"kind": "stuck_cancel", "symbol": "CRWD"})
    moves(lab, "fill", "534.90", "535.20")
    send(lab, **CRWD)
    with Crowd(lab) as crowd:
        crowd.work(until=market_time("10:01:10"))
        assert (lab.order("a").filled_qty, lab.order("a").guard.protected) == (10, True)
        lab.control.settings(position_lag_ms=8000)
        crwd(lab)
        crowd.work(until=market_time("10:01:30"))
        lab.control.faults()
        crowd.work()
    order = lab.order("a")
    assert (order.filled_qty, order.unexited_qty, order.all_exits, position(lab)) == (25, 25, (), 25)
    assert sorted(guard.qty for guard in guards(lab, "CRWD")) == [10, 15]
    check_held(lab, "CRWD")


# --- an exit never turns a position ---


def test_shares_sold_by_hand_at_the_last_moment_are_not_sold_again(lab: Lab) -> None:
    """Somebody was faster, between the look at the account and the order: the account must not end short."""
    hold(lab)
    lab.sleep(5)
    whenever(lab, "broker.submit", lambda: _by_hand(lab))
    close = run(lab, "c", kind="close")
    assert (close.reason, close.filled_qty, shares(lab)) == (Reason.NO_POSITION, 0, 0)
    assert (lab.order("b").unexited_qty, lab.order("b").exit_reason) == (0, "outside")
    check_held(lab, strangers=True)


def test_a_short_bought_back_by_hand_at_the_last_moment_is_not_bought_again(lab: Lab) -> None:
    lab.control.position("TQQQ", -100, "50.95")
    whenever(lab, "broker.submit", lambda: _by_hand(lab, side="buy"))
    close = run(lab, "c", kind="close")
    assert (close.reason, close.filled_qty, shares(lab)) == (Reason.NO_POSITION, 0, 0)


def test_a_bracket_does_not_reduce_what_somebody_sold_short_at_the_last_moment(lab: Lab) -> None:
    whenever(lab, "broker.submit", lambda: _by_hand(lab))
    bracket = run(lab, "b", **BRACKET)
    assert (bracket.status, bracket.reason, shares(lab)) == (Status.REJECTED, Reason.OPPOSITE_POSITION, -100)
    check_held(lab, free=-100, strangers=True)


@pytest.mark.parametrize(
    ("second", "lag"), [({"kind": "close"}, 3000), ({"side": "sell", "qty": 100}, 1500)], ids=["close", "sell"]
)
def test_a_position_that_shows_a_sale_late_is_not_sold_twice(lab: Lab, second: dict[str, Any], lag: int) -> None:
    hold(lab)
    lab.sleep(10)
    lab.control.settings(position_lag_ms=lag)
    send(lab, "c1", kind="close")
    lab.sleep(0.1)
    send(lab, "c2", **second)
    side_by_side(lab)
    lab.sleep(5)
    assert (lab.order("c1").filled_qty, lab.order("c2").filled_qty, shares(lab)) == (100, 0, 0)
    assert lab.order("c2").reason is Reason.NO_POSITION
    check_held(lab)


@pytest.mark.parametrize("lag", [1500, 2500, 6000])
def test_what_a_close_sold_and_the_account_still_shows_is_not_taken_for_bought_lately(lab: Lab, lag: int) -> None:
    """The storm of seed 905286: own shares and a bracket's, a plain buy just before, a close that fills in two."""
    lab.control.position("TQQQ", "100", "48")
    hold(lab, qty=10)
    lab.sleep(20)
    lab.control.settings(position_lag_ms=lag)
    run(lab, "a", qty=3)
    on_order(lab, "new", "50.95", "50.98", side="sell", size=40)
    on_order(lab, "partially_filled", "50.95", "50.98", side="sell", after=1)
    before = len(submits(lab))
    run(lab, "c", kind="close")
    lab.sleep(10)
    close, bracket = lab.order("c"), lab.order("b")
    assert {entry["status"] for entry in submits(lab)[before:]} == {200}, "what was sold is not offered again"
    assert (close.status, close.filled_qty, shares(lab)) == (Status.FILLED, 113, 0)
    assert (bracket.exit_reason, bracket.unexited_qty) == ("close", 0)
    check_held(lab)


@pytest.mark.parametrize("lag", [5000, 9000])
def test_a_second_part_of_a_position_that_shows_the_first_late_is_closed_too(lab: Lab, lag: int) -> None:
    """What the first close sold seems to be free still: refused, it is waited for, not believed."""
    hold(lab)
    lab.sleep(20)
    lab.control.settings(position_lag_ms=lag)
    run(lab, "c1", kind="close", qty=30)
    lab.sleep(1.5)
    run(lab, "c2", kind="close", qty=30)
    lab.sleep(10)
    assert (lab.order("c2").status, lab.order("c2").filled_qty) == (Status.FILLED, 30)
    assert (lab.order("b").unexited_qty, shares(lab)) == (40, 40)
    check_held(lab)


@pytest.mark.parametrize("more", [0, 50])
def test_a_rung_of_an_exit_does_not_sell_what_somebody_sold_since_the_last(lab: Lab, more: int) -> None:
    """A close has sold a part; the rest, all of the first bracket and more, is sold by hand while it waits."""
    hold(lab)
    if more:
        hold(lab, "b2", qty=more)
    lab.sleep(5)
    lab.control.quote("TQQQ", "50.95", "50.98", 30, 2000, frozen=True)

    def sold() -> None:
        lab.control.quote("TQQQ", "50.95", "50.98", 2000, 2000)
        _by_hand(lab, qty=70 + more)

    whenever(lab, "broker.submit", sold, nth=2)
    close = run(lab, "c", kind="close")
    assert (close.filled_qty, shares(lab)) == (30, 0)
    assert lab.order("b").unexited_qty == 0
    assert not more or lab.order("b2").unexited_qty == 0
    check_held(lab, strangers=True)


# --- a close while an entry's fate is not known ---


def test_a_superseded_entry_that_look_ups_do_not_show_yet_is_not_forgotten(lab: Lab) -> None:
    """It did arrive, and rests: whatever becomes of it, shares that it buys are known, and guarded or told."""
    lab.control.faults(SUBMIT | {"kind": "drop_after", "count": 1}, LOOKUP | _missing(4))
    lab.control.quote("TQQQ", "50.99", "51.02", 2000, 2000)
    send(lab, "a", **BRACKET)
    with Crowd(lab) as crowd:
        crowd.work(until=market_time("10:00:02"))
        send(lab, "c", kind="close")
        crowd.work()
    assert len(journal(lab, event="accepted")) == len(journal(lab, event="canceled")) == 1
    assert (lab.order("a").status.terminal, lab.order("a").filled_qty, shares(lab)) == (True, 0, 0)
    lab.control.quote("TQQQ", "50.95", "50.98", 2000, 2000)
    lab.sleep(5)
    check_held(lab)


def _missing(count: int) -> dict[str, Any]:
    return {"kind": "error", "status": 404, "body": NOT_FOUND, "count": count}


# --- protection after a close ---


def test_of_two_brackets_that_a_close_could_not_leave_none_is_tried_without_end(lab: Lab) -> None:
    """One is through its stop, and waits for the sweep; the other waits for the halt to end: told once, tried once."""
    hold(lab, "b1", stop_loss="50.47", take_profit="52.47")
    hold(lab, "b2")
    arrives = {"on": {"symbol": "TQQQ", "event": "new", "side": "sell"}, "symbol": "TQQQ"}
    lab.control.script(arrives | {"bid": "50.30", "ask": "50.33", "bid_size": 2000, "ask_size": 2000})
    lab.control.script(arrives | {"halt": True})
    ends_early(lab, 130)
    send(lab, "c", kind="close")
    lab.settings = Settings(aggressive_timeout_seconds=Decimal(30))
    with Crowd(lab) as crowd:
        crowd.work(until=market_time("10:02:30"))
        sent, told = len(submits(lab)), len(alerts(lab))
        crowd.work(until=market_time("10:03:30"))
        assert len(submits(lab)) == sent
        assert len(alerts(lab)) - told <= 1
    assert [guard.stop for guard in guards(lab)] == [STOP]


def test_a_close_ends_only_when_its_bracket_is_protected_again(lab: Lab) -> None:
    """Even if the bracket has waited very often in its life already."""
    order = hold(lab)
    lab.orders.save(order.with_run(waits_since_start=499))
    lab.control.faults(OCO | {"kind": "error", "status": 403, "body": {"message": "something transient"}, "count": 1})
    close = run(lab, "c", kind="close", qty=40)
    assert (close.status, close.filled_qty) == (Status.FILLED, 40)
    assert guards(lab) == [Guard(Decimal(60), STOP, TARGET)]
    check_held(lab)


# --- waiting for the operator, and for the open ---


def test_keys_that_are_revoked_while_protection_is_on_its_way_are_told_now_and_then(lab: Lab) -> None:
    refused = {"kind": "error", "status": 401, "body": {"message": "unauthorized."}}
    whenever(lab, "broker.protect", lambda: lab.control.faults({"method": "GET", "path": "/v2/*"} | refused))
    send(lab, "b", **BRACKET)
    with Crowd(lab) as crowd:
        crowd.work(until=market_time("10:08"))
        assert 1 <= len(alerts(lab)) <= 3, "16 tries"
        lab.control.faults()
        crowd.work()
    assert lab.order("b").guard.protected is True
    check_held(lab)


def test_a_part_of_a_hanging_entry_outside_the_session_is_protected(exchange: ExchangeControl) -> None:
    """Off hours a cancel may hang until the next open: no failure, and no share is forgotten."""
    settings = Settings(SMART_EXECUTOR_ENABLE_EXTENDED_HOURS=True)
    with lab_at(exchange, "2026-11-19T19:55:00-05:00", settings) as lab:
        lab.control.quote("TQQQ", "50.95", "50.98", 2000, 30, frozen=True)
        lab.control.faults(CANCEL | {"kind": "stuck_cancel"})
        send(lab, "b", **BRACKET, extended_hours=True, unprotected_ok=True)
        with Crowd(lab) as crowd:
            crowd.work(until="2026-11-19T19:58:30-05:00")
            order = lab.order("b")
            assert (order.filled_qty, order.status, order.run.securing) == (30, Status.WORKING, False)
            assert len(alerts(lab)) == 1, "of the cancel that hangs"
            lab.control.faults()
            crowd.work()
        assert (lab.order("b").status, lab.order("b").unexited_qty) == (Status.PARTIALLY_FILLED, 30)
        check_held(lab)
