"""Where a bracket's exits lie, once it is filled."""

from __future__ import annotations

from decimal import Decimal

from repeg.domain.market.quotes import Quote
from repeg.domain.models import Side, direction, opposite
from repeg.domain.money import round_passive
from repeg.domain.order.bracket import Levels
from repeg.domain.order.guarding import at_levels
from repeg.domain.order.record import Order

TICK_OFF = Decimal("0.02")
ROUNDED_OFF = Decimal("0.002")
"""By how much (dollars, and of itself) a level may differ from what a split makes of it."""
# Nearly 2 for 1: by so much hardly anybody moves a level by hand.
BIG = Decimal("1.9")


def levels_of(order: Order) -> Levels:
    """Stop and target: as the newest OCO that worked has them, else by the average price of the fills.

    While that price is not known the signal's own levels stand: nothing is measured from a missing price.

    A corporate action, or an operator's word, overrules every OCO from before it.

    Raises:
        ValueError: nothing is filled, or the order is no bracket.
    """
    if order.terms.bracket is None or order.filled_qty <= 0:
        raise ValueError(f"{order.order_id} holds nothing to protect")
    adjusted = order.care.adjustments[-1] if order.care.adjustments else None
    since = [oco for oco in order.guard.protections if adjusted is None or oco.placed_at >= adjusted.at]
    # A leg that somebody moved at the broker stays where it was moved to when protection is put back.
    working = next((oco.working_levels for oco in reversed(since) if oco.worked and not oco.unwanted), None)
    by_fill = order.terms.bracket.levels_at(order.avg_fill_price or order.terms.bracket.signal_price)
    return working or (adjusted.levels if adjusted else by_fill)


def after_split(order: Order, ratio: Decimal) -> Levels:
    """The levels of `levels_of` in shares of which there are `ratio` new ones for each old one.

    The stop is rounded inward to a tick, the target outward. A broker that has scaled the legs itself looks like
    somebody who moved them: what it scaled is not scaled again.
    """
    levels, away = levels_of(order), opposite(order.trading_side)
    oco = next((oco for oco in reversed(order.guard.protections) if oco.worked), None)
    # Divided a second time, the new target lay far below the market, and the whole position was sold at the open.
    if oco and oco.moved == levels and _scaled_already(oco.levels, levels, ratio):
        return levels
    return Levels(stop=round_passive(levels.stop / ratio, away), target=round_passive(levels.target / ratio, away))


def _scaled_already(placed: Levels, seen: Levels, ratio: Decimal) -> bool:
    """True when the broker divided the legs' prices by the split's ratio: one that fits to the tick is enough.

    One that somebody had moved before is not where the split would have it. If both are not, the measure decides, as
    far as it is one that nobody moves a level by.
    """
    pairs = ((placed.stop, seen.stop), (placed.target, seen.target))
    if any(was == now for was, now in pairs):
        return False
    if any(abs(now - was / ratio) <= TICK_OFF + was / ratio * ROUNDED_OFF for was, now in pairs):
        return True
    factor = ratio * ratio * pairs[0][1] * pairs[1][1] / (pairs[0][0] * pairs[1][0])  # 1: as scaled; ratio^2: as placed
    return max(ratio, 1 / ratio) >= BIG and max(factor, 1 / factor) < max(ratio, 1 / ratio)


def measured(order: Order) -> Order:
    """The order with stop and target as they are now, and the R/R that its fills left it."""
    price, bracket = order.avg_fill_price, order.terms.bracket
    # By the entry's own levels: how good its entries are says what was paid, and not where a stop was drawn to since.
    ratio = bracket.levels_at(price).risk_reward(price, order.trading_side) if bracket and price else None
    return at_levels(order, levels_of(order)).with_guard(risk_reward=ratio)


def is_through(quote: Quote, stop: Decimal, side: Side) -> bool:
    """True when the touch at which a position would be exited, that `side` entered, has reached its stop."""
    # At the stop counts as through: Alpaca refuses a sell stop that does not lie below the market.
    return (quote.touch(opposite(side)) - stop) * direction(side) <= 0
