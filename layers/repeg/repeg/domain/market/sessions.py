"""Trading sessions from the broker's calendar: early closes and holidays come with it."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from repeg.domain.market.reports import TradingDay
from repeg.domain.models import Frozen
from repeg.domain.patience import WAITS_BEFORE_OPEN

EASTERN = ZoneInfo("America/New_York")
FRESH_FOR = timedelta(days=1)
USUAL_HOURS = (time(9, 30), time(16))
SATURDAY = 5


def in_new_york(at: datetime) -> str:
    """An instant as the order's page says it to people: "Mon 23 Nov 09:30 ET"."""
    return f"{at.astimezone(EASTERN):%a %d %b %H:%M} ET"


class Phase(StrEnum):
    """Where market time stands relative to the regular session."""

    CLOSED = "closed"
    BEFORE_OPEN = "before_open"
    """The last 30 minutes before the open, when every signal waits for it."""
    REGULAR = "regular"


class Calendar(Frozen):
    """Consecutive trading days around now, oldest first; `first` to `last` is the range that was asked for."""

    first: date
    last: date
    days: tuple[TradingDay, ...]

    def covers(self, now: datetime) -> bool:
        """True when the calendar was read for today: sessions are shortened at short notice."""
        today = now.astimezone(EASTERN).date()
        # A calendar that ends with today's session has no open that an order could wait for.
        return self.first <= today <= self.first + FRESH_FOR and any(day.opens_at > now for day in self.days)

    @property
    def is_ordinary(self) -> bool:
        """True when it has a session from 9:30 to 16:00 on every weekday, and none on a weekend."""
        told = {day.date: (day.opens_at.astimezone(EASTERN), day.closes_at.astimezone(EASTERN)) for day in self.days}
        every = (self.first + timedelta(days=place) for place in range((self.last - self.first).days + 1))
        weekdays = {day for day in every if day.weekday() < SATURDAY}
        usual = all((opens.time(), closes.time()) == USUAL_HOURS for opens, closes in told.values())
        return usual and told.keys() == weekdays

    def session_at(self, now: datetime) -> TradingDay | None:
        """The regular session that `now` is in, or None."""
        return next((day for day in self.days if day.opens_at <= now < day.closes_at), None)

    def next_session(self, now: datetime) -> TradingDay | None:
        """The first session that opens after `now`, or None if the calendar ends before it."""
        return next((day for day in self.days if day.opens_at > now), None)

    def extended_until(self, now: datetime) -> datetime | None:
        """End of the extended session before or after the regular one that `now` is in, or None."""
        for day in self.days:
            if day.extended_opens_at <= now < day.opens_at:
                return day.opens_at
            if day.closes_at <= now < day.extended_closes_at:
                return day.extended_closes_at
        return None

    def trading_until(self, now: datetime, outside_session: bool) -> datetime | None:
        """When the session ends that an order trades in, or None if there is none now."""
        session = self.session_at(now)
        if session:
            return session.closes_at
        return self.extended_until(now) if outside_session else None

    def phase(self, now: datetime) -> Phase:
        """The phase at `now`."""
        if self.session_at(now):
            return Phase.REGULAR
        upcoming = self.next_session(now)
        if upcoming and upcoming.opens_at - now <= WAITS_BEFORE_OPEN:
            return Phase.BEFORE_OPEN
        return Phase.CLOSED


def leaves_time_for(patience_seconds: float, margin: timedelta, closes_at: datetime, now: datetime) -> bool:
    """True when a rung that starts at `now` is over at least `margin` before the close."""
    return now + timedelta(seconds=patience_seconds) <= closes_at - margin
