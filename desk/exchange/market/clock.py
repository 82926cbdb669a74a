"""Market time from wall time: a start instant plus elapsed wall time times the speed; may be paused and set."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path


class MarketClock:
    """Integer nanoseconds throughout; `wall` is a monotonic nanosecond counter.

    `told`: a file that says at any time how the clock runs, for other processes of this machine to read the same time.
    """

    def __init__(
        self,
        start: int,
        speed: Fraction = Fraction(1),
        wall: Callable[[], int] = time.monotonic_ns,
        told: Path | None = None,
    ) -> None:
        self._wall = wall
        self._market = start
        self._since = wall()
        self._paused = False
        self._speed = speed
        self._told = told
        self._tell()

    @property
    def speed(self) -> Fraction:
        """Market seconds per wall second."""
        return self._speed

    @property
    def paused(self) -> bool:
        return self._paused

    def now(self) -> int:
        """Market time."""
        if self._paused:
            return self._market
        elapsed = self._wall() - self._since
        # Integers: a float of nanoseconds since 1970 is 256 of them coarse, and a run would not repeat.
        return self._market + elapsed * self._speed.numerator // self._speed.denominator

    def set(self, market: int) -> None:
        """Let market time read `market` from now on."""
        self._market = market
        self._since = self._wall()
        self._tell()

    def pause(self, paused: bool) -> None:
        """Stop or restart market time where it stands."""
        # Bank what has passed at the old pace before the pace changes.
        self.set(self.now())
        self._paused = paused
        self._tell()

    def run_at(self, speed: Fraction) -> None:
        """Change the speed without a jump in market time."""
        self.set(self.now())
        self._speed = speed
        self._tell()

    def _tell(self) -> None:
        """Market and wall nanoseconds of one instant, and the speed as a fraction, 0 while paused."""
        if self._told is not None:
            speed = Fraction(0) if self._paused else self._speed
            part = self._told.with_name(f"{self._told.name}.part")
            part.write_text(f"{self._market} {self._since} {speed.numerator} {speed.denominator}")
            os.replace(part, self._told)

    def wall_seconds_until(self, market: int) -> float | None:
        """Wall seconds until market time reads `market`; None while paused."""
        if self._paused:
            return None
        return max(0.0, float((market - self.now()) / self._speed) / 1e9)
