"""How far from its reference an order may trade: a market one tick wide always, and the spread a plan was made on."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from desk.exchange.client import ExchangeControl
from repeg.domain.reasons import Reason, Status
from repeg.domain.settings import Settings
from tests.support.lab import Lab
from tests.support.scenes import done, lab_at, on_order, submits

NARROWEST = [
    ("3.00", "3.01", "3.01", "3.00"),
    ("1.00", "1.01", "1.01", "1.00"),
    ("0.9999", "1.00", "1.00", "0.9999"),
    ("0.0100", "0.0101", "0.0101", "0.0100"),
    ("6.66", "6.67", "6.67", "6.66"),
]


@pytest.mark.parametrize(("bid", "ask", "bought", "sold"), NARROWEST)
@pytest.mark.parametrize("ladder", ["standard", "better_orders"])
@pytest.mark.parametrize("side", ["buy", "sell"])
def test_a_market_one_tick_wide_is_traded(
    lab: Lab, side: str, ladder: str, bid: str, ask: str, bought: str, sold: str
) -> None:
    lab.control.position("CHEAP", 1000, bid)
    lab.control.quote("CHEAP", bid, ask, 5000, 5000)
    order = done(lab, symbol="CHEAP", side=side, qty=1000, ladder=ladder)
    assert (order.status, order.avg_fill_price) == (Status.FILLED, Decimal(bought if side == "buy" else sold))
    assert order.terms.symbol_class == "stock" and order.terms.max_slippage_bps == 15
    assert not order.result.cap_breached and not order.market_fallback


def test_the_record_tells_which_bound_held(lab: Lab) -> None:
    lab.control.quote("CHEAP", "3.00", "3.01", 5000, 5000)
    cheap = done(lab, "cheap", symbol="CHEAP")
    assert (cheap.terms.cap_bound, cheap.terms.cap_floor, cheap.worst_price) == (
        "ticks",
        Decimal("0.01"),
        Decimal("3.01"),
    )
    dear = done(lab, "dear")
    assert (dear.terms.cap_bound, dear.terms.cap_floor) == ("setting", 0)
    own = done(lab, "own", max_slippage_bps=30)
    assert (own.terms.cap_bound, own.terms.cap_floor) == ("signal", 0)


def test_a_signals_own_cap_is_never_widened(lab: Lab) -> None:
    lab.control.quote("CHEAP", "3.00", "3.01", 5000, 5000)
    order = done(lab, symbol="CHEAP", max_slippage_bps=15)
    assert (order.status, order.reason) == (Status.UNFILLED, Reason.SLIPPAGE_EXCEEDED)
    assert (order.worst_price, order.terms.cap_bound) == (Decimal("3.00"), "signal")


def test_the_floor_can_be_taken_out(lab: Lab) -> None:
    lab.settings = Settings(cap_floor_ticks=0)
    lab.control.quote("CHEAP", "3.00", "3.01", 5000, 5000)
    order = done(lab, symbol="CHEAP")
    assert (order.status, order.reason, order.terms.cap_bound) == (Status.UNFILLED, Reason.SLIPPAGE_EXCEEDED, "setting")


def test_two_ticks_are_not_one(lab: Lab) -> None:
    lab.control.quote("CHEAP", "3.00", "3.03", 5000, 5000)
    order = done(lab, symbol="CHEAP")
    assert (order.status, order.reason, order.worst_price) == (
        Status.UNFILLED,
        Reason.SLIPPAGE_EXCEEDED,
        Decimal("3.02"),
    )


def test_a_cheap_symbol_that_ran_is_still_refused(lab: Lab) -> None:
    lab.control.quote("CHEAP", "3.00", "3.01", 5000, 5000)
    for nth in (1, 2, 3):
        on_order(lab, "new", "3.02", "3.03", symbol="CHEAP", nth=nth)
    order = done(lab, symbol="CHEAP")
    assert (order.status, order.reason) == (Status.UNFILLED, Reason.SLIPPAGE_EXCEEDED)


def test_an_amount_is_turned_into_shares_at_the_widened_cap(lab: Lab) -> None:
    lab.control.quote("CHEAP", "3.00", "3.01", 5000, 5000)
    order = done(lab, symbol="CHEAP", notional=301)
    assert (order.status, order.filled_qty) == (Status.FILLED, 100)


# --- the opening ---


@pytest.mark.parametrize("side", ["buy", "sell"])
def test_the_plan_of_the_opening_lets_its_own_spread_be_traded(
    exchange: ExchangeControl, aws_credentials: None, side: str
) -> None:
    with lab_at(exchange, "09:28") as lab:
        lab.control.position("SOXL", 100, "20")
        lab.control.quote("SOXL", "25.00", "25.03", 2000, 2000)
        order = done(lab, symbol="SOXL", side=side)
        assert (order.status, order.terms.max_slippage_bps, order.terms.cap_bound) == (
            Status.FILLED,
            5,
            "opening_spread",
        )
        assert order.avg_fill_price == Decimal("25.03" if side == "buy" else "25.00")
        assert order.worst_price == Decimal("25.04" if side == "buy" else "24.99")


# --- brackets ---

CHEAP: dict[str, Any] = {
    "kind": "bracket",
    "symbol": "CHEAP",
    "side": "buy",
    "qty": 100,
    "signal_price": "3.00",
    "stop_loss": "2.90",
    "take_profit": "3.30",
}


def test_a_bracket_enters_a_market_one_tick_wide(lab: Lab) -> None:
    lab.control.quote("CHEAP", "3.00", "3.01", 5000, 5000)
    order = done(lab, **CHEAP)
    assert (order.status, order.avg_fill_price, order.terms.cap_bound) == (Status.FILLED, Decimal("3.01"), "ticks")
    assert (order.children[0].limit_price, order.result.cap_breached, order.guard.protected) == (
        Decimal("3.01"),
        False,
        True,
    )


def test_a_short_bracket_does_so_too(lab: Lab) -> None:
    lab.control.quote("CHEAP", "2.99", "3.00", 5000, 5000)
    order = done(lab, **(CHEAP | {"side": "sell", "stop_loss": "3.10", "take_profit": "2.70"}))
    assert (order.status, order.avg_fill_price) == (Status.FILLED, Decimal("2.99"))
    assert not order.result.cap_breached


def test_a_bracket_whose_price_is_two_ticks_away_is_refused(lab: Lab) -> None:
    lab.control.quote("CHEAP", "3.01", "3.02", 5000, 5000)
    order = done(lab, **CHEAP)
    assert (order.status, order.reason) == (Status.REJECTED, Reason.SLIPPAGE_EXCEEDED)
    assert not submits(lab)


def test_a_bracket_without_a_buffer_keeps_to_its_signal(lab: Lab) -> None:
    lab.settings = Settings(SMART_EXECUTOR_LIMIT_BUFFER_REGULAR=Decimal(0))
    lab.control.quote("CHEAP", "3.00", "3.01", 5000, 5000)
    order = done(lab, **CHEAP)
    assert (order.status, order.children[0].limit_price) == (Status.UNFILLED, Decimal("3.00"))


def test_a_reward_that_a_tick_eats_is_not_bought(lab: Lab) -> None:
    lab.control.quote("CHEAP", "3.00", "3.01", 5000, 5000)
    order = done(lab, **(CHEAP | {"stop_loss": "2.90", "take_profit": "3.20", "exit_anchor": "signal"}))
    assert (order.status, order.reason) == (Status.REJECTED, Reason.RISK_REWARD_TOO_LOW)
