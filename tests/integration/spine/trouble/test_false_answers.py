"""One false answer about a position makes nobody drop shares, or sell them."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from repeg.broker.alpaca_wire import Method, Reply
from repeg.domain.market.sessions import Calendar
from repeg.domain.reasons import Reason, Status
from tests.support.crowd import Crowd
from tests.support.lab import Lab
from tests.support.leaving import BRACKET, STOP, TARGET, Guard, check_held, guards, hold, minutes, shares
from tests.support.scenes import alerts, dying_at_write, market_time, run, send
from tests.support.watching import cancel_protection, lapse, sell_by_hand

READ = {"method": "GET", "path": "/v2/positions/*", "kind": "hide"}
LIST = {"method": "GET", "path": "/v2/positions", "kind": "hide"}


def test_a_position_that_is_missing_alone_is_protected_again(lab: Lab) -> None:
    """The list shows it: care, with the OCO gone, does not take it for sold."""
    lapse(lab)
    lab.control.faults(READ)
    minutes(lab, 3)
    order = lab.order("b")
    assert (order.unexited_qty, order.guard.exits, order.guard.protected) == (100, (), True)
    assert guards(lab) == [Guard(Decimal(100), STOP, TARGET)]
    lab.control.faults()
    check_held(lab)


def test_a_position_that_is_missing_in_the_list_alone_is_protected_again(lab: Lab) -> None:
    """One answer is enough to know that shares are there."""
    lapse(lab)
    lab.control.faults(LIST)
    minutes(lab, 4)
    order = lab.order("b")
    assert (order.unexited_qty, order.guard.exits, order.guard.protected) == (100, (), True)
    lab.control.faults()
    minutes(lab)
    check_held(lab)


@pytest.mark.parametrize("lost", [True, False], ids=["OCO gone", "OCO live"])
def test_what_both_reads_miss_and_nobody_sold_is_kept(lab: Lab, lost: bool) -> None:
    order = hold(lab)
    if lost:
        cancel_protection(lab, order)
    lab.control.faults(READ, LIST)
    minutes(lab, 4)
    order = lab.order("b")
    assert (order.unexited_qty, order.guard.exits) == (100, ())
    assert bool(order.care.frozen) is lost, "a live OCO contradicts it: then nothing is concluded at all"
    assert any("TQQQ" in alert for alert in alerts(lab))
    lab.control.faults()
    minutes(lab, 3)
    order = lab.order("b")
    assert (order.care.frozen, order.guard.protected, shares(lab)) == ("", True, 100)
    check_held(lab)


def test_open_orders_that_cannot_be_read_are_no_proof_that_none_holds_the_shares(lab: Lab) -> None:
    """Its OCO is at work, and both reads miss the position: taken for unguarded, it was in dispute."""
    hold(lab)
    minutes(lab)
    lab.control.faults(READ, LIST)
    wire, call = lab.broker._trading, lab.broker._trading.call

    def answers(method: Method, path: str, data: Any = None, **named: Any) -> Reply:
        if (data or {}).get("status") == "open":
            return Reply(503, {"message": "upstream"})
        return call(method, path, data, **named)

    wire.call = answers  # type: ignore[method-assign]
    minutes(lab, 4)
    order = lab.order("b")
    assert (order.unexited_qty, order.guard.exits, order.care.frozen) == (100, (), "")
    assert any("the account cannot be made out" in alert for alert in alerts(lab))
    wire.call = call  # type: ignore[method-assign]
    lab.control.faults()
    minutes(lab, 2)
    assert [guard.qty for guard in guards(lab)] == [100]
    check_held(lab)


def test_one_answer_that_misses_it_everywhere_changes_nothing(lab: Lab) -> None:
    hold(lab)
    minutes(lab)
    lab.control.faults(READ | {"count": 1}, LIST | {"count": 1})
    minutes(lab, 3)
    order = lab.order("b")
    assert (order.unexited_qty, order.care.frozen, order.care.doubted_at) == (100, "", None)
    assert not alerts(lab)
    check_held(lab)


def test_what_somebody_sold_is_booked_by_the_order_that_sold_it(lab: Lab) -> None:
    lapse(lab)
    lab.sweep()
    sell_by_hand(lab, 40)
    minutes(lab, 2)
    order = lab.order("b")
    assert (order.unexited_qty, order.care.frozen) == (60, "")
    assert any("40 TQQQ were left by somebody else" in alert for alert in alerts(lab))
    minutes(lab)
    lab.control.faults(READ, LIST)
    minutes(lab, 3)
    order = lab.order("b")
    assert order.unexited_qty == 60, "the same sale explains nothing twice"
    lab.control.faults()
    minutes(lab, 2)
    assert [guard.qty for guard in guards(lab)] == [60]
    check_held(lab, strangers=True)


def test_a_sale_that_took_all_of_one_bracket_explains_nothing_of_the_next(lab: Lab) -> None:
    first, second = hold(lab), hold(lab, "b2", qty=50)
    minutes(lab)
    cancel_protection(lab, first)
    sell_by_hand(lab, 100)
    minutes(lab)
    assert lab.order("b").exit_reason == "outside"
    cancel_protection(lab, second)
    lab.control.faults(READ, LIST)
    minutes(lab, 3)
    assert lab.order("b2").unexited_qty == 50
    lab.control.faults()
    minutes(lab, 3)
    check_held(lab, strangers=True)


@pytest.mark.parametrize("nth", [1, 2, 3])
def test_a_death_while_a_sale_is_booked_lets_it_explain_nothing_of_the_next(lab: Lab, nth: int) -> None:
    """At the nth write of the sweep that books it; the account cannot be seen right after that."""
    first, second = hold(lab), hold(lab, "b2", qty=50)
    minutes(lab)
    cancel_protection(lab, first)
    sell_by_hand(lab, 100)
    lab.sleep(60)
    with dying_at_write(lab, nth):
        lab.sweep()
    cancel_protection(lab, second)
    lab.control.faults(READ, LIST)
    minutes(lab)
    lab.control.faults()
    minutes(lab, 2)
    assert lab.order("b").exit_reason == "outside"
    assert (lab.order("b2").unexited_qty, [guard.qty for guard in guards(lab)]) == (50, [50])


def test_a_sale_that_a_close_booked_explains_nothing_later(lab: Lab) -> None:
    lapse(lab)
    sell_by_hand(lab, 60)
    lab.sleep(2)
    assert run(lab, "c", kind="close", qty=10).filled_qty == 10
    assert (lab.order("b").unexited_qty, shares(lab)) == (30, 30)
    lab.control.faults(READ, LIST)
    minutes(lab, 3)
    assert lab.order("b").unexited_qty == 30
    lab.control.faults()
    minutes(lab, 3)
    check_held(lab, strangers=True)


def test_what_somebody_sold_before_the_fill_was_read_is_booked(lab: Lab) -> None:
    """The entry's worker stands still meanwhile, and a close takes the symbol over: what is left is protected."""
    with Crowd(lab) as crowd:
        send(lab, "b", **BRACKET)
        crowd.stall("broker.submit", 100, after=True)
        crowd.work(until=market_time("10:00:05"))
        sell_by_hand(lab, 10)
        crowd.work(until=market_time("10:00:50"))
        send(lab, "c", kind="close", qty=30)
        crowd.work(until=market_time("10:06:30"), sweep_every=60)
    order = lab.order("b")
    assert (order.filled_qty, order.unexited_qty, order.care.frozen) == (100, 60, "")
    assert guards(lab) == [Guard(Decimal(60), STOP, TARGET)]
    assert any("10 TQQQ" in alert and "somebody else" in alert for alert in alerts(lab))
    check_held(lab, strangers=True)


