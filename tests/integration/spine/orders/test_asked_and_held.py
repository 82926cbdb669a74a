"""What was asked for and what could be sold: what is not there, what other orders hold, fractions, dust."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from repeg.domain.order.record import Order
from repeg.domain.reasons import Reason, Status
from tests.support.crowd import Crowd
from tests.support.lab import Lab
from tests.support.leaving import BRACKET, SHORT, check_held, guards, hold, shares
from tests.support.scenes import (
    alerts,
    by_hand,
    check_ours,
    done,
    limit_by_hand,
    market_time,
    on_order,
    outcomes,
    run,
    send,
    submits,
)

SIGNALS: list[dict[str, Any]] = [{"side": "sell", "qty": 100}, {"kind": "close"}, {"kind": "close", "qty": 100}]
IDS = ["sell", "close", "close 100"]


def _said(order: Order) -> str:
    return " | ".join(event.detail for event in order.events)


# --- more than there is ---


@pytest.mark.parametrize("signal", [{"side": "sell"}, {"kind": "close"}], ids=["sell", "close"])
def test_asking_for_more_than_is_held_sells_what_is_held_and_says_so(lab: Lab, signal: dict[str, Any]) -> None:
    lab.control.position("TQQQ", "101.5", "40")
    order = done(lab, **signal, qty=500)
    assert (order.status, order.reason) == (Status.FILLED, Reason.CUT_TO_POSITION)
    assert (order.terms.requested_qty, order.filled_qty) == (500, Decimal("101.5"))
    assert "101.5 of 500 asked" in order.events[-1].detail
    assert outcomes(lab)[-1]["requested_qty"] == "500"
    assert not alerts(lab)
    assert shares(lab) == 0


def test_a_sell_by_amount_of_more_than_is_held_says_so(lab: Lab) -> None:
    lab.control.position("TQQQ", 5, "40")
    order = done(lab, side="sell", notional=1000)
    assert (order.status, order.reason, order.filled_qty) == (Status.FILLED, Reason.CUT_TO_POSITION, 5)
    assert order.terms.requested_qty and order.terms.requested_qty > 19
    assert not alerts(lab)


def test_what_is_cut_walks_its_ladder_and_may_miss(lab: Lab) -> None:
    """The cut is no fill: what a cut order could not sell is what it reports."""
    lab.control.position("TQQQ", 60, "40")
    lab.control.quote("TQQQ", "50.95", "50.98", 20, 2000)
    on_order(lab, "fill", "49.95", "49.98", side="sell")
    order = done(lab, side="sell")
    assert (order.status, order.filled_qty, order.terms.requested_qty) == (Status.PARTIALLY_FILLED, 20, 100)
    assert order.reason is Reason.SLIPPAGE_EXCEEDED


# --- held by orders that are not ours ---


@pytest.mark.parametrize("signal", SIGNALS, ids=IDS)
def test_shares_that_somebody_elses_order_holds_stay_and_the_order_is_named(lab: Lab, signal: dict[str, Any]) -> None:
    lab.control.position("TQQQ", 100, "40")
    theirs = limit_by_hand(lab, "sell", 40, "60")
    order = run(lab, **signal)
    assert (order.status, order.reason) == (Status.PARTIALLY_FILLED, Reason.HELD_BY_OTHER_ORDER)
    assert (order.terms.requested_qty, order.filled_qty) == (100, 60)
    assert f"sell 40 at 60.00 (order {theirs})" in _said(order)
    assert "60 of 100 asked" in order.events[-1].detail
    assert bool(alerts(lab)) is (order.kind == "close"), "a close that leaves shares says so"
    check_ours(lab, all_over=False)


@pytest.mark.parametrize("signal", SIGNALS, ids=IDS)
def test_shares_that_are_all_held_by_somebody_elses_order_name_it(lab: Lab, signal: dict[str, Any]) -> None:
    lab.control.position("TQQQ", 100, "40")
    theirs = limit_by_hand(lab, "sell", 100, "60")
    order = run(lab, **signal)
    assert (order.status, order.reason, order.children) == (Status.REJECTED, Reason.HELD_BY_OTHER_ORDER, ())
    assert f"sell 100 at 60.00 (order {theirs})" in _said(order)
    assert "close" not in _said(order).split("accepted")[1], "no circular advice"
    check_ours(lab, all_over=False)


def test_shares_that_protection_holds_are_a_case_for_a_close(lab: Lab) -> None:
    hold(lab)
    order = run(lab, side="sell")
    assert (order.status, order.reason) == (Status.REJECTED, Reason.HELD_BY_PROTECTION)
    assert "Send a close" in _said(order)


def test_a_short_whose_buy_back_somebody_elses_order_holds(lab: Lab) -> None:
    lab.control.position("TQQQ", -100, "60")
    theirs = limit_by_hand(lab, "buy", 40, "40")
    order = run(lab, kind="close")
    assert (order.status, order.reason, order.filled_qty) == (Status.PARTIALLY_FILLED, Reason.HELD_BY_OTHER_ORDER, 60)
    assert f"buy 40 at 40.00 (order {theirs})" in _said(order)


def test_what_is_free_again_when_the_rest_is_sold_is_sold_too(lab: Lab) -> None:
    lab.control.position("TQQQ", 100, "40")
    theirs = limit_by_hand(lab, "sell", 40, "60")
    lab.control.quote("TQQQ", "50.95", "50.98", 50, 2000)
    send(lab, "c", kind="close")
    with Crowd(lab) as crowd:
        crowd.work(until=market_time("10:00:00.5"))
        by_hand(lab, "DELETE", f"orders/{theirs}")
        crowd.work()
    close = lab.order("c")
    assert (close.status, close.reason, close.filled_qty, shares(lab)) == (Status.FILLED, None, 100, 0)
    assert not alerts(lab)


def test_what_somebody_else_sold_meanwhile_is_gone(lab: Lab) -> None:
    """The account is flat, which is what a close wants."""
    lab.control.position("TQQQ", 100, "40")
    limit_by_hand(lab, "sell", 40, "51.20")
    lab.control.quote("TQQQ", "50.95", "50.98", 50, 2000)
    on_order(lab, "fill", "51.25", "51.28", side="sell", size=50)
    close = run(lab, "c", kind="close")
    assert (close.status, close.filled_qty, shares(lab)) == (Status.FILLED, 60, 0)
    assert close.reason is Reason.CUT_TO_POSITION
    assert not alerts(lab)


# --- orders that must give way ---


@pytest.mark.parametrize(("held", "side", "price"), [(100, "sell", "60"), (-100, "buy", "40")], ids=["long", "short"])
def test_a_close_that_may_takes_other_orders_down(lab: Lab, held: int, side: str, price: str) -> None:
    lab.control.settings(cancel_ms=1500)
    lab.control.position("TQQQ", held, "50")
    theirs = [limit_by_hand(lab, side, 40, price), limit_by_hand(lab, side, 30, price)]
    order = run(lab, kind="close", foreign_orders="cancel")
    assert (order.status, order.reason, order.filled_qty, shares(lab)) == (Status.FILLED, None, 100, 0)
    assert {by_hand(lab, "GET", f"orders/{each}")["status"] for each in theirs} == {"canceled"}


def test_an_order_that_fills_while_it_is_taken_down_is_not_sold_again(lab: Lab) -> None:
    lab.control.position("TQQQ", 100, "40")
    limit_by_hand(lab, "sell", 40, "51.20")
    on_order(lab, "pending_cancel", "51.25", "51.28", side="sell", after=0.02)
    order = run(lab, kind="close", foreign_orders="cancel")
    assert (order.status, order.filled_qty, shares(lab)) == (Status.FILLED, 60, 0)


def test_an_order_that_cannot_be_taken_down_keeps_its_shares(lab: Lab) -> None:
    lab.control.position("TQQQ", 100, "40")
    theirs = limit_by_hand(lab, "sell", 40, "60")
    lab.control.faults({"method": "DELETE", "path": f"/v2/orders/{theirs}", "kind": "stuck_cancel"})
    order = run(lab, kind="close", foreign_orders="cancel")
    assert (order.status, order.reason, order.filled_qty) == (Status.PARTIALLY_FILLED, Reason.HELD_BY_OTHER_ORDER, 60)
    assert alerts(lab)


def test_protection_of_ours_and_an_order_of_somebody_else_both_come_down(lab: Lab) -> None:
    lab.control.position("TQQQ", 40, "40")
    hold(lab)
    limit_by_hand(lab, "sell", 40, "60")
    order = run(lab, "c", kind="close", foreign_orders="cancel")
    assert (order.status, order.filled_qty, shares(lab)) == (Status.FILLED, 140, 0)
    check_held(lab, strangers=True)


def test_a_close_that_may_leaves_alone_what_is_not_in_its_way(lab: Lab) -> None:
    lab.control.position("TQQQ", 100, "40")
    theirs = limit_by_hand(lab, "sell", 40, "60")
    order = run(lab, kind="close", qty=60, foreign_orders="cancel")
    assert (order.status, order.filled_qty) == (Status.FILLED, 60)
    assert by_hand(lab, "GET", f"orders/{theirs}")["status"] == "new"


# --- whose shares ---


@pytest.mark.parametrize("mine", [10, 40])
def test_the_shares_of_a_bracket_are_its_own_and_those_of_other_orders_are_theirs(lab: Lab, mine: int) -> None:
    """Own shares under an own resting order, beside a bracket: the close sells the bracket's, and nobody is bare."""
    lab.control.position("TQQQ", mine, "40")
    hold(lab, qty=25)
    limit_by_hand(lab, "sell", 10, "60")
    close = run(lab, "c", kind="close")
    assert (close.status, close.reason) == (Status.PARTIALLY_FILLED, Reason.HELD_BY_OTHER_ORDER)
    assert close.filled_qty == 15 + mine
    bracket = lab.order("b")
    assert (bracket.unexited_qty, bracket.exit_reason) == (0, "close")
    assert not [alert for alert in alerts(lab) if "protect" in alert]
    check_held(lab, free=10, strangers=True)


