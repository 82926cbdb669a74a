"""Rungs that the broker refuses though it should not, or because of what rests on the account; dust; late positions."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from repeg.domain.order.record import Order
from repeg.domain.reasons import Reason, Status
from tests.support.crowd import Crowd
from tests.support.lab import Lab
from tests.support.leaving import BRACKET, SHORT, check_held, hold, shares, side_by_side
from tests.support.scenes import (
    alerts,
    by_hand,
    check_ours,
    done,
    journal,
    limit_by_hand,
    market_time,
    on_order,
    out_of_reach,
    run,
    send,
    submits,
)

SUBMIT = {"method": "POST", "path": "/v2/orders", "kind": "error", "status": 403}
LACKING = {"code": 40310000, "message": "insufficient qty available for order (requested: 100, available: 0)"}
POOR = {"code": 40310000, "message": "insufficient buying power"}
LAGGING = {"method": "GET", "path": "/v2/positions/TQQQ"}
UNKNOWN = {"code": 40410000, "message": "position does not exist"}


def _said(order: Order) -> str:
    return " | ".join(event.detail for event in order.events)


# --- what a cancelled rung still ties up ---


@pytest.mark.parametrize("times", [1, 3])
@pytest.mark.parametrize("signal", [{}, {"completion": "must"}, {"notional": 1000}], ids=["plain", "must", "amount"])
def test_a_sell_refused_behind_its_own_cancelled_rung_is_sized_anew(
    lab: Lab, signal: dict[str, Any], times: int
) -> None:
    lab.control.position("TQQQ", 100, "40")
    on_order(lab, "new", "50.91", "50.94", side="sell")
    lab.control.faults(SUBMIT | {"client_order_id": "*-e2", "body": LACKING, "count": times})
    order = done(lab, side="sell", ladder="better_orders", **signal)
    assert order.status is Status.FILLED
    assert order.filled_qty == (order.terms.requested_qty if signal.get("notional") else 100)
    assert shares(lab) == 100 - order.filled_qty


def test_a_sell_whose_shares_were_taken_meanwhile_is_cut_to_the_rest(lab: Lab) -> None:
    """Refused in mid-ladder because somebody else's order holds 30 now."""
    lab.control.position("TQQQ", 100, "40")
    on_order(lab, "new", "50.91", "50.94", side="sell")
    send(lab, side="sell", ladder="better_orders")
    with Crowd(lab) as crowd:
        crowd.work(until=market_time("10:00:01"))
        lab.control.faults(SUBMIT | {"client_order_id": "*-e2", "body": LACKING, "count": 1})
        crowd.work(until=market_time("10:00:02.9"))
        limit_by_hand(lab, "sell", 30, "60")
        crowd.work()
    order = lab.order("a")
    assert (order.status, order.reason, order.filled_qty) == (Status.PARTIALLY_FILLED, Reason.HELD_BY_OTHER_ORDER, 70)
    assert "sell 30 at 60" in _said(order)
    check_ours(lab, all_over=False)


def test_a_sell_that_stays_refused_is_believed(lab: Lab) -> None:
    lab.control.position("TQQQ", 100, "40")
    lab.control.faults(SUBMIT | {"side": "sell", "body": LACKING})
    order = done(lab, side="sell", ladder="better_orders")
    assert (order.status, order.reason) == (Status.REJECTED, Reason.HELD_BY_PROTECTION)
    assert len(submits(lab)) == 4


@pytest.mark.parametrize("completion", ["protect_price", "must"])
def test_a_buy_refused_for_money_that_its_own_cancelled_rung_ties_up_waits_for_it(lab: Lab, completion: str) -> None:
    out_of_reach(lab, rungs=1)
    lab.control.faults(SUBMIT | {"client_order_id": "*-e2", "body": POOR, "count": 3})
    order = done(lab, ladder="better_orders", completion=completion)
    assert (order.status, order.filled_qty) == (Status.FILLED, 100)
    assert not alerts(lab)


def test_a_buy_that_the_account_cannot_pay_is_believed_at_once(lab: Lab) -> None:
    lab.control.account(cash="100")
    order = done(lab)
    assert (order.status, order.reason, len(submits(lab))) == (Status.REJECTED, Reason.INSUFFICIENT_BUYING_POWER, 1)


