"""Which orders execute against the displayed touch, at what price and for how much. No state of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from desk.exchange.market.model import ZERO, Order, Side, Trade
from desk.exchange.venue.book import Book, price_for, priority

Slice = Callable[[Order, Decimal], Decimal]


@dataclass(frozen=True, slots=True)
class Execution:
    """An order takes shares at the far touch."""

    order: Order
    price: Decimal
    qty: Decimal
    completes: bool


def executions(ready: Iterable[Order], book: Book, refill: Side | None, part: Slice, now: int) -> Iterator[Execution]:
    """Executions of the orders that may trade now; takes their size from the book.

    With `refill`, only market orders of that side trade, against size that has returned for them alone.
    `part` may cut an execution down to a random part.
    """
    assert book.quote is not None
    returned = book.quote.size(refill) if refill else ZERO
    for order in sorted(ready, key=priority):
        # Size comes back for market orders alone; limit orders wait for the next quote.
        if refill and (order.side is not refill or not order.at_market):
            continue
        price = price_for(order, book.quote)
        if price is None:
            continue
        wanted = order.left_at(price)
        offered = returned if refill else book.left(order.side)
        qty = part(order, _fit(order, min(wanted, offered)))
        if qty <= 0:
            continue
        if refill:
            returned -= qty
        else:
            book.take(order.side, qty)
        book.last = Trade(price, qty, now)
        yield Execution(order, price, qty, completes=qty == wanted)


def market_orders_left(open_orders: Iterable[Order], book: Book) -> set[Side]:
    """Sides on which a market order still wants shares that the touch could give once size returns."""
    return {
        order.side
        for order in open_orders
        if order.live and order.at_market and book.quote is not None and price_for(order, book.quote) is not None
    }


def _fit(order: Order, qty: Decimal) -> Decimal:
    # Displayed size may end in a fraction that somebody else took; whole orders trade whole shares.
    return qty // 1 if order.whole else qty
