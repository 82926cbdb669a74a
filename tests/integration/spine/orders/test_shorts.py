"""Short brackets: everything mirrored, and what only shorts can meet."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from repeg.domain.reasons import Reason, Status
from repeg.domain.settings import Settings
from tests.support.lab import Lab
from tests.support.leaving import BRACKET, SHORT, Guard, check_held, guards, hold, shares, side_by_side
from tests.support.scenes import alerts, journal, on_order, run, send, submits

GUARD = Guard(Decimal(100), Decimal("51.95"), Decimal("48.45"))


def test_a_short_is_sold_and_protected_from_its_fill(lab: Lab) -> None:
    """Limit below the signal, stop above the fill, target below it."""
    order = run(lab, "b", **SHORT)
    assert (order.status, order.filled_qty, order.avg_fill_price) == (Status.FILLED, 100, Decimal("50.95"))
    assert order.children[0].limit_price == Decimal("50.93")
    assert (order.guard.stop_loss, order.guard.take_profit, order.guard.risk_reward) == (
        Decimal("51.95"),
        Decimal("48.45"),
        Decimal("2.5"),
    )
    assert order.guard.protected is True
    assert shares(lab) == -100
    legs = [entry for entry in journal(lab, event="accepted") if entry["order_class"] == "oco"]
    assert {entry["side"] for entry in legs} == {"buy"}
    assert guards(lab) == [GUARD]
    check_held(lab)


def test_exits_can_stay_where_the_signal_put_them(lab: Lab) -> None:
    hold(lab, **(SHORT | {"exit_anchor": "signal"}))
    assert guards(lab) == [Guard(Decimal(100), Decimal("51.96"), Decimal("48.46"))]
    check_held(lab)


def test_a_better_price_is_kept(lab: Lab) -> None:
    """Design 3.6: price improvement is never a reason to reject."""
    lab.control.quote("TQQQ", "51.45", "51.48", 2000, 2000)
    order = hold(lab, **SHORT)
    assert order.avg_fill_price == Decimal("51.45")
    assert order.result.slippage_bps and order.result.slippage_bps < -95
    assert guards(lab) == [Guard(Decimal(100), Decimal("52.45"), Decimal("48.95"))]


@pytest.mark.parametrize(
    ("bid", "ask", "reason"),
    [
        ("50.90", "50.93", Reason.SLIPPAGE_EXCEEDED),
        ("51.95", "51.98", Reason.STOP_THROUGH),
    ],
    ids=["ran away downwards", "through the stop upwards"],
)
def test_a_market_that_ran_is_not_sold(lab: Lab, bid: str, ask: str, reason: Reason) -> None:
    lab.control.quote("TQQQ", bid, ask, 2000, 2000)
    order = run(lab, "b", **SHORT)
    assert (order.status, order.reason) == (Status.REJECTED, reason)
    assert not submits(lab)
    check_held(lab)


def test_too_little_reward_is_refused(lab: Lab) -> None:
    order = run(lab, "b", **(SHORT | {"take_profit": "49.46"}))
    assert (order.status, order.reason) == (Status.REJECTED, Reason.RISK_REWARD_TOO_LOW)
    assert order.guard.risk_reward == Decimal("1.5")
    assert not submits(lab)


@pytest.mark.parametrize(
    "flags", [{"shortable": False}, {"easy_to_borrow": False}], ids=["not shortable", "hard to borrow"]
)
def test_what_the_broker_does_not_lend_is_refused(lab: Lab, flags: dict[str, Any]) -> None:
    lab.control.asset("TQQQ", **flags)
    order = run(lab, "b", **SHORT)
    assert (order.status, order.reason) == (Status.REJECTED, Reason.NOT_SHORTABLE)
    assert not submits(lab)
    check_held(lab)


def test_a_loan_that_the_broker_refuses_after_all_is_refused(lab: Lab) -> None:
    body = {"code": 42210000, "message": "asset TQQQ cannot be sold short"}
    lab.control.faults({"method": "POST", "path": "/v2/orders", "kind": "error", "status": 422, "body": body})
    order = run(lab, "b", **SHORT)
    assert (order.status, order.reason) == (Status.REJECTED, Reason.NOT_SHORTABLE)
    check_held(lab)


@pytest.mark.parametrize(("signal", "held"), [(SHORT, 50), (BRACKET, -50)], ids=["short over long", "long over short"])
def test_an_opposite_position_is_left_alone(lab: Lab, signal: dict[str, Any], held: int) -> None:
    lab.control.position("TQQQ", held, "50")
    order = run(lab, "b", **signal)
    assert (order.status, order.reason) == (Status.REJECTED, Reason.OPPOSITE_POSITION)
    assert (shares(lab), submits(lab)) == (held, [])


def test_a_short_adds_to_a_short_and_protects_its_own_shares(lab: Lab) -> None:
    lab.control.position("TQQQ", -40, "50")
    hold(lab, **SHORT)
    assert shares(lab) == -140
    assert guards(lab) == [GUARD]
    check_held(lab, free=-40)


def test_a_notional_becomes_whole_shares(lab: Lab) -> None:
    signal = {key: value for key, value in SHORT.items() if key != "qty"} | {"notional": 1000}
    order = run(lab, "b", **signal)
    assert (order.status, order.terms.requested_qty, shares(lab)) == (Status.FILLED, 19, -19)
    check_held(lab)


def test_a_part_is_protected_when_the_rest_finds_no_buyer(lab: Lab) -> None:
    lab.control.quote("TQQQ", "50.95", "50.98", 30, 2000)
    on_order(lab, "fill", "50.90", "50.93", side="sell")
    order = run(lab, "b", **SHORT)
    assert (order.status, order.reason, order.filled_qty) == (Status.PARTIALLY_FILLED, Reason.FILL_TIMEOUT, 30)
    assert [guard.qty for guard in guards(lab)] == [30]
    check_held(lab)


def test_a_market_that_jumped_through_the_stop_is_bought_back(lab: Lab) -> None:
    """Design 3.8: leave the position, and say what it cost."""
    on_order(lab, "fill", "52.00", "52.03", side="sell")
    send(lab, "b", **SHORT)
    side_by_side(lab)
    order = lab.order("b")
    assert (order.status, order.reason) == (Status.UNWOUND, Reason.PROTECTION_FAILED)
    assert (order.exit_reason, order.exit_price) == ("unwind", Decimal("52.03"))
    assert order.unwind.cost == Decimal("108.00")
    assert shares(lab) == 0
    assert alerts(lab)
    check_held(lab)


def test_an_unwind_never_turns_a_short_into_a_long(lab: Lab) -> None:
    lab.control.position("TQQQ", -40, "50")
    on_order(lab, "fill", "52.00", "52.03", side="sell")
    send(lab, "b", **SHORT)
    side_by_side(lab)
    order = lab.order("b")
    assert (order.status, shares(lab)) == (Status.UNWOUND, -40)
    check_held(lab, free=-40)


def test_the_old_way_sells_short_at_the_market(lab: Lab) -> None:
    lab.settings = Settings(USE_SMART_EXECUTOR=False)
    lab.control.quote("TQQQ", "50.80", "50.83", 2000, 2000)
    order = run(lab, "b", **SHORT)
    assert (order.status, order.avg_fill_price, order.children[0].type) == (Status.FILLED, Decimal("50.80"), "market")
    assert guards(lab) == [Guard(Decimal(100), Decimal("51.96"), Decimal("48.46"))]
    check_held(lab)


def test_a_buy_over_a_protected_short_is_not_taken(lab: Lab) -> None:
    """Its shares are held by the OCO: a plain order does not buy them back."""
    hold(lab, **SHORT)
    order = run(lab, "a", qty=100)
    assert order.status is Status.REJECTED
    assert order.reason in (Reason.OPPOSITE_POSITION, Reason.HELD_BY_PROTECTION, Reason.WASH_TRADE)
    assert shares(lab) == -100
    check_held(lab)
