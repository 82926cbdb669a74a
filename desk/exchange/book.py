"""The displayed market of one symbol and what is left of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from desk.exchange.model import ZERO, Order, OrderType, Quote, Side, Trade

_TICK = Decimal("0.01")
_FINE_TICK = Decimal("0.0001")


def tick_of(price: Decimal) -> Decimal:
    """Minimum price increment: one cent from a dollar up, a hundredth of a cent below."""
    return _TICK if price >= 1 else _FINE_TICK


@dataclass(slots=True)
class Book:
    """Quote, size not yet taken from it, last sale, halt flag."""

    symbol: str
    quote: Quote | None = None
    last: Trade | None = None
    halted: bool = False
    _left: dict[Side, Decimal] = field(default_factory=dict)
    _refills: dict[Side, int] = field(default_factory=dict)

    def show(self, quote: Quote) -> None:
        """A quote event: the new touch, with its full size."""
        self.quote = quote
        self._left = {side: quote.size(side) for side in Side}
        self._refills.clear()
        if (mid := quote.mid) is not None:
            self.last = Trade(mid.quantize(tick_of(mid)), Decimal(1), quote.at)

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
    if order.type is OrderType.MARKET or order.limit_price is None:
        return touch
    return touch if (order.limit_price - touch) * order.side.sign >= 0 else None


def priority(order: Order) -> tuple[int, Decimal, int]:
    """Sort key: market orders, then the better price, then the older order."""
    if order.limit_price is None:
        return (0, ZERO, order.number)
    return (1, -order.limit_price * order.side.sign, order.number)
