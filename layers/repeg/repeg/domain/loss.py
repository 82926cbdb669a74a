"""What was lost today: by the account since the last close, and by each strategy."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

import msgspec

from repeg.domain.market.sessions import EASTERN
from repeg.domain.models import Frozen

ZERO = Decimal(0)
PAID_IN_LASTS = timedelta(minutes=5)
"""So long what was paid in or out is not asked for again: it costs two trading requests, and happens once in weeks."""
PAID_IN_COUNTS = timedelta(minutes=15)
"""Asked for in vain since, it is gone by so long; a deposit of later hides a loss."""
LOSSES_LAST = timedelta(minutes=5)
"""What strategies lost is reckoned each minute; older than that nobody goes by it."""


def loss_of_the_day(equity_now: Decimal, equity_at_last_close: Decimal, paid_in: Decimal = ZERO) -> Decimal:
    """Dollars that the account is worth less than at the last close; 0 when it is worth as much or more.

    `paid_in` are deposits less withdrawals since: they are neither won nor lost.
    """
    return max(ZERO, equity_at_last_close - (equity_now - paid_in))


class PaidIn(Frozen):
    """Deposits less withdrawals of a day, in dollars, as asked for at a market time."""

    at: datetime
    dollars: Decimal

    def is_of(self, now: datetime) -> bool:
        """True on the day that it is of."""
        return _is_same_day(self.at, now)

    def lasts(self, now: datetime) -> bool:
        """True while it need not be asked for again."""
        return self.is_of(now) and timedelta(0) <= now - self.at < PAID_IN_LASTS

    def counts(self, now: datetime) -> bool:
        """True while it may be gone by."""
        return self.is_of(now) and timedelta(0) <= now - self.at < PAID_IN_COUNTS


class Losses(Frozen):
    """Dollars that strategies lost on a day (negative: won), as reckoned at a market time; who traded nothing lacks."""

    at: datetime
    lost: dict[str, Decimal]
    unknown: frozenset[str] = frozenset()
    """Strategies whose shares have left, and no record says yet at what price; or that hold what has none."""
    held: dict[str, Decimal] = msgspec.field(default_factory=dict)
    """Shares that the account showed when it was reckoned, by symbol, long and short alike."""

    def of(self, strategy: str, now: datetime) -> Decimal | None:
        """Dollars that a strategy lost today, 0 when it won; None: nobody knows."""
        if not _is_same_day(self.at, now) or not timedelta(0) <= now - self.at <= LOSSES_LAST:
            return None
        name = strategy.strip()  # as records of an older version do not have it
        return None if name in self.unknown else max(ZERO, self.lost.get(name, ZERO))


def _is_same_day(one: datetime, other: datetime) -> bool:
    return one.astimezone(EASTERN).date() == other.astimezone(EASTERN).date()
