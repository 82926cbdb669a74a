"""A bracket's fill: is it worth holding, and does its stop still lie behind the market?"""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from repeg.domain.order.record import Order
from repeg.domain.order.verdicts import Refusal
from repeg.domain.rules.bracket_exit import levels_of
from repeg.domain.rules.life import was_left_in_vain

# What is filled so soon was filled in the market that it was priced by: no further look at it is needed.
AT_ONCE = timedelta(seconds=1)
CLOSE_TO_THE_STOP = Decimal("0.25")
"""Share of the risk: a market seen nearer than that to the stop may be through it by now."""


def is_judged(order: Order) -> bool:
    """True once it is settled that a fill is kept: it is judged before its first OCO, and not again.

    What the market does later is the stop's business. That its order is over settles nothing: one that a close took
    over from, and never sold, was judged by nobody.
    """
    # Whoever has since said where its exits lie has said that it is worth holding.
    placed = order.status.terminal and order.levels_since is not None
    return bool(order.guard.protections) or was_left_in_vain(order) or placed


def not_worth_holding(order: Order) -> Refusal | None:
    """Why what a bracket bought is to be exited again, by the price that it paid; None: it is judged, or worth it."""
    price = order.avg_fill_price
    if order.terms.bracket is None or price is None or is_judged(order):
        return None
    return order.terms.bracket.fill_problem(price)


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
