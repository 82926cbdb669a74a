"""Market time on the local cloud, which its exchange writes down: it is read without a call."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from desk.stack.connection import Connection, local_for
from desk.stack.place import here
from repeg.domain.market.sessions import EASTERN


@dataclass(frozen=True)
class Setting:
    """How the exchange's clock runs; another text once it was set, stopped or sped up. Empty: as the wall's."""

    text: str

    @classmethod
    def read(cls, told: Path) -> Setting:
        """From the file that the exchange keeps."""
        try:
            return cls(told.read_text())
        except OSError:
            return cls("")

    def now(self) -> float:
        """Seconds since 1970."""
        if not self.text:
            return time.time()
        market, since, speed, parts = map(int, self.text.split())
        return (market + (time.monotonic_ns() - since) * speed // parts) / 1e9

    @property
    def speed(self) -> float:
        """Market seconds per wall second, 0 while the clock stands still."""
        _, _, speed, parts = map(int, self.text.split() or (0, 0, 1, 1))
        return speed / parts

    def market(self, wall: datetime) -> datetime:
        """Market time at a moment of this machine's clock, as if it had always run as it does."""
        return datetime.fromtimestamp(self.now(), UTC) - (wall_clock() - wall) * self.speed if self.text else wall

    def wall(self, market: datetime) -> datetime:
        """This machine's clock at a moment of market time; while that stands still, the beginning of all times."""
        if not self.text:
            return market
        if not self.speed:
            return datetime.fromtimestamp(0, UTC)
        return wall_clock() - (datetime.fromtimestamp(self.now(), UTC) - market) / self.speed


def wall_clock() -> datetime:
    """Wall time of this machine, aware."""
    return datetime.now(UTC)


def clock_of(stack: str) -> Setting:
    """The clock of the stack of this name, which is not reached for it."""
    return Setting.read(here().clock) if local_for(stack) else Setting("")


def now_of(stack: str) -> datetime:
    """Now, by that clock."""
    return clock_of(stack).market(wall_clock())


def measured_now(connection: Connection, wall: Callable[[], datetime] = wall_clock) -> datetime:
    """Now, by the clock of a stack's metrics and alarms: on the local cloud the market's."""
    setting = Setting.read(here().clock) if connection.is_local else Setting("")
    return datetime.fromtimestamp(setting.now(), UTC) if setting.text else wall()


def as_measured(connection: Connection, wall: datetime) -> datetime:
    """A moment of this machine's clock by that of a stack's metrics and alarms."""
    return Setting.read(here().clock).market(wall) if connection.is_local else wall


def day_begin(now: datetime) -> datetime:
    """When the market day of a moment began, in New York: `--today` lists from then on, and what is earned counts."""
    return now.astimezone(EASTERN).replace(hour=0, minute=0, second=0, microsecond=0)
