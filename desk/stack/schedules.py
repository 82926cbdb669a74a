"""The schedules of a stack: which are on, when each fires next, how its last run ended; and the targets on record."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from desk.stack.connection import Connection
from repeg.clock import MarketClock, TimeKeeper
from repeg.domain.market.reports import TradingDay
from repeg.domain.market.sessions import EASTERN
from repeg.domain.schedule.runs import ScheduledRun
from repeg.domain.schedule.times import Schedule, last_firing, next_firing
from repeg.store.schedules import KeptTargets, ScheduleStore
from repeg.store.shared import SharedStore

if TYPE_CHECKING:
    from repeg.domain.schedule.targets import Judged

FUNCTION = "run_schedule"
ON = "SCHEDULES_ON"
_SATURDAY = 5


@dataclass(frozen=True)
class Listed:
    """One schedule. `next_at` is None as long as the stack has read no calendar that reaches so far."""

    schedule: Schedule
    on: bool
    next_at: datetime | None
    last_run: ScheduledRun | None

    def document(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "schedule": self.schedule.value,
            "meaning": self.schedule.meaning,
            "time": f"{self.schedule.time:%H:%M}",
            "time_zone": "America/New_York",
            "on": self.on,
            "next_at": _text(self.next_at) if self.on and self.next_at else None,
            "last_run": self.last_run.view() if self.last_run else None,
        }


@dataclass(frozen=True)
class Found:
    """Targets on record, and whether the next rebalance would go by them."""

    kept: KeptTargets
    judged: Judged
    used_on: date | None
    """The day of the next firing."""

    def document(self) -> dict[str, Any]:
        """JSON-ready."""
        signal = self.judged.signal
        targets = {symbol: f"{weight:f}" for symbol, weight in signal.targets.items()} if signal else {}
        return {
            "targets": targets,
            "sum": f"{sum(signal.targets.values()):f}" if signal else None,
            "written_at": self.kept.written_at,
            "stale": self.judged.problem is not None,
            "problem": self.judged.problem.value if self.judged.problem else None,
            "detail": self.judged.detail,
            "used_on": self.used_on.isoformat() if self.used_on else None,
            "document": self.kept.document,
        }


class Desk:
    """Schedules and targets of one stack, by its own clock and calendar: nothing is asked of the broker."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.store = ScheduleStore(connection.dynamodb, connection.table)
        self._market = SharedStore(connection.dynamodb, connection.table)

    @cached_property
    def configuration(self) -> dict[str, Any]:
        """The function behind the schedules, as it is deployed."""
        name = self._connection.function(FUNCTION)
        return dict(self._connection.lambda_.get_function_configuration(FunctionName=name))

    @cached_property
    def on(self) -> list[Schedule]:
        """The schedules that the deployment turned on."""
        named = self.configuration.get("Environment", {}).get("Variables", {}).get(ON, "").split(",")
        return [schedule for schedule in Schedule if schedule.value in named]

    @cached_property
    def clock(self) -> MarketClock:
        """Market time as the stack last read it, carried on."""
        return TimeKeeper(self._market, self._connection.speed or 1.0).approximate()

    @cached_property
    def days(self) -> tuple[TradingDay, ...]:
        """The trading days that the stack knows, from yesterday on."""
        calendar = self._market.calendar()
        return calendar.days if calendar else ()

    def listed(self) -> list[Listed]:
        """All schedules."""
        now = self.clock.now()
        return [
            Listed(each, each in self.on, next_firing(each, now, self.days), self.store.last_run(each))
            for each in Schedule
        ]

    def due(self, schedule: Schedule) -> datetime | None:
        """The last firing whose run must be on record by now, or None if the calendar shows none."""
        return last_firing(schedule, self.clock.now(), self.days)

    def targets(self) -> Found | None:
        """The targets on record, judged as the next rebalance will judge them."""
        kept = self.store.targets()
        return self.judged(kept) if kept else None

    def judged(self, kept: KeptTargets) -> Found:
        """Targets, judged as the next rebalance will judge them."""
        from repeg.domain.schedule.targets import judge  # who lists schedules does not pay for what checks signals

        now = self.clock.now()
        firing = next_firing(Schedule.MARKET_OPEN_REBALANCE, now, self.days)
        day = (firing or now).astimezone(EASTERN).date()
        return Found(kept, judge(*kept, self.clock.at, now, _fresh_since(day, self.days)), day if firing else None)


def now_as_text() -> str:
    """Wall time, as targets say when they were written."""
    return _text(datetime.now(UTC))


def _fresh_since(day: date, days: Iterable[TradingDay]) -> datetime:
    """As the run will have it; where the stack's calendar does not reach back, as if there had been no holiday."""
    from repeg.domain.schedule.targets import fresh_since

    known = fresh_since(day, days)
    if known:
        return known
    before = day - timedelta(days=1)
    while before.weekday() >= _SATURDAY:
        before -= timedelta(days=1)
    return datetime(before.year, before.month, before.day, 9, 30, tzinfo=EASTERN)


def _text(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
