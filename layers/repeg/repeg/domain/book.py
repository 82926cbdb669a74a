"""The account as it was looked at a moment ago: what entries are measured by without asking the broker each time.

It may spare a read, and never says no by itself: who would be refused by it asks the broker.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from decimal import Decimal

import msgspec

from repeg.domain.loss import Losses, PaidIn
from repeg.domain.market.reports import Account, Position
from repeg.domain.models import Frozen

ZERO = Decimal(0)
BOOK_LASTS = timedelta(seconds=60)
"""The sweep looks every minute. What others do to the account meanwhile shows at the next look."""
BOOK_IS_FRESH = timedelta(seconds=5)
"""So old it is as good as asked for anew."""
APART = Decimal("0.01")
"""So much of equity may lie between what positions and account say, for moving prices."""
BOOK_SHOWS_AFTER = timedelta(seconds=10)
"""A trade that happened so shortly before a look need not show in it (alpacahq/Alpaca-API #276)."""


class Held(Frozen):
    """Shares of a symbol, negative for a short, and the dollars they are worth."""

    qty: Decimal
    value: Decimal | None = None
    last_close: Decimal | None = None
    """Dollars of a share at the last close, as the broker says."""

    @property
    def mark(self) -> Decimal | None:
        """Dollars that a share is worth now."""
        return self.value / self.qty if self.value is not None and self.qty else None


class Book(Frozen):
    """What a look at the account showed. `at` is market time, just before it was looked at."""

    at: datetime
    positions: dict[str, Held] = msgspec.field(default_factory=dict)
    equity: Decimal | None = None
    last_equity: Decimal | None = None
    cash: Decimal | None = None
    """Dollars; None: only the positions were looked at."""
    day: date | None = None
    settled: Decimal = ZERO
    """Dollars of that day's entries that were over, and in the positions, when it was looked at."""
    paid_in: PaidIn | None = None
    """None: nobody asked, as no limit is measured by it."""
    losses: Losses | None = None
    """As last reckoned; None: nobody did, as no strategy has a limit to its loss. Kept beside the book."""
    closes: dict[str, Decimal] = msgspec.field(default_factory=dict)
    """Dollars of a share at the last close, of all that was held at any time of that day; as `losses`."""

    def lasts(self, now: datetime) -> bool:
        """True while it may be gone by."""
        return timedelta(0) <= now - self.at <= BOOK_LASTS

    def shows(self, traded: Iterable[datetime], now: datetime) -> bool:
        """True when it may be gone by for a symbol: what was traded in it, at these times, is certain to show in it."""
        return self.lasts(now) and not traded_lately(traded, self.at)

    @property
    def gross(self) -> Decimal | None:
        """Dollars of all positions, long and short alike; None: not known."""
        listed = self._listed
        if listed is None or self.equity is None or self.cash is None:
            return None
        # Of a list that lacks a position the broker's own sum is the witness.
        return max(listed, abs(self.equity - self.cash))

    @property
    def unlisted(self) -> Decimal:
        """Dollars that the account holds, and that no listed position accounts for; 0: about nothing, or not known."""
        gross, listed = self.gross, self._listed
        if gross is None or listed is None or self.equity is None:
            return ZERO
        # Positions and account are two answers: prices move between them.
        return gross - listed if gross - listed > self.equity * APART else ZERO

    @property
    def _listed(self) -> Decimal | None:
        values = [held.value for held in self.positions.values()]
        return None if None in values else sum((abs(value) for value in values if value is not None), ZERO)


def taken_over(book: Book, before: Book | None) -> Book:
    """The book with what is not looked at each time, from one of before on the same day."""
    closes = {symbol: held.last_close for symbol, held in book.positions.items() if held.last_close is not None}
    book = book.changed(losses=before.losses if before else None)
    if before is None or before.day != book.day:
        return book.changed(closes=closes)
    # Of what was sold meanwhile nobody tells the last close any more.
    return book.changed(paid_in=before.paid_in, closes=before.closes | closes)


def held_by(book: Book) -> dict[str, Decimal]:
    """Shares that the account shows, by symbol, long and short alike."""
    return {symbol: abs(each.qty) for symbol, each in book.positions.items()}


def traded_lately(traded: Iterable[datetime], now: datetime) -> bool:
    """True when a list of positions need not show yet what was traded at these times."""
    return any(at > now - BOOK_SHOWS_AFTER for at in traded)


def book_of(
    at: datetime,
    positions: Iterable[Position],
    account: Account | None = None,
    day: date | None = None,
    settled: Decimal = ZERO,
) -> Book:
    """The book of a look."""
    held = {each.symbol: Held(qty=each.qty, value=each.market_value, last_close=each.last_close) for each in positions}
    if account is None:
        return Book(at=at, positions=held, day=day, settled=settled)
    return Book(
        at=at,
        positions=held,
        equity=account.equity,
        last_equity=account.last_equity,
        cash=account.cash,
        day=day,
        settled=settled,
    )