def test_a_short_brackets_shares_are_its_own(lab: Lab) -> None:
    lab.control.position("TQQQ", -10, "60")
    hold(lab, **(SHORT | {"qty": 25}))
    limit_by_hand(lab, "buy", 10, "40")
    close = run(lab, "c", kind="close")
    assert (close.filled_qty, lab.order("b").unexited_qty) == (25, 0)
    check_held(lab, free=-10, strangers=True)


def test_a_partial_close_takes_a_brackets_shares_when_the_others_are_held(lab: Lab) -> None:
    lab.control.position("TQQQ", 10, "40")
    hold(lab, qty=25)
    limit_by_hand(lab, "sell", 10, "60")
    close = run(lab, "c", kind="close", qty=5)
    assert (close.status, close.filled_qty, lab.order("b").unexited_qty) == (Status.FILLED, 5, 20)
    assert [guard.qty for guard in guards(lab)] == [20]
    check_held(lab, free=10, strangers=True)


# --- flat, and fractions ---


def test_a_close_of_what_is_not_held_alerts_nobody(lab: Lab) -> None:
    order = done(lab, kind="close")
    assert (order.status, order.reason) == (Status.REJECTED, Reason.NO_POSITION)
    assert not alerts(lab)


def test_a_close_after_its_bracket_was_superseded_unfilled_alerts_nobody(lab: Lab) -> None:
    lab.control.quote("TQQQ", "50.99", "51.02", 2000, 2000)
    send(lab, **BRACKET)
    with Crowd(lab) as crowd:
        crowd.work(until=market_time("10:00:02"))
        send(lab, "c", kind="close")
        crowd.work()
    assert lab.order("c").reason is Reason.NO_POSITION
    assert not alerts(lab)


