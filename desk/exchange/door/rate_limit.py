"""Trading requests per minute of market time, counted in windows that start on the market's full minute."""

from __future__ import annotations

from desk.exchange.market.moments import MINUTE, SECOND


class RateLimiter:
    """Counts the requests of the current market minute."""

    def __init__(self) -> None:
        self._window = -1
        self._used = 0

    def clear(self) -> None:
        self._window = -1

    def admit(self, now: int, limit: int) -> bool:
        """Count one request; False if the minute's allowance was used up before it."""
        window = now // MINUTE
        if window != self._window:
            self._window, self._used = window, 0
        if self._used >= limit:
            return False
        self._used += 1
        return True

    def headers(self, now: int, limit: int) -> dict[str, str]:
        """X-Ratelimit-*: the limit, what is left, and the epoch second (market time) of the next window."""
        window = now // MINUTE
        used = self._used if window == self._window else 0
        return {
            # On every answer, those that are refused included: forum.alpaca.markets/t/12029.
            "X-Ratelimit-Limit": str(limit),
            "X-Ratelimit-Remaining": str(max(0, limit - used)),
            "X-Ratelimit-Reset": str((window + 1) * MINUTE // SECOND),
        }
