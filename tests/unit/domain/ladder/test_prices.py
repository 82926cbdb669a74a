"""Ticks, rounding, marketable limits, the worst price, and what a rung comes to on a fresh quote."""

from __future__ import annotations

from decimal import Decimal

import pytest

from repeg.domain.ladder.pricing import (
    ChildPrice,
    marketable_limit,
    mid_to_touch,
    price_rung,
    slippage_bps,
    worst_price,
)
from repeg.domain.ladder.rungs import PriceRule, Rung
from repeg.domain.money import beyond, clamp_to_worst, floor_qty, nearest_tick, plain, quoted, round_passive, tick_size
from tests.support.make import quote

MARKETABLE = Rung(rule=PriceRule.MARKETABLE, patience=Decimal("2.5"))
MARKET = Rung(rule=PriceRule.MARKET, patience=Decimal(5))


@pytest.mark.parametrize(
    ("price", "tick"),
    [("1000", "0.01"), ("1.00", "0.01"), ("0.9999", "0.0001"), ("0.0001", "0.0001")],
)
def test_a_tick_is_a_cent_from_a_dollar_up_and_a_hundredth_of_one_below(price: str, tick: str) -> None:
    assert tick_size(Decimal(price)) == Decimal(tick)


@pytest.mark.parametrize(
    ("price", "rounded"),
    [("535.0874", "535.09"), ("535.0849", "535.08"), ("1.005", "1.01"), ("0.99995", "1.0000"), ("0.12344", "0.1234")],
)
def test_rounds_to_the_nearest_tick(price: str, rounded: str) -> None:
    assert nearest_tick(Decimal(price)) == Decimal(rounded)


def test_a_signal_limit_of_the_design_rounds_to_the_nearest_tick() -> None:
    assert nearest_tick(Decimal("534.82") * Decimal("1.0005")) == Decimal("535.09")


@pytest.mark.parametrize(
    ("price", "side", "rounded"),
    [
        ("50.987", "buy", "50.98"),
        ("50.981", "sell", "50.99"),
        ("50.98", "buy", "50.98"),
        ("50.98", "sell", "50.98"),
        ("0.98765", "buy", "0.9876"),
        ("0.98761", "sell", "0.9877"),
        ("1.0049", "buy", "1.00"),
        ("0.99991", "sell", "1.0000"),
    ],
)
def test_rounds_to_the_side_that_costs_no_more(price: str, side: str, rounded: str) -> None:
    assert round_passive(Decimal(price), side) == Decimal(rounded)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("bid", "ask", "buy", "sell"),
    [
        ("50.95", "50.98", "50.99", "50.94"),
        ("1.00", "1.01", "1.02", "0.99"),
        ("0.98", "0.9999", "1.0000", "0.9799"),
        ("0.0001", "0.0002", "0.0003", "0.0001"),
        ("0.99", "1.00", "1.01", "0.9899"),
    ],
)
def test_a_marketable_limit_is_one_tick_through_the_far_touch(bid: str, ask: str, buy: str, sell: str) -> None:
    assert marketable_limit(quote(bid, ask), "buy") == Decimal(buy)
    assert marketable_limit(quote(bid, ask), "sell") == Decimal(sell)


def test_a_touch_off_the_tick_still_gives_a_marketable_limit_on_one() -> None:
    midpoint_touch = quote("50.945", "50.985")
    assert marketable_limit(midpoint_touch, "buy") == Decimal("50.99")
    assert marketable_limit(midpoint_touch, "sell") == Decimal("50.94")


@pytest.mark.parametrize(
    ("fraction", "buy", "sell"),
    [("0", "100.05", "100.05"), ("0.5", "100.07", "100.03"), ("1", "100.10", "100.00")],
)
def test_the_standard_ladder_walks_from_mid_to_touch(fraction: str, buy: str, sell: str) -> None:
    wide = quote("100.00", "100.10")
    assert mid_to_touch(wide, "buy", Decimal(fraction)) == Decimal(buy)
    assert mid_to_touch(wide, "sell", Decimal(fraction)) == Decimal(sell)


@pytest.mark.parametrize(
    ("reference", "cap", "buy", "sell"),
    [
        ("50.965", "20", "51.06", "50.87"),
        ("50.965", "10", "51.01", "50.92"),
        ("50.965", "15", "51.04", "50.89"),
        ("100", "20", "100.20", "99.80"),
        ("0.5005", "20", "0.5015", "0.4995"),
        ("0.9995", "20", "1.00", "0.9976"),
    ],
)
def test_the_worst_price_is_the_cap_rounded_inward(reference: str, cap: str, buy: str, sell: str) -> None:
    assert worst_price(Decimal(reference), Decimal(cap), "buy") == Decimal(buy)
    assert worst_price(Decimal(reference), Decimal(cap), "sell") == Decimal(sell)


