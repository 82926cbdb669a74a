"""A bracket's entry that was filled just now: does its stop still lie behind the market?"""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from repeg.domain.order.record import Order
from repeg.domain.rules.bracket_exit import levels_of

# What is filled so soon was filled in the market that it was priced by: no further look at it is needed.
AT_ONCE = timedelta(seconds=1)
CLOSE_TO_THE_STOP = Decimal("0.25")
"""Share of the risk: a market seen nearer than that to the stop may be through it by now."""


def wants_a_look(order: Order) -> bool:
    """True when what the entry was priced by does not show that its stop is behind the market.

    It rested, so that the market has moved; or the touch at which it would be exited was close to the stop already.
    """
    bracket, price = order.terms.bracket, order.avg_fill_price
    filled = [child for child in order.children if child.filled_qty > 0]
    if bracket is None or bracket.min_rr is None or price is None or not filled:
        return False
    child = filled[-1]
    near = child.bid if bracket.side == "buy" else child.ask
    if near is None or child.closed_at is None or child.closed_at - child.sent_at > AT_ONCE:
        return True
    stop = levels_of(order).stop
    return abs(near - stop) < abs(price - stop) * CLOSE_TO_THE_STOP or (near - stop) * (price - stop) <= 0
