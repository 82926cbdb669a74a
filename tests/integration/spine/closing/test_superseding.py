"""A close takes over: earlier orders of its symbol end as superseded, whatever they were doing; others go on."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from desk.exchange.client import ExchangeControl
from repeg.domain.order.record import Order
from repeg.domain.reasons import Reason, Status
from tests.support.crowd import Crowd
from tests.support.lab import Lab
from tests.support.leaving import BRACKET, check_held, closed_by, guards, halt, hold, minutes, shares
from tests.support.scenes import (
    alerts,
    at,
    journal,
    lab_at,
    market_time,
    on_order,
    out_of_reach,
    outcomes,
    send,
    whenever,
)

MEANWHILE = "10:00:04"


def _take_over(lab: Lab, *, when: str = MEANWHILE, **close: Any) -> tuple[Order, Order]:
    """Work what was sent until `when`, then send a close and work everything to its end: the first order, the close."""
    with Crowd(lab) as crowd:
        crowd.work(until=market_time(when))
        send(lab, "c", kind="close", **close)
        crowd.work()
    return lab.order("a"), lab.order("c")


def _resting_bracket(lab: Lab) -> None:
    """Inside the cap, above the limit of 51.00: the entry rests."""
    lab.control.quote("TQQQ", "50.99", "51.02", 2000, 2000)
    send(lab, **BRACKET)


def _part_of_a_bracket(lab: Lab, filled: int = 30) -> None:
    lab.control.quote("TQQQ", "50.95", "50.98", 2000, filled)
    on_order(lab, "fill", "50.99", "51.02")
    send(lab, **BRACKET)


def _no_protection_was_sent(lab: Lab) -> bool:
    return not [entry for entry in journal(lab, event="accepted") if entry["order_class"] == "oco"]


@pytest.mark.parametrize("latest_first", [False, True])
def test_a_resting_bracket_is_ended_with_nothing_bought(lab: Lab, latest_first: bool) -> None:
    _resting_bracket(lab)
    with Crowd(lab, latest_first=latest_first) as crowd:
        crowd.work(until=market_time(MEANWHILE))
        assert lab.order("a").open_child
        send(lab, "c", kind="close")
        crowd.work()
    bracket, close = lab.order("a"), lab.order("c")
    assert (bracket.status, bracket.reason, bracket.filled_qty) == (Status.SUPERSEDED, Reason.SUPERSEDED, 0)
    assert bracket.close.superseded_by == close.order_id
    assert (close.status, close.reason) == (Status.REJECTED, Reason.NO_POSITION)
    assert len(journal(lab, event="canceled")) == 1
    assert bracket.completed_at and bracket.completed_at <= at("10:00:08"), "nobody waits for its 60 seconds"
    check_held(lab)


def test_a_bracket_that_filled_in_part_is_sold_and_never_protected(lab: Lab) -> None:
    """Design 4, Sides: cancel, confirm, `superseded`, no protection; then sells what is really left."""
    _part_of_a_bracket(lab)
    bracket, close = _take_over(lab, when="10:00:02")
    assert (bracket.status, bracket.filled_qty) == (Status.SUPERSEDED, 30)
    assert (close.status, close.filled_qty) == (Status.FILLED, 30)
    assert _no_protection_was_sent(lab)
    assert (bracket.exit_reason, bracket.exit_price, bracket.unexited_qty) == ("close", Decimal("50.99"), 0)
    check_held(lab)


def test_what_a_partial_close_leaves_of_a_superseded_bracket_is_protected(lab: Lab) -> None:
    _part_of_a_bracket(lab)
    bracket, close = _take_over(lab, when="10:00:02", qty=10)
    assert (bracket.status, close.filled_qty) == (Status.SUPERSEDED, 10)
    assert (bracket.unexited_qty, bracket.guard.protected) == (20, True)
    assert [guard.qty for guard in guards(lab)] == [20]
    check_held(lab)


def test_what_cannot_be_sold_of_a_superseded_bracket_is_protected(lab: Lab) -> None:
    _part_of_a_bracket(lab)
    halt(lab, "new")
    bracket, close = _take_over(lab, when="10:00:02")
    assert (bracket.status, close.status) == (Status.SUPERSEDED, Status.FAILED)
    assert alerts(lab)
    assert [guard.qty for guard in guards(lab)] == [30]
    assert bracket.guard.protected is True
    check_held(lab)


def test_a_part_is_protected_though_the_close_stumbled_while_it_superseded(lab: Lab) -> None:
    """Taken over, but its new execution could not be started at once: the close answers for it all the same."""
    _part_of_a_bracket(lab)
    halt(lab, "new")

    def throttled() -> None:
        raise RuntimeError("throttled")

    with Crowd(lab) as crowd:
        crowd.work(until=market_time("10:00:02"))
        send(lab, "c", kind="close")
        whenever(lab, "executions.start", throttled)
        crowd.work(until=market_time("10:00:05"))
        lab.sweep()
        crowd.work()
    bracket, close = lab.order("a"), lab.order("c")
    assert (bracket.status, close.status) == (Status.SUPERSEDED, Status.FAILED)
    assert [guard.qty for guard in guards(lab)] == [30]
    check_held(lab)


def test_a_fill_that_wins_against_the_superseding_cancel_is_sold_too(lab: Lab) -> None:
    _resting_bracket(lab)
    on_order(lab, "pending_cancel", "50.95", "50.98", after=0.02)
    bracket, close = _take_over(lab)
    assert (bracket.status, bracket.filled_qty) == (Status.SUPERSEDED, 100)
    assert (close.status, close.filled_qty) == (Status.FILLED, 100)
    assert _no_protection_was_sent(lab)
    check_held(lab)


@pytest.mark.parametrize("ladder", ["better_orders", "standard"])
def test_a_plain_order_on_its_ladder_is_ended_where_it_stands(lab: Lab, ladder: str) -> None:
    out_of_reach(lab, rungs=8)
    send(lab, ladder=ladder)
    order, close = _take_over(lab, when="10:00:03")
    assert (order.status, order.reason, order.filled_qty) == (Status.SUPERSEDED, Reason.SUPERSEDED, 0)
    assert (close.status, close.reason) == (Status.REJECTED, Reason.NO_POSITION)
    assert len(order.children) <= 2
    assert all(child.status.closed for child in order.children)
    check_held(lab)


def test_what_a_plain_order_bought_is_sold_by_the_close(lab: Lab) -> None:
    lab.control.quote("TQQQ", "50.95", "50.98", 2000, 30)
    out_of_reach(lab, rungs=8)
    lab.control.quote("TQQQ", "50.95", "50.98", 2000, 30)
    send(lab, ladder="standard")
    on_order(lab, "fill", "51.00", "51.03")
    order, close = _take_over(lab, when="10:00:12")
    assert order.status is Status.SUPERSEDED
    assert order.filled_qty == close.filled_qty
    assert shares(lab) == 0
    check_held(lab)


def test_a_sell_on_its_ladder_is_superseded_and_its_rest_sold_by_the_close(lab: Lab) -> None:
    lab.control.position("TQQQ", 100, "40")
    lab.control.quote("TQQQ", "50.95", "50.98", 30, 2000)
    on_order(lab, "fill", "50.90", "50.93", side="sell")
    send(lab, side="sell", ladder="better_orders")
    order, close = _take_over(lab, when="10:00:01")
    assert (order.status, order.filled_qty) == (Status.SUPERSEDED, 30)
    assert (close.status, close.filled_qty) == (Status.FILLED, 70)
    check_held(lab)


def test_an_order_that_waits_its_turn_is_superseded_with_the_one_before_it(lab: Lab) -> None:
    _resting_bracket(lab)
    lab.sleep(0.001)
    send(lab, "waits")
    with Crowd(lab) as crowd:
        crowd.work(until=market_time(MEANWHILE))
        assert lab.order("waits").status is Status.WAITING
        send(lab, "c", kind="close")
        crowd.work()
    assert [lab.order(each).status for each in ("a", "waits")] == [Status.SUPERSEDED] * 2
    assert lab.order("waits").children == ()
    check_held(lab)


def test_an_order_that_came_after_the_close_is_worked_after_it(lab: Lab) -> None:
    _resting_bracket(lab)
    with Crowd(lab) as crowd:
        crowd.work(until=market_time(MEANWHILE))
        send(lab, "c", kind="close")
        lab.sleep(0.001)
        send(lab, "after", qty=7)
        crowd.work()
    after, close = lab.order("after"), lab.order("c")
    assert (after.status, after.filled_qty, after.close.superseded_by) == (Status.FILLED, 7, None)
    assert after.first_sent_at and close.completed_at and after.first_sent_at >= close.completed_at
    check_held(lab, free=7)


def test_orders_of_other_symbols_are_not_superseded(lab: Lab) -> None:
    lab.control.quote("SOXL", "50.99", "51.02", 2000, 2000)
    send(lab, **(BRACKET | {"symbol": "SOXL"}))
    bracket, _ = _take_over(lab)
    assert (bracket.status, bracket.reason) == (Status.UNFILLED, Reason.FILL_TIMEOUT)


@pytest.mark.usefixtures("aws_credentials")
def test_an_order_parked_for_a_later_open_stays(exchange: ExchangeControl) -> None:
    with lab_at(exchange, "15:59:50") as lab:
        lab.control.position("TQQQ", 60, "40")
        send(lab, when_closed="next_open", ladder="standard")
        lab.sleep(0.001)
        with Crowd(lab) as crowd:
            crowd.work(until=market_time("15:59:51"))
            assert lab.order("a").run.parked_until
            send(lab, "c", kind="close")
            crowd.work(until=market_time("16:01"))
        order, close = lab.order("a"), lab.order("c")
        assert (order.status, order.close.superseded_by) == (Status.WAITING, None)
        assert (close.status, close.filled_qty) == (Status.FILLED, 60)
        assert shares(lab) == 0


@pytest.mark.usefixtures("aws_credentials")
@pytest.mark.parametrize("latest_first", [False, True])
def test_a_close_that_waits_for_the_same_open_ends_flat(exchange: ExchangeControl, latest_first: bool) -> None:
    with lab_at(exchange, "09:29") as lab:
        lab.control.position("TQQQ", 60, "40")
        send(lab)
        lab.sleep(0.5)
        send(lab, "c", kind="close")
        with Crowd(lab, latest_first=latest_first) as crowd:
            crowd.work()
        order, close = lab.order("a"), lab.order("c")
        assert order.status in (Status.FILLED, Status.SUPERSEDED)
        assert (close.status, close.filled_qty) == (Status.FILLED, 60 + order.filled_qty)
        check_held(lab)


@pytest.mark.parametrize("ack_ms", [400, 3000])
def test_protection_on_its_way_is_found_and_taken_down(lab: Lab, ack_ms: int) -> None:
    """The close comes when the OCO was sent and nobody has seen it live yet."""
    lab.control.settings(ack_ms=ack_ms, fill_ms=1)
    send(lab, **BRACKET)
    with Crowd(lab) as crowd:
        while not lab.order("a").guard.protections:
            crowd.work(until=_later(lab, 0.25))
        assert lab.order("a").open_protection
        send(lab, "c", kind="close")
        crowd.work()
    bracket, close = lab.order("a"), lab.order("c")
    assert (bracket.filled_qty, bracket.unexited_qty) == (100, 0)
    assert (close.status, close.filled_qty) == (Status.FILLED, 100)
    assert bracket.exit_reason == "close"
    check_held(lab)


def test_protection_whose_answer_was_lost_is_found_and_taken_down(lab: Lab) -> None:
    """Design 3.2: the OCO may be live though nobody knows its id."""
    lost = {"method": "POST", "path": "/v2/orders", "order_class": "oco", "kind": "drop_after", "count": 1}
    lab.control.faults(lost)
    send(lab, **BRACKET)
    with Crowd(lab) as crowd:
        crowd.work(until=market_time("10:00:00.5"))
        oco = lab.order("a").open_protection
        assert oco and oco.broker_order_id is None
        send(lab, "c", kind="close")
        crowd.work()
    bracket, close = lab.order("a"), lab.order("c")
    assert (close.status, close.filled_qty, bracket.unexited_qty) == (Status.FILLED, 100, 0)
    check_held(lab)


def test_an_unwind_is_left_to_finish(lab: Lab) -> None:
    """A position that is being left already is not left twice."""
    lab.control.quote("TQQQ", "50.95", "50.98", 2000, 2000)
    on_order(lab, "fill", "49.50", "49.53")
    send(lab, **BRACKET)
    with Crowd(lab) as crowd:
        crowd.work(until=market_time("10:00:00.4"))
        assert lab.order("a").unwind.wanted
        send(lab, "c", kind="close")
        crowd.work()
    bracket, close = lab.order("a"), lab.order("c")
    assert (bracket.status, bracket.close.superseded_by, bracket.exit_reason) == (Status.UNWOUND, None, "unwind")
    assert (close.status, close.reason) == (Status.REJECTED, Reason.NO_POSITION)
    check_held(lab)


def test_an_earlier_position_and_a_resting_bracket_are_both_left(lab: Lab) -> None:
    hold(lab, "old", qty=40)
    _part_of_a_bracket(lab, 25)
    bracket, close = _take_over(lab, when="10:00:02.5")
    assert (bracket.status, bracket.filled_qty) == (Status.SUPERSEDED, 25)
    assert (close.status, close.filled_qty) == (Status.FILLED, 65)
    assert lab.order("old").exit_reason == bracket.exit_reason == "close"
    check_held(lab)


def test_an_older_target_that_filled_unseen_does_not_hide_a_superseded_part(lab: Lab) -> None:
    """The records say 65 until the older bracket's OCO is read; the account's 25 are all the part's."""
    hold(lab, "old", qty=40)
    _part_of_a_bracket(lab, 25)
    with Crowd(lab) as crowd:
        crowd.work(until=market_time("10:00:02"))
        lab.control.quote("TQQQ", "53.50", "53.53", 2000, 2000)
        lab.sleep(0.2)
        lab.control.quote("TQQQ", "50.99", "51.02", 2000, 2000)
        lab.sleep(0.2)
        send(lab, "c", kind="close", qty=10)
        crowd.work()
    bracket, close = lab.order("a"), lab.order("c")
    assert shares(lab) == 15
    assert (close.status, close.filled_qty) == (Status.FILLED, 10)
    assert (bracket.exit_reason, bracket.unexited_qty) == ("close", 15)
    lab.sweep()
    lab.work()
    assert lab.order("old").exit_reason == "target"
    check_held(lab)