def test_a_list_that_cannot_be_read_keeps_no_position_past_its_stop(lab: Lab) -> None:
    """Somebody's position of another kind spoils it: the position's own read tells enough."""
    lapse(lab)
    odd = {"kind": "edit", "method": "GET", "path": "/v2/positions", "body": {"avg_entry_price": "unknown"}}
    lab.control.faults(odd)
    lab.control.quote("TQQQ", "49.00", "49.03", 2000, 2000)
    minutes(lab, 4)
    assert (lab.order("b").unexited_qty, lab.order("b").exit_reason) == (0, "unwind")


# --- a close ---


def test_a_close_tries_on_while_the_position_is_missing_alone(lab: Lab) -> None:
    """The list shows it: never `no_position`, told as flat. The OCO stays until the answer clears; then it is sold."""
    hold(lab)
    lab.control.faults(READ)
    send(lab, "c", kind="close")
    with Crowd(lab) as crowd:
        crowd.work(until=market_time("10:03"), sweep_every=60)
        assert lab.order("c").status is Status.WAITING
        assert [guard.qty for guard in guards(lab)] == [100]
        assert len([alert for alert in alerts(lab) if "not closed yet" in alert]) == 1
        lab.control.faults()
        crowd.work()
    assert (lab.order("c").status, shares(lab)) == (Status.FILLED, 0)
    check_held(lab)


