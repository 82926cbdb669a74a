"""Properties of prices, whatever the quote."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from repeg.domain.ladder.pricing import marketable_limit, mid_to_touch, price_rung, slippage_bps, worst_price
from repeg.domain.ladder.rungs import STANDARD_STEPS_MAX, STANDARD_STEPS_MIN, LadderName, PriceRule, Rung, build_ladder
from repeg.domain.market.quotes import Quote, SpreadClass
from repeg.domain.models import Side, direction
from repeg.domain.money import beyond, nearest_tick, plain, round_passive, tick_size
from repeg.domain.settings import Settings
from tests.property.strategies import caps, prices, quantities, quotes, rungs, sides
from tests.support.make import NOON

any_price = st.decimals("0.0001", "10000", places=8)


def _on_tick(price: Decimal) -> bool:
    return price % tick_size(price) == 0


@given(any_price, sides)
def test_rounding_lands_on_a_tick_less_than_one_away(price: Decimal, side: Side) -> None:
    """Design 4, Price: a tick is $0.01 at >= $1, $0.0001 below; rounding inward never costs more."""
    passive, nearest = round_passive(price, side), nearest_tick(price)
    assert _on_tick(passive) and _on_tick(nearest)
    assert (price - passive) * direction(side) >= 0, "no worse for the side"
    assert abs(price - passive) < tick_size(price)
    assert abs(price - nearest) <= tick_size(price) / 2


@given(quotes(), sides)
def test_a_marketable_limit_is_on_a_tick_through_the_touch_and_positive(quote: Quote, side: Side) -> None:
    """Design 4, Price: buy = ask + 1 tick, sell = bid - 1 tick, never <= 0."""
    price = marketable_limit(quote, side)
    assert price > 0
    assert _on_tick(price)
    through = (price - quote.touch(side)) * direction(side)
    assert 0 < through <= tick_size(quote.touch(side)) or price == Decimal("0.0001")


@given(any_price, caps, sides)
def test_the_worst_price_is_a_tick_inside_the_cap(reference: Decimal, cap: Decimal, side: Side) -> None:
    """Design 4, Cap and 3.6: worst price = reference x (1 +/- cap), rounded inward."""
    worst = worst_price(reference, cap, side)
    assert worst == 0 or _on_tick(worst)
    assert slippage_bps(worst, reference, side) <= cap


@given(rungs, quotes(), sides, caps, any_price, quantities, st.booleans())
def test_no_limit_is_ever_beyond_the_worst_price_or_off_a_tick(
    rung: Rung, quote: Quote, side: Side, cap: Decimal, reference: Decimal, remaining: Decimal, guard: bool
) -> None:
    """Design 3.6: every limit is clamped to the worst price, clamped after rounding."""
    worst = worst_price(reference, cap, side)
    price = price_rung(rung, quote, side, worst, remaining, guard)
    if price.limit_price is not None:
        assert not beyond(price.limit_price, worst, side)
        assert price.limit_price == 0 or _on_tick(price.limit_price)
    if price.price_protected:
        assert price.limit_price == worst


@given(quotes(), sides, caps, quantities)
def test_a_capped_market_order_is_sent_only_into_size_inside_the_cap(
    quote: Quote, side: Side, cap: Decimal, remaining: Decimal
) -> None:
    """Design 4, Cap: market fallback only while the touch is inside the cap and its size covers the remainder."""
    worst = worst_price(quote.mid, cap, side)
    price = price_rung(Rung(rule=PriceRule.MARKET, patience=Decimal(5)), quote, side, worst, remaining, True)
    safe = not beyond(quote.touch(side), worst, side) and quote.touch_size(side) >= remaining
    assert (price.type == "market") is safe
    assert price.price_protected is not safe


@given(quotes(), sides)
def test_the_standard_ladder_climbs_from_mid_to_touch_in_two_to_five_steps(quote: Quote, side: Side) -> None:
    """Design 1, standard: n+1 limits at mid + k/n x half-spread, n = half-spread in ticks clamped to 2..5."""
    ladder = build_ladder(LadderName.STANDARD, Settings(), quote)
    steps = len(ladder) - 2
    assert STANDARD_STEPS_MIN <= steps <= STANDARD_STEPS_MAX
    climb = [mid_to_touch(quote, side, rung.fraction) * direction(side) for rung in ladder[:-1]]
    assert climb == sorted(climb), "never back towards the mid"
    assert climb[-1] * direction(side) == round_passive(quote.touch(side), side)
    assert (quote.mid * direction(side)) - climb[0] < tick_size(quote.bid) * 100


@given(any_price, any_price, sides)
def test_slippage_is_cost_for_one_side_and_gain_for_the_other(price: Decimal, reference: Decimal, side: Side) -> None:
    """Design 3.6: slippage is signed and adverse only."""
    cost = slippage_bps(price, reference, side)
    assert cost == -slippage_bps(price, reference, "sell" if side == "buy" else "buy")
    assert (cost > 0) == ((price > reference) == (side == "buy") and price != reference)


@given(prices(), st.integers(1, 2000).map(lambda tenths: Decimal(tenths) / 10))
def test_spread_classes_have_no_gap(bid: Decimal, cents: Decimal) -> None:
    """Design 4, Spread: tight <= 3 cents, wide > 5, normal between (exact)."""
    quote = Quote(symbol="A", bid=bid, ask=bid + cents / 100, bid_size=Decimal(1), ask_size=Decimal(1), at=NOON)
    expected = SpreadClass.TIGHT if cents <= 3 else SpreadClass.WIDE if cents > 5 else SpreadClass.NORMAL
    assert quote.spread_class is expected


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**12), max_value=10**12, places=9))
def test_plain_numbers_read_back_exactly(number: Decimal) -> None:
    """Contract: money and quantities are decimal strings."""
    text = plain(number)
    assert Decimal(text) == number
    assert "E" not in text.upper()
    assert "." not in text or not text.endswith(("0", "."))
    assert text != "-0"