def test_a_buy_that_covers_waits_for_what_its_own_cancelled_rung_holds(lab: Lab) -> None:
    lab.control.position("TQQQ", -100, "60")
    out_of_reach(lab, rungs=1)
    lab.control.faults(SUBMIT | {"client_order_id": "*-e2", "body": LACKING, "count": 2})
    order = done(lab, ladder="better_orders")
    assert (order.status, order.filled_qty, shares(lab)) == (Status.FILLED, 100, 0)


# --- opposite orders that rest ---


@pytest.mark.parametrize("resting", ["50.94", "50.95"])
def test_a_close_sells_around_somebody_elses_resting_buy(lab: Lab, resting: str) -> None:
    """Whatever is not above it would be a wash trade; at 50.95 their buy is the bid, and the market must come up."""
    lab.control.position("TQQQ", 100, "40")
    theirs = limit_by_hand(lab, "buy", 10, resting)
    lab.control.script(
        {"symbol": "TQQQ", "after": 30, "bid": "50.97", "ask": "51.00", "bid_size": 2000, "ask_size": 2000}
    )
    order = run(lab, kind="close")
    assert (order.status, order.filled_qty, shares(lab)) == (Status.FILLED, 100, 0)
    assert {child.type for child in order.sent} == {"limit"}
    assert all(child.limit_price and child.limit_price > Decimal(resting) for child in order.sent)
    assert by_hand(lab, "GET", f"orders/{theirs}")["status"] == "new"
    assert theirs in _said(order)


def test_a_close_of_a_short_buys_around_somebody_elses_resting_sell(lab: Lab) -> None:
    lab.control.position("TQQQ", -100, "60")
    limit_by_hand(lab, "sell", 10, "50.99")
    order = run(lab, kind="close")
    assert (order.status, order.filled_qty, shares(lab)) == (Status.FILLED, 100, 0)
    assert all(child.limit_price and child.limit_price < Decimal("50.99") for child in order.sent)


def test_an_unwind_sells_around_somebody_elses_resting_buy(lab: Lab) -> None:
    on_order(lab, "fill", "49.50", "49.53")
    send(lab, "b", **BRACKET)
    with Crowd(lab) as crowd:
        lab.control.script(
            {"on": {"symbol": "TQQQ", "event": "fill", "side": "buy"}, "symbol": "TQQQ", "bid": "49.50", "ask": "49.53"}
        )
        limit_by_hand(lab, "buy", 10, "49.49")
        crowd.work()
    bracket = lab.order("b")
    assert (bracket.status, bracket.exit_reason, shares(lab)) == (Status.UNWOUND, "unwind", 0)


def test_a_close_that_may_takes_down_what_rests_against_it(lab: Lab) -> None:
    lab.control.position("TQQQ", 100, "40")
    theirs = limit_by_hand(lab, "buy", 10, "50.95")
    order = run(lab, kind="close", foreign_orders="cancel")
    assert (order.status, order.filled_qty) == (Status.FILLED, 100)
    assert by_hand(lab, "GET", f"orders/{theirs}")["status"] == "canceled"


def test_a_resting_stop_that_nothing_may_meet_is_named_and_waited_for(lab: Lab) -> None:
    """A plain stop refuses every order against it, whatever its price."""
    lab.control.position("TQQQ", 100, "40")
    stop = {"symbol": "TQQQ", "qty": 5, "side": "buy", "type": "stop", "time_in_force": "day", "stop_price": "55"}
    theirs = by_hand(lab, "POST", "orders", stop)["id"]
    lab.sleep(0.1)
    send(lab, "c", kind="close")
    with Crowd(lab) as crowd:
        crowd.work(until=market_time("10:05"))
        told = [alert for alert in alerts(lab) if theirs in alert]
        assert len(told) == 1, "named once, not with every try"
        assert "buy 5 stop 55" in told[0]
        by_hand(lab, "DELETE", f"orders/{theirs}")
        crowd.work()
    order = lab.order("c")
    assert (order.status, order.filled_qty, shares(lab)) == (Status.FILLED, 100, 0)
    assert len(order.children) < 5, "what was refused fills no record"


def test_a_plain_order_believes_a_wash_trade(lab: Lab) -> None:
    lab.control.position("TQQQ", 100, "40")
    theirs = limit_by_hand(lab, "sell", 50, "50.99")
    order = run(lab)
    assert (order.status, order.reason, len(order.children)) == (Status.REJECTED, Reason.WASH_TRADE, 1)
    assert f"sell 50 at 50.99 (order {theirs})" in _said(order)