def test_a_position_that_vanishes_in_mid_close_is_protected_again(lab: Lab) -> None:
    hold(lab)
    lab.control.quote("TQQQ", "50.95", "50.98", 10, 2000)
    send(lab, "c", kind="close")
    with Crowd(lab) as crowd:
        crowd.work(until=market_time("10:00:03"))
        sold = 100 - shares(lab)
        lab.control.faults(READ)
        crowd.work(until=market_time("10:12"), sweep_every=60)
        assert lab.order("c").status not in (Status.REJECTED, Status.FAILED)
        lab.control.faults()
        lab.control.quote("TQQQ", "50.95", "50.98", 2000, 2000)
        crowd.work(until=market_time("10:20"), sweep_every=60)
        crowd.work()
    assert 0 < sold < 100
    assert (lab.order("b").unexited_qty, shares(lab)) == (0, 0)
    check_held(lab)


def test_a_close_of_plain_shares_believes_the_list_too(lab: Lab) -> None:
    run(lab, "own", qty=30)
    lab.sleep(5)
    lab.control.faults(READ)
    send(lab, "c", kind="close")
    with Crowd(lab) as crowd:
        crowd.work(until=market_time("10:02"))
        assert lab.order("c").status is Status.WAITING
        lab.control.faults()
        crowd.work()
    assert shares(lab) == 0


def test_a_close_of_what_somebody_sold_ends_flat(lab: Lab) -> None:
    lapse(lab)
    sell_by_hand(lab, 100)
    lab.sleep(2)
    order = run(lab, "c", kind="close")
    assert (order.status, order.reason) == (Status.REJECTED, Reason.NO_POSITION)
    assert (lab.order("b").unexited_qty, lab.order("b").exit_reason) == (0, "outside")
    check_held(lab, strangers=True)


# --- clock and calendar ---


def test_a_calendar_without_today_is_read_again(lab: Lab) -> None:
    """Kept for the day it closed the market to all: bare shares, through their stop, were to wait for Monday."""
    order = hold(lab)
    lab.time._calendar = None
    lab.time.kept.keep_calendar(Calendar(first=date(2026, 11, 1), last=date(2026, 11, 9), days=()))
    gap = {"kind": "hide", "method": "GET", "path": "/v2/calendar*", "when": {"date": "2026-11-20"}, "count": 1}
    lab.control.faults(gap)
    cancel_protection(lab, order)
    lab.control.quote("TQQQ", "49.00", "49.03", 2000, 2000)
    minutes(lab, 4)
    assert (lab.order("b").unexited_qty, lab.order("b").exit_reason) == (0, "unwind")


def test_a_clock_that_jumps_is_read_again(lab: Lab) -> None:
    order = hold(lab)
    cancel_protection(lab, order)
    lab.control.quote("TQQQ", "49.00", "49.03", 2000, 2000)
    late = {"kind": "edit", "method": "GET", "path": "/v2/clock", "body": {"timestamp": "2026-11-20T17:00:00-05:00"}}
    lab.control.faults(late | {"count": 1})
    lab.time.read(lab.broker)
    minutes(lab, 4)
    assert (lab.order("b").unexited_qty, lab.order("b").exit_reason) == (0, "unwind")