def test_a_bracket_whose_stuck_cancel_is_superseded_keeps_the_symbol_locked(lab: Lab) -> None:
    """Design 3.1: until the entry is terminal it may fill, and nothing is sold before it cannot."""
    lab.control.faults({"method": "DELETE", "path": "/v2/orders/*", "kind": "stuck_cancel"})
    _resting_bracket(lab)
    with Crowd(lab) as crowd:
        crowd.work(until=market_time(MEANWHILE))
        send(lab, "c", kind="close")
        crowd.work(until=market_time("10:02"))
        assert any("cancel not confirmed" in alert for alert in alerts(lab))
        assert lab.order("c").status is Status.WAITING
        lab.control.quote("TQQQ", "50.95", "50.98", 2000, 2000)
        lab.sleep(0.2)
        lab.control.faults()
        crowd.work()
    bracket, close = lab.order("a"), lab.order("c")
    assert bracket.filled_qty == close.filled_qty == 100
    assert bracket.exit_reason == "close"
    check_held(lab)


def test_each_order_publishes_its_outcome_once(lab: Lab) -> None:
    _part_of_a_bracket(lab)
    _take_over(lab, when="10:00:02")
    assert sorted(each["signal_id"] for each in outcomes(lab)) == ["a", "c"]


def test_the_execution_that_was_superseded_sends_nothing_more(lab: Lab) -> None:
    """Design 3: a stale worker can write nothing and must send nothing."""
    out_of_reach(lab, rungs=8)
    send(lab, ladder="standard")
    order, _ = _take_over(lab, when="10:00:03")
    taken_over = next(event.at for event in order.events if "superseded by" in event.detail)
    assert all(child.sent_at <= taken_over for child in order.children)
    assert order.run.executions == 2


