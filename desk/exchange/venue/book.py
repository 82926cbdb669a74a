"""The displayed market of one symbol and what is left of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from desk.exchange.market.model import ZERO, Order, Quote, Side, Trade
from desk.exchange.market.prices import on_tick

# What halves or doubles from one quote to the next is a slip of a quoting machine; sales beside it do not follow.
MISPRINT = Decimal(2)


@dataclass(slots=True)
class Book:
    """Quote, size not yet taken from it, last sale, halt flag."""

    symbol: str
    quote: Quote | None = None
    last: Trade | None = None
    halted: bool = False
    _left: dict[Side, Decimal] = field(default_factory=dict)
    _refills: dict[Side, int] = field(default_factory=dict)
    _split: bool = False
    _sale_was_named: bool = False

    def show(self, quote: Quote, last: Decimal | None = None) -> None:
        """A quote event: the new touch, with its full size; `last`: the last sale, if it is not to be the midpoint."""
        self.quote, self._sale_was_named = quote, last is not None
        self._left = {side: quote.size(side) for side in Side}
        # A new quote brings size for everybody: a return that was planned for the old one must not come on top.
        self._refills.clear()
        price = self._midpoint_sale(quote) if last is None else last
        if price is not None:
            # There are no other traders here: the midpoint stands for what they would have paid, so that positions
            # have a value and stops a price to be checked against.
            self.last = Trade(on_tick(price), Decimal(1), quote.at)

    def split(self) -> None:
        """Shares were split: the quote, or the first that is off the last sale by a multiple, is no misprint."""
        self._split = True
        # Where the quote came with its last sale, that is what was traded.
        price = None if self.quote is None or self._sale_was_named else self._midpoint_sale(self.quote)
        if self.quote is not None and price is not None:
            self.last = Trade(on_tick(price), Decimal(1), self.quote.at)

    def _midpoint_sale(self, quote: Quote) -> Decimal | None:
        """The midpoint, unless it is so far off the last sale that nobody would have traded there."""
        mid, last = quote.mid, self.last
        if mid is None or last is None or last.price / MISPRINT <= mid <= last.price * MISPRINT:
            return mid
        by_split, self._split = self._split, False
        return mid if by_split else None

    def last_sale_at(self, now: int) -> int | None:
        """The time the last sale carries: one read off a holding quote is as fresh as that quote."""
        if self.last is None or self.quote is None or self.last.at != self.quote.at:
            return self.last.at if self.last else None
        return self.quote.stamp(now)

    def left(self, side: Side) -> Decimal:
        """Displayed shares that an order of this side can still take."""
        return self._left.get(side, ZERO)

    def take(self, side: Side, qty: Decimal) -> None:
        self._left[side] -= qty

    def await_refill(self, side: Side, at: int) -> bool:
        """Plan that size for market orders of this side returns at the instant; False if it is planned already."""
        return self._refills.setdefault(side, at) == at

    def refill_due(self, side: Side, at: int) -> bool:
        """Whether the refill planned for this instant still stands; it is used up by asking."""
        if self._refills.get(side) != at:
            return False
        del self._refills[side]
        return True


def price_for(order: Order, quote: Quote) -> Decimal | None:
    """Price at which the order executes against the touch, None if it does not."""
    touch = quote.touch(order.side)
    if touch <= 0 or quote.size(order.side) <= 0:
        return None
    limit = order.working_limit if order.working_limit is not None else order.collar
    return touch if limit is None or (limit - touch) * order.side.sign >= 0 else None


def priority(order: Order) -> tuple[int, Decimal, int]:
    """Sort key: market orders, then the better price, then the older order."""
    limit = order.working_limit
    if limit is None:
        return (0, ZERO, order.number)
    return (1, -limit * order.side.sign, order.number)


def reaches(order: Order, quote: Quote) -> bool:
    """Whether the touch that the order would trade at elects its stop."""
    touch = quote.touch(order.side)
    return touch > 0 and order.stop_price is not None and (touch - order.stop_price) * order.side.sign >= 0
