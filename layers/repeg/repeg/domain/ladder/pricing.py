"""Prices of child orders: marketable limits, the cap's worst price, and what is left of a rung after clamping."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

from repeg.domain.ladder.rungs import PriceRule, Rung
from repeg.domain.market.quotes import Quote
from repeg.domain.models import Frozen, OrderType, Side, direction, opposite
from repeg.domain.money import BPS, SUB_DOLLAR_TICK, beyond, clamp_to_worst, round_passive, tick_size

ZERO = Decimal(0)


class ChildPrice(Frozen):
    """Type and limit of the child order that a rung comes to."""

    type: OrderType
    limit_price: Decimal | None
    price_protected: bool = False
    """True when a market rung had to become a limit at the worst price."""


class CapBound(StrEnum):
    """What decided how far from its reference price an order may trade."""

    SIGNAL = "signal"
    """The signal's own cap: never widened."""
    SETTING = "setting"
    OPENING_PLAN = "opening_plan"
    OPENING_SPREAD = "opening_spread"
    """Half of the spread that the opening plan was made on, and a tick."""
    TICKS = "ticks"
    """So few ticks that no market could be traded within the cap."""


class Cap(Frozen):
    """A slippage cap: the farther of `bps` of the reference price and `floor`, in dollars."""

    bps: Decimal
    floor: Decimal
    bound: CapBound

    def distance(self, reference: Decimal) -> Decimal:
        """Dollars from the reference price."""
        return cap_distance(reference, self.bps, self.floor)

    def at_least(self, reference: Decimal, ticks: int) -> Cap:
        """A market one tick wide, the tightest there is, can be traded: the cap is not closer than so many ticks."""
        # 15 bps of a $3 stock are 0.45 cents: four orders rested at the bid and ended unfilled, though nothing had
        # moved.
        floor = ticks * tick_size(reference)
        if floor <= self.distance(reference):
            return self
        return Cap(bps=self.bps, floor=floor, bound=CapBound.TICKS)


def cap_distance(reference: Decimal, cap_bps: Decimal, floor: Decimal) -> Decimal:
    """How far a cap lies from its reference price, in dollars."""
    return max(reference * cap_bps / BPS, floor)


def worst_price(reference: Decimal, cap_bps: Decimal, side: Side, floor: Decimal = ZERO) -> Decimal:
    """The cap as a price, rounded inward to a tick: the highest buy or the lowest sell, in dollars."""
    # Inward, as the nearest tick may lie up to half a tick beyond the cap. And never zero, which a tick below the
    # cheapest share is: the broker takes no such price.
    worst = reference + direction(side) * cap_distance(reference, cap_bps, floor)
    return max(round_passive(worst, side), SUB_DOLLAR_TICK)


def marketable_limit(quote: Quote, side: Side) -> Decimal:
    """One tick through the far touch: ask + 1 tick for a buy, bid - 1 tick for a sell, never zero or less."""
    touch = round_passive(quote.touch(side), side)
    if side == "buy":
        return touch + tick_size(touch)
    lower = touch - tick_size(touch)
    return max(lower, SUB_DOLLAR_TICK)


def mid_to_touch(quote: Quote, side: Side, fraction: Decimal) -> Decimal:
    """Mid plus `fraction` of the half-spread towards the far touch, rounded to the passive side."""
    # A mid often lies between two ticks; rounded the other way, the first limit of a tight market would cross at once.
    return round_passive(quote.mid + direction(side) * fraction * quote.half_spread, side)


def price_rung(
    rung: Rung, quote: Quote | None, side: Side, worst: Decimal | None, remaining: Decimal, guard_market: bool
) -> ChildPrice:
    """Price a rung on a fresh quote.

    `worst` is the cap (None: no cap). With `guard_market`, a market order is sent only while the far touch is inside
    the cap and shows at least `remaining` shares; otherwise a limit rests at the worst price.

    Raises:
        ValueError: a limit rung without a quote.
    """
    if rung.rule is PriceRule.MARKET:
        # A market order pays whatever the book has behind the touch: a missed trade costs less than one at any price.
        if guard_market and worst is not None and not _market_is_safe(quote, side, worst, remaining):
            return ChildPrice(type="limit", limit_price=worst, price_protected=True)
        return ChildPrice(type="market", limit_price=None)
    if rung.limit_price is not None:
        return ChildPrice(type="limit", limit_price=clamp_to_worst(rung.limit_price, worst, side))
    if quote is None:
        raise ValueError("a limit needs a quote")
    if rung.rule is PriceRule.MARKETABLE:
        price = marketable_limit(quote, side)
    else:
        price = mid_to_touch(quote, side, rung.fraction)
    # Clamped last: the tick through the touch may have gone beyond the cap.
    return ChildPrice(type="limit", limit_price=clamp_to_worst(price, worst, side))


def off_the_wall(price: ChildPrice, quote: Quote | None, side: Side, wall: Decimal | None) -> ChildPrice:
    """`price` of an exit, a tick off the opposite orders of the account that rest at `wall` (None: there are none).

    The broker refuses what could trade with them, and every market order: it becomes a limit through the far touch.
    """
    if wall is None:
        return price
    # Alpaca refuses a pair of opposite orders whenever one of them is a market order or a plain stop, and a pair of
    # limits only where they cross (docs.alpaca.markets/docs/user-protection).
    nearest = wall - direction(side) * tick_size(wall)
    wanted = price.limit_price or (marketable_limit(quote, side) if quote else nearest)
    limit = max(wanted, nearest) if side == "sell" else min(wanted, nearest)
    return ChildPrice(type="limit", limit_price=max(limit, SUB_DOLLAR_TICK), price_protected=price.price_protected)


def is_walled_off(limit: Decimal | None, quote: Quote, side: Side, wall: Decimal | None) -> bool:
    """True when staying off the wall leaves an exit behind all that the market itself offers: nobody comes there.

    Only stop-limits that wait far from the market make such a wall.
    """
    if limit is None or wall is None:
        return False
    return (quote.touch(opposite(side)) - limit) * direction(side) > 0


def _market_is_safe(quote: Quote | None, side: Side, worst: Decimal, remaining: Decimal) -> bool:
    # What is more than the displayed size would be filled deeper in the book, at prices that the quote does not tell.
    return quote is not None and not beyond(quote.touch(side), worst, side) and quote.touch_size(side) >= remaining


def slippage_bps(price: Decimal, reference: Decimal, side: Side) -> Decimal:
    """Signed cost of `price` against `reference` in basis points: + is cost, - is improvement."""
    return (price - reference) * direction(side) / reference * BPS