def test_a_superseded_entry_that_never_arrived_is_not_sent_again(lab: Lab) -> None:
    """Design 3.2 meets a close: there is nothing left to buy for."""
    lab.control.faults({"method": "POST", "path": "/v2/orders", "kind": "drop_before", "count": 1})
    send(lab, **BRACKET)
    bracket, close = _take_over(lab, when="10:00:02")
    assert (bracket.status, bracket.filled_qty, len(bracket.children)) == (Status.SUPERSEDED, 0, 1)
    assert (close.status, close.reason) == (Status.REJECTED, Reason.NO_POSITION)
    assert not journal(lab, event="accepted")
    check_held(lab)


def test_a_superseded_entry_that_did_arrive_is_found_and_cancelled(lab: Lab) -> None:
    lab.control.quote("TQQQ", "50.99", "51.02", 2000, 2000)
    lab.control.faults({"method": "POST", "path": "/v2/orders", "kind": "drop_after", "count": 1})
    send(lab, **BRACKET)
    bracket, close = _take_over(lab, when="10:00:00.5")
    assert (bracket.status, bracket.filled_qty) == (Status.SUPERSEDED, 0)
    assert (close.status, close.reason) == (Status.REJECTED, Reason.NO_POSITION)
    assert len(journal(lab, event="canceled")) == 1
    check_held(lab)


def _later(lab: Lab, seconds: float) -> str:
    return (datetime.fromisoformat(lab.control.clock().now) + timedelta(seconds=seconds)).isoformat()


def test_shares_sold_from_under_an_oco_that_never_arrived_are_booked(lab: Lab) -> None:
    lab.control.faults({"method": "POST", "path": "/v2/orders", "order_class": "oco", "kind": "error", "count": 2})
    through_the_stop = {"symbol": "TQQQ", "bid": "49.50", "ask": "49.53", "bid_size": 2000, "ask_size": 2000}
    lab.control.script({"at": market_time("10:00:12"), **through_the_stop})
    send(lab, **BRACKET)
    bracket, close = _take_over(lab, when="10:00:13", qty=30)
    minutes(lab, 3)
    bracket = lab.order("a")
    assert (close.status, closed_by([bracket], close), shares(lab)) == (Status.FILLED, [30], 0), bracket.events
    check_held(lab)