def test_a_limit_is_clamped_to_the_worst_price_after_rounding() -> None:
    cheap = quote("5.00", "5.02")
    worst = worst_price(cheap.mid, Decimal(20), "buy")
    assert worst == Decimal("5.02")
    assert price_rung(MARKETABLE, cheap, "buy", worst, Decimal(10), True).limit_price == Decimal("5.02")
    assert price_rung(MARKETABLE, cheap, "buy", None, Decimal(10), True).limit_price == Decimal("5.03")


def test_nothing_is_beyond_a_cap_that_does_not_exist() -> None:
    assert clamp_to_worst(Decimal(10), None, "buy") == Decimal(10)
    assert not beyond(Decimal(10), None, "sell")


@pytest.mark.parametrize(
    ("price", "worst", "side", "is_beyond"),
    [
        ("51.06", "51.06", "buy", False),
        ("51.07", "51.06", "buy", True),
        ("50.87", "50.87", "sell", False),
        ("50.86", "50.87", "sell", True),
    ],
)
def test_the_worst_price_itself_is_still_inside_the_cap(price: str, worst: str, side: str, is_beyond: bool) -> None:
    assert beyond(Decimal(price), Decimal(worst), side) is is_beyond  # type: ignore[arg-type]


def _market_rung(bid: str, ask: str, size: str, remaining: int, worst: str | None, guard: bool = True) -> ChildPrice:
    cap = Decimal(worst) if worst else None
    return price_rung(MARKET, quote(bid, ask, size), "buy", cap, Decimal(remaining), guard)


def test_the_market_fallback_needs_the_touch_inside_the_cap_and_size_for_the_remainder() -> None:
    assert _market_rung("50.95", "51.06", "100", 100, "51.06").type == "market"
    ran = _market_rung("51.04", "51.07", "100", 100, "51.06")
    assert (ran.type, ran.limit_price, ran.price_protected) == ("limit", Decimal("51.06"), True)
    thin = _market_rung("50.95", "50.98", "99", 100, "51.06")
    assert (thin.type, thin.limit_price, thin.price_protected) == ("limit", Decimal("51.06"), True)


def test_without_a_cap_or_a_guard_the_market_rung_is_a_market_order() -> None:
    assert _market_rung("50.95", "60", "1", 100, None).type == "market"
    assert _market_rung("50.95", "60", "1", 100, "51.06", guard=False).type == "market"


def test_a_guarded_market_rung_without_a_quote_rests_at_the_worst_price() -> None:
    price = price_rung(MARKET, None, "buy", Decimal("51.06"), Decimal(1), True)
    assert (price.type, price.limit_price) == ("limit", Decimal("51.06"))


def test_a_limit_rung_cannot_be_priced_without_a_quote() -> None:
    with pytest.raises(ValueError, match="quote"):
        price_rung(MARKETABLE, None, "buy", None, Decimal(1), True)


@pytest.mark.parametrize(
    ("price", "side", "bps"),
    [("100.20", "buy", 20), ("99.80", "buy", -20), ("99.80", "sell", 20), ("100.20", "sell", -20), ("100", "buy", 0)],
)
def test_slippage_is_positive_when_it_costs_and_negative_when_it_improves(price: str, side: str, bps: int) -> None:
    assert slippage_bps(Decimal(price), Decimal(100), side) == bps  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("qty", "fractionable", "floored"),
    [
        ("1.9999999999", True, "1.999999999"),
        ("1.9999999999", False, "1"),
        ("0.9", False, "0"),
        ("7", True, "7"),
        ("1E+2", True, "100"),
    ],
)
def test_quantities_are_floored_to_nine_decimals_or_whole_shares(qty: str, fractionable: bool, floored: str) -> None:
    assert str(floor_qty(Decimal(qty), fractionable)) == floored


@pytest.mark.parametrize(
    ("number", "text"),
    [("50.90", "50.9"), ("1E+2", "100"), ("1E-9", "0.000000001"), ("100", "100"), ("0.000", "0"), ("-0.5000", "-0.5")],
)
def test_numbers_are_written_in_plain_notation(number: str, text: str) -> None:
    assert plain(Decimal(number)) == text


def test_zero_has_no_sign() -> None:
    assert plain(Decimal("-0.0000")) == "0"


@pytest.mark.parametrize(
    ("price", "told"),
    [
        ("534.8", "534.80"),
        ("60", "60.00"),
        ("50.98", "50.98"),
        ("0.1234", "0.1234"),
        ("28.442", "28.442"),
        ("-1", "-1.00"),
    ],
)
def test_a_price_is_told_with_two_decimals_at_least(price: str, told: str) -> None:
    assert quoted(Decimal(price)) == told
    assert quoted(None) == ""
