"""Where a bracket's exits lie, once it is filled."""

from __future__ import annotations

from decimal import Decimal

from repeg.domain.brackets import Levels
from repeg.domain.models import Side, direction, opposite
from repeg.domain.orders import Order
from repeg.domain.quotes import Quote


def levels_of(order: Order) -> Levels:
    """Stop and target: as the newest OCO that worked has them, else by the average price of the fills.

    While that price is not known the signal's own levels stand: nothing is measured from a missing price.

    A corporate action, or an operator's word, overrules every OCO from before it.

    Raises:
        ValueError: nothing is filled, or the order is no bracket.
    """
    if order.bracket is None or order.filled_qty <= 0:
        raise ValueError(f"{order.order_id} holds nothing to protect")
    adjusted = order.adjustments[-1] if order.adjustments else None
    since = [oco for oco in order.protections if adjusted is None or oco.placed_at >= adjusted.at]
    working = next((oco.working_levels for oco in reversed(since) if oco.worked), None)
    by_fill = order.bracket.levels_at(order.avg_fill_price or order.bracket.signal_price)
    return working or (adjusted.levels if adjusted else by_fill)


def measured(order: Order) -> Order:
    """The order with stop, target and R/R as its fills left them."""
    levels, price = levels_of(order), order.entry_price
    ratio = levels.risk_reward(price, order.trading_side) if price else None
    return order.changed(stop_loss=levels.stop, take_profit=levels.target, risk_reward=ratio)


def is_through(quote: Quote, stop: Decimal, side: Side) -> bool:
    """True when the market has reached the stop of a position that `side` entered: by the touch it is left at."""
    return (quote.touch(opposite(side)) - stop) * direction(side) <= 0
