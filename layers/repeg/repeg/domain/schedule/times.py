"""When schedules fire, in New York's time, and what a firing comes to by the broker's calendar."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import NamedTuple

from repeg.domain.ladder.opening import PLAN_ENDS_AFTER_OPEN
from repeg.domain.market.reports import TradingDay
from repeg.domain.market.sessions import EASTERN, Calendar

# EventBridge fires within a minute of its time, and a function that failed is tried again after one minute and after
# two more: what has not run by then does not come any more.
MISSED_AFTER = timedelta(minutes=6)
EARLY_BY = timedelta(minutes=1)
"""Market time by which a firing may come before its time, as two clocks never agree."""
_SATURDAY = 5


class Schedule(StrEnum):
    """What fires on weekdays; the value is its name in the template, in commands and in records."""

    MARKET_OPEN_REBALANCE = "market-open-rebalance"
    PRE_MARKET_ASSESSMENT = "pre-market-assessment"
    END_OF_DAY_SUMMARY = "end-of-day-summary"

    @property
    def time(self) -> time:
        """Time of day in New York, the same one on days of an early close."""
        return _TIMES[self]

    @property
    def meaning(self) -> str:
        """What it does, in a line."""
        return _MEANINGS[self]


_TIMES = {
    # Behind the assessment, whose plans it trades by; its orders wait for the open in the machine.
    Schedule.MARKET_OPEN_REBALANCE: time(9, 25),
    Schedule.PRE_MARKET_ASSESSMENT: time(9, 20),
    # Twenty minutes after the close: by then the last orders of the day have ended.
    Schedule.END_OF_DAY_SUMMARY: time(16, 20),
}
_MEANINGS = {
    Schedule.MARKET_OPEN_REBALANCE: "Rebalances to the targets on record, at the open.",
    Schedule.PRE_MARKET_ASSESSMENT: "Reads spreads before the open, and plans patience and caps of its first minutes.",
    Schedule.END_OF_DAY_SUMMARY: "Sums the day up, as an event and a mail.",
}


class Timing(StrEnum):
    """What a firing finds by the broker's clock and calendar."""

    CLOSED = "closed"
    """No session on that day: a holiday."""
    EARLY = "early"
    """Before its time: the day's own firing is still to come."""
    DUE = "due"
    LATE = "late"
    """What it is for has passed."""


def fires_at(schedule: Schedule, day: date) -> datetime:
    """When it fires on a day, whatever New York's clocks were set to in between."""
    return datetime.combine(day, schedule.time, EASTERN)


def day_of(now: datetime) -> date:
    """The date in New York."""
    return now.astimezone(EASTERN).date()


def timing(schedule: Schedule, now: datetime, session: TradingDay | None) -> Timing:
    """What a firing at `now` finds; `session` is that of the day, or None."""
    if session is None:
        return Timing.CLOSED
    if now < fires_at(schedule, session.date) - EARLY_BY:
        return Timing.EARLY
    latest = _latest(schedule, session)
    return Timing.LATE if latest and now >= latest else Timing.DUE


def _latest(schedule: Schedule, session: TradingDay) -> datetime | None:
    """From when on a firing is of no use any more."""
    if schedule is Schedule.PRE_MARKET_ASSESSMENT:
        return session.opens_at
    # From then on the market is not the open that was scheduled for: whether to trade all the same a person decides.
    return session.opens_at + PLAN_ENDS_AFTER_OPEN if schedule is Schedule.MARKET_OPEN_REBALANCE else None


def next_firing(schedule: Schedule, now: datetime, days: Iterable[TradingDay]) -> datetime | None:
    """The first firing after `now` on a day with a session; None: the days do not reach so far."""
    return next((at for day in days if (at := fires_at(schedule, day.date)) > now), None)


def last_firing(schedule: Schedule, now: datetime, days: Iterable[TradingDay]) -> datetime | None:
    """The last firing by which a run must be on record at `now`, or None."""
    return max((at for day in days if (at := fires_at(schedule, day.date)) <= now - MISSED_AFTER), default=None)


def fires_within(schedule: Schedule, after: datetime, until: datetime) -> bool:
    """True when a firing lies in (`after`, `until`]: on weekdays, holidays too, as EventBridge has no calendar."""
    day = day_of(until)
    return day.weekday() < _SATURDAY and after < fires_at(schedule, day) <= until


class Expected(NamedTuple):
    """`missing_of` is the day of a run that must be on record by now; `next_at` the firing to look out for."""

    missing_of: date | None
    next_at: datetime | None


def look_out(schedule: Schedule, awaited: datetime | None, now: datetime, calendar: Calendar) -> Expected:
    """What to look for, when `awaited` is the firing that was looked out for so far.

    Only a firing that was awaited beforehand can be missed: none is that lies before the schedule was turned on.
    """
    upcoming = next_firing(schedule, now, calendar.days)
    if awaited is None:
        return Expected(None, upcoming)
    if now < awaited + MISSED_AFTER:
        # A local clock that was set back has an earlier firing before it.
        return Expected(None, min(awaited, upcoming or awaited))
    day = day_of(awaited)
    # A day that was taken off the calendar at short notice has no run; of one before the calendar nothing is known.
    there = day < calendar.first or any(known.date == day for known in calendar.days)
    return Expected(day if there else None, upcoming)
