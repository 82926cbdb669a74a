"""What rests may go on resting: when the next rung comes to the price at which a child order rests already."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from repeg.domain.ladder.rungs import Rung
from repeg.domain.market.quotes import Quote
from repeg.domain.order.children import ChildRecord, ChildStatus
from repeg.domain.order.record import Order
from repeg.domain.rules.life import is_to_go_on
from repeg.domain.rules.walking import price_of


def may_rest_on(order: Order, child: ChildRecord) -> bool:
    """True while nothing speaks against leaving a child order where it is, but its price."""
    live = child.status is ChildStatus.LIVE and child.cancel_requested_at is None
    undisturbed = live and not (child.replaced or child.doubt)
    # One for fewer shares than are left would leave the others unworked.
    return undisturbed and is_to_go_on(order) and child.remaining_qty == order.remaining_qty


def is_held_back(child: ChildRecord, quote: Quote | None) -> bool:
    """True for a market order that rests though the market shows; without a `quote` it does not, as in a halt."""
    # Alpaca makes it a limit a few per cent from the touch at which it arrives: once the market has run past that, it
    # is filled when the market comes back, or never, and only a new one is filled now.
    return child.type == "market" and quote is not None


def kept_for(order: Order, child: ChildRecord, rung: Rung, quote: Quote | None, now: datetime) -> ChildRecord | None:
    """A resting child order as it stands for the next rung, too; None when that rung's price is another.

    Its place in the queue is worth more than a new order at the same price, which also costs four requests.
    """
    price = price_of(order, rung, quote)
    if not may_rest_on(order, child) or (price.type, price.limit_price) != (child.type, child.limit_price):
        return None
    rested = Decimal(str((now - child.sent_at).total_seconds()))
    more = {"kept": child.kept + 1, "kept_at_worst": price.price_protected, "patience": rested + rung.patience}
    return child.changed(**more)
