"""A child order that is about to be sent, as limits see it."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

from repeg.domain.book import Book, Held
from repeg.domain.models import Frozen, direction
from repeg.domain.order.children import ChildRecord
from repeg.domain.order.record import ZERO, Order
from repeg.domain.settings import Settings


class Case(Frozen):
    """A child order that is about to be sent, and what it is measured by."""

    order: Order
    """The order without that child order."""
    child: ChildRecord
    settings: Settings
    now: datetime
    """Market time."""
    opened_at: datetime | None = None
    """The open of the session, or None outside of it."""
    last: Decimal | None = None
    """The last trade, in dollars, if it is recent and known."""
    book: Book | None = None
    """The account, if a limit is measured by it."""

    @property
    def begins(self) -> bool:
        """True for the first child order: what is measured of the whole order was admitted with it."""
        return not self.order.sent

    @property
    def price(self) -> Decimal | None:
        """Dollars that a share of the child order may be traded at, at worst, as far as anybody knows."""
        terms = self.order.terms
        arrival = terms.arrival_ask if self.order.side == "buy" else terms.arrival_bid
        return self.child.limit_price or self.touch or arrival or terms.reference_price

    @property
    def touch(self) -> Decimal | None:
        """Dollars at which it would trade, by the quote that it was priced by."""
        return self.child.ask if self.order.side == "buy" else self.child.bid

    @property
    def qty(self) -> Decimal:
        """Shares of the whole order."""
        return self.order.filled_qty + self.child.qty

    @property
    def dearest(self) -> Decimal | None:
        """Dollars of a share at which the order comes to most, as far as anybody knows."""
        if self.order.side == "sell":
            # A limit to sell is the least that is taken: at a better price it is the larger short.
            return max((price for price in (self.price, self.touch) if price is not None), default=None)
        # The ladder may walk up to it, and what was counted at its first price would be exceeded by its last.
        worst = None if self.order.terms.bracket else self.order.worst_price
        return worst or self.price

    @property
    def cost(self) -> Decimal | None:
        """Dollars that the whole order may come to at most; None: nobody knows."""
        return None if self.dearest is None else self.qty * self.dearest

    @property
    def age(self) -> timedelta:
        """How old its signal is, or since the open that it waited for."""
        since = self.order.created_at
        if self.order.ask.when_closed == "next_open" and self.opened_at is not None:
            since = max(since, self.opened_at)
        return self.now - since

    @property
    def held(self) -> Held:
        """The symbol's position, as the book has it."""
        none = Held(qty=ZERO, value=ZERO)
        return self.book.positions.get(self.order.symbol, none) if self.book else none

    @property
    def shares_after(self) -> Decimal:
        """Shares of the symbol once the order is filled."""
        return self.held.qty + direction(self.order.trading_side) * self.child.qty
