"""When the proceeds of sales are settled: a number of sessions after the one they were made in."""

from __future__ import annotations

from collections import deque
from datetime import timedelta
from decimal import Decimal

from desk.exchange.market.model import ZERO
from desk.exchange.market.moments import eastern
from desk.exchange.market.sessions import sessions_between

# Nobody sells so often within the longest settlement; the bound keeps a long run from growing.
_KEPT = 50_000


class Proceeds:
    """What sales have brought in, newest last; the last 50,000 of them."""

    def __init__(self) -> None:
        self._sales: deque[tuple[int, Decimal]] = deque(maxlen=_KEPT)

    def note(self, at: int, amount: Decimal) -> None:
        self._sales.append((at, amount))

    def unsettled(self, now: int, days: int) -> Decimal:
        """Dollars of sales that settle `days` sessions later, at 4:00 ET, and have not yet."""
        since = _settled_until(now, days)
        return sum((amount for at, amount in self._sales if at >= since), ZERO)


def _settled_until(now: int, days: int) -> int:
    """The end of the last session whose sales are settled. Sales after it belong to the next one."""
    if not days:
        return now + 1
    today = eastern(now).date()
    # Every week has three sessions at least.
    first = today - timedelta(days=7 * (days // 3 + 2))
    begun = [session for session in sessions_between(first, today) if session.pre_open <= now]
    return begun[-1 - days].post_close if len(begun) > days else 0