@pytest.mark.parametrize("signal", [{"side": "sell", "qty": "2.5"}, {"kind": "close"}], ids=["sell", "close"])
def test_a_fraction_of_what_trades_in_whole_shares_stays_and_is_told(lab: Lab, signal: dict[str, Any]) -> None:
    lab.control.position("TQQQ", "2.5", "40")
    lab.control.asset("TQQQ", fractionable=False)
    order = done(lab, **signal)
    assert (order.status, order.reason) == (Status.PARTIALLY_FILLED, Reason.NOT_FRACTIONABLE)
    assert (order.terms.requested_qty, order.filled_qty, shares(lab)) == (Decimal("2.5"), 2, Decimal("0.5"))
    assert "0.5 of a share stay" in _said(order)
    assert bool(alerts(lab)) is (order.kind == "close")
    assert len(submits(lab)) == 1


def test_a_close_of_a_mere_fraction_of_what_trades_in_whole_shares_sends_nothing(lab: Lab) -> None:
    lab.control.position("TQQQ", "0.5", "40")
    lab.control.asset("TQQQ", fractionable=False)
    order = done(lab, kind="close")
    assert (order.status, order.reason) == (Status.REJECTED, Reason.NOT_FRACTIONABLE)
    assert not submits(lab)
    assert alerts(lab)
