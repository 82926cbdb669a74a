"""Sells and closes: never more than there is, never a short, and out even without a quote."""

from __future__ import annotations

from decimal import Decimal

import pytest

from repeg.domain.reasons import Reason, Status
from tests.support.lab import Lab
from tests.support.scenes import by_hand, check_ours, done, limit_by_hand, on_order, run, submits


def _position(lab: Lab, symbol: str = "TQQQ") -> Decimal:
    held = {entry["symbol"]: Decimal(entry["qty"]) for entry in by_hand(lab, "GET", "positions")}
    return held.get(symbol, Decimal(0))


def test_a_sell_is_cut_to_what_is_available(lab: Lab) -> None:
    lab.control.position("TQQQ", 60, "40")
    order = done(lab, side="sell")
    assert (order.status, order.reason, order.filled_qty) == (Status.FILLED, Reason.CUT_TO_POSITION, 60)
    assert order.terms.requested_qty == 100
    assert "100 wanted, 60 available" in " ".join(event.detail for event in order.events)
    assert _position(lab) == 0


@pytest.mark.parametrize(("held", "reason"), [(0, Reason.NO_POSITION), (-50, Reason.OPPOSITE_POSITION)])
def test_a_sell_opens_no_short(lab: Lab, held: int, reason: Reason) -> None:
    if held:
        lab.control.position("TQQQ", held, "60")
    order = done(lab, side="sell")
    assert (order.status, order.reason) == (Status.REJECTED, reason)
    assert not submits(lab)
    assert _position(lab) == held


def test_a_buy_never_turns_a_short_into_a_long(lab: Lab) -> None:
    """Design 4, Sides: `order` never crosses zero."""
    lab.control.position("TQQQ", -50, "60")
    order = done(lab)
    assert order.status.terminal
    assert _position(lab) <= 0


def test_a_buy_that_would_cross_zero_is_told_so(lab: Lab) -> None:
    lab.control.position("TQQQ", -50, "60")
    order = done(lab)
    cut = order.status is Status.FILLED and order.filled_qty == 50
    assert cut or order.reason is Reason.OPPOSITE_POSITION


def test_a_sell_leaves_alone_what_other_orders_hold(lab: Lab) -> None:
    lab.control.position("TQQQ", 100, "40")
    limit_by_hand(lab, "sell", 70, "60")
    order = run(lab, side="sell")
    assert (order.status, order.filled_qty) == (Status.PARTIALLY_FILLED, 30)
    check_ours(lab, all_over=False)


@pytest.mark.parametrize("signal", [{"side": "sell"}, {"kind": "close"}], ids=["sell", "close"])
def test_shares_that_other_orders_hold_are_not_sold(lab: Lab, signal: dict[str, str]) -> None:
    lab.control.position("TQQQ", 100, "40")
    limit_by_hand(lab, "sell", 100, "60")
    order = run(lab, **signal)
    assert (order.status, order.reason) == (Status.REJECTED, Reason.HELD_BY_OTHER_ORDER)
    assert not [child for child in order.children]
    check_ours(lab, all_over=False)


@pytest.mark.parametrize(("held", "side"), [(100, "sell"), (-100, "buy")], ids=["long", "short"])
def test_a_close_leaves_the_position_flat(lab: Lab, held: int, side: str) -> None:
    lab.control.position("TQQQ", held, "50")
    order = done(lab, kind="close")
    assert (order.status, order.side, order.filled_qty, order.terms.ladder) == (Status.FILLED, side, 100, "unwind")
    assert _position(lab) == 0
    assert order.run.expires_at is None


def test_a_close_of_a_flat_account_says_so(lab: Lab) -> None:
    order = done(lab, kind="close")
    assert (order.status, order.reason) == (Status.REJECTED, Reason.NO_POSITION)


@pytest.mark.parametrize(("asked", "sold"), [(30, 30), (300, 100)])
def test_a_close_of_a_quantity_takes_no_more_than_there_is(lab: Lab, asked: int, sold: int) -> None:
    lab.control.position("TQQQ", 100, "40")
    order = done(lab, kind="close", qty=asked)
    assert (order.status, order.filled_qty) == (Status.FILLED, sold)
    assert _position(lab) == 100 - sold


def test_a_close_of_a_fraction(lab: Lab) -> None:
    lab.control.position("TQQQ", "0.123456789", "40")
    order = done(lab, kind="close")
    assert (order.status, order.filled_qty) == (Status.FILLED, Decimal("0.123456789"))
    assert _position(lab) == 0


@pytest.mark.parametrize("bad", ["stale", "locked", "no bid"])
def test_an_exit_without_a_quote_goes_to_the_market(lab: Lab, bad: str) -> None:
    """Design 3.12: exits without a quote go to market in regular hours."""
    lab.control.position("TQQQ", 100, "40")
    if bad == "stale":
        lab.control.quote("TQQQ", "50.95", "50.98", 2000, 2000, frozen=True)
        lab.sleep(11)
    else:
        lab.control.quote("TQQQ", "50.98" if bad == "locked" else "0", "50.98", 2000, 2000)
        good = {"symbol": "TQQQ", "bid": "50.95", "ask": "50.98", "bid_size": 2000, "ask_size": 2000}
        lab.control.script({"on": {"symbol": "TQQQ", "event": "new", "side": "sell"}, **good})
    order = done(lab, kind="close")
    assert order.status is Status.FILLED
    assert order.children[0].type == "market"
    assert order.terms.reference_price is None
    assert _position(lab) == 0


def test_an_exit_follows_the_market_down_as_far_as_it_goes(lab: Lab) -> None:
    """Design 4: `unwind` lifts the cap and repeats on fresh quotes."""
    lab.control.position("TQQQ", 100, "40")
    for nth in range(1, 4):
        price = Decimal("50.95") - nth
        on_order(lab, "new", str(price), str(price + Decimal("0.03")), nth=nth, side="sell")
    order = done(lab, kind="close")
    assert (order.status, order.avg_fill_price) == (Status.FILLED, Decimal("47.95"))
    assert [child.limit_price for child in order.children[:3]] == [Decimal("50.94"), Decimal("49.94"), Decimal("48.94")]
    assert _position(lab) == 0


def test_a_broker_that_is_down_does_not_make_an_exit_give_up(lab: Lab) -> None:
    lab.control.position("TQQQ", 100, "40")
    lab.control.faults({"method": "GET", "path": "/v2/positions/*", "kind": "error", "status": 503, "count": 8})
    order = done(lab, kind="close")
    assert order.status is Status.FILLED