# --- less than a dollar ---


def _accepts_any_size(lab: Lab) -> None:
    """Whatever the exchange would say to it: nothing of less than a dollar may be sent."""
    assert all(Decimal(e["qty"]) * Decimal(e["limit_price"] or "50") >= 1 for e in journal(lab, event="accepted"))


@pytest.mark.parametrize("signal", [{"qty": "0.01"}, {"notional": 1}], ids=["fraction", "amount"])
@pytest.mark.parametrize("completion", ["protect_price", "must"])
def test_less_than_a_dollar_is_refused_before_it_is_sent(lab: Lab, signal: dict[str, Any], completion: str) -> None:
    order = done(lab, completion=completion, **signal)
    assert (order.status, order.reason) == (Status.REJECTED, Reason.NOTIONAL_TOO_SMALL)
    assert not submits(lab)
    assert not alerts(lab)


@pytest.mark.parametrize("completion", ["protect_price", "must"])
def test_a_rest_of_less_than_a_dollar_ends_the_ladder(lab: Lab, completion: str) -> None:
    lab.control.quote("TQQQ", "50.95", "50.98", 2000, 100)
    on_order(lab, "fill", "50.99", "51.02")
    order = done(lab, qty="100.01", ladder="better_orders", completion=completion)
    assert (order.status, order.reason) == (Status.PARTIALLY_FILLED, Reason.NOTIONAL_TOO_SMALL)
    assert order.filled_qty == 100
    assert not alerts(lab)
    _accepts_any_size(lab)


@pytest.mark.parametrize(("held", "sold"), [("100.01", 100), ("0.01", 0)], ids=["rest", "all"])
def test_dust_in_a_close_is_told_and_alarms_nobody(lab: Lab, held: str, sold: int) -> None:
    lab.control.position("TQQQ", held, "40")
    lab.control.quote("TQQQ", "50.95", "50.98", 100, 2000)
    on_order(lab, "fill", "50.90", "50.93", side="sell")
    order = done(lab, kind="close")
    status = Status.PARTIALLY_FILLED if sold else Status.REJECTED
    assert (order.status, order.reason, order.filled_qty) == (status, Reason.NOTIONAL_TOO_SMALL, sold)
    assert "$1" in _said(order)
    assert not alerts(lab)


# --- positions that show late ---


def _shows_late(lab: Lab, reads: int) -> None:
    lab.control.faults(LAGGING | {"kind": "error", "status": 404, "body": UNKNOWN, "count": reads})


@pytest.mark.parametrize("signal", [{"kind": "close"}, {"side": "sell"}], ids=["close", "sell"])
@pytest.mark.parametrize("reads", [1, 3, 6])
def test_what_a_plain_order_bought_a_moment_ago_is_there_though_the_position_does_not_show(
    lab: Lab, signal: dict[str, Any], reads: int
) -> None:
    done(lab, "bought")
    lab.sleep(2)
    _shows_late(lab, reads)
    order = run(lab, "c", **signal)
    assert (order.status, order.filled_qty, shares(lab)) == (Status.FILLED, 100, 0)
    assert not alerts(lab)


def test_what_never_shows_is_not_there(lab: Lab) -> None:
    done(lab, "bought")
    lab.sleep(2)
    sale = {"symbol": "TQQQ", "qty": 100, "side": "sell", "type": "market", "time_in_force": "day"}
    by_hand(lab, "POST", "orders", sale)
    lab.sleep(0.5)
    order = run(lab, "c", kind="close")
    assert (order.status, order.reason) == (Status.REJECTED, Reason.NO_POSITION)
    assert order.completed_at and order.created_at
    assert (order.completed_at - order.created_at).total_seconds() < 12


def test_an_older_buy_is_not_waited_for(lab: Lab) -> None:
    done(lab, "bought")
    lab.sleep(20)
    order = run(lab, "c", kind="close")
    assert order.completed_at and (order.completed_at - order.created_at).total_seconds() < 2


def test_a_short_that_was_just_opened_and_closed(lab: Lab) -> None:
    hold(lab, **SHORT)
    lab.sleep(1)
    order = run(lab, "c", kind="close")
    assert (order.status, shares(lab)) == (Status.FILLED, 0)
    side_by_side(lab)
    check_held(lab)
