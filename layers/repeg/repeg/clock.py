"""Market time: the broker's clock, read seldom, carried on by the wall clock at the market's speed.

A reading is shared by all orders. It is believed while quotes agree with it; any verdict against an order, and any
doubt, is settled by a fresh reading.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from repeg.broker.port import Broker
from repeg.domain.history import ClockAnchor
from repeg.domain.market.quotes import Quote
from repeg.domain.market.sessions import EASTERN, Calendar
from repeg.store.shared import SharedStore

# A reading saves each order a trading request; what would end or park an order is judged by a fresh one all the same.
TRUSTED_FOR = timedelta(minutes=15)
# The sweep reads it anew before it is too old, so that no order has to.
REFRESHED_AFTER = timedelta(minutes=10)
AHEAD_TOLERANCE = timedelta(seconds=2)
KNOWN_FOR = timedelta(seconds=5)
"""For so long the table is not asked again for the kept reading: what contradicts it is settled by the broker."""
JUMP = timedelta(seconds=30)
"""By so much two readings differ, carried on, if one of them is false, or the market's time was set."""
CALENDAR_BACK, CALENDAR_AHEAD = timedelta(days=1), timedelta(days=14)


def wall_clock() -> datetime:
    """Wall time, aware."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class MarketClock:
    """One reading, carried on. `fresh` tells that it was read from the broker just now."""

    anchor: ClockAnchor
    speed: float
    wall: Callable[[], datetime]
    fresh: bool = False

    def now(self) -> datetime:
        """Market time, UTC."""
        return self.at(self.wall())

    def at(self, wall: datetime) -> datetime:
        """Market time at a wall time."""
        return self.anchor.market_time(wall, self.speed).astimezone(UTC)

    def agrees_with(self, newest_at: datetime | None, max_age_seconds: float) -> bool:
        """True while the newest time that the feed shows fits the clock: not ahead of it, nor older than it may be."""
        if newest_at is None:
            return True
        age = self.now() - newest_at
        return -AHEAD_TOLERANCE <= age <= timedelta(seconds=max_age_seconds)

    def behind(self, quote: Quote | None) -> bool:
        """True when a quote is from this clock's future: market time was moved on."""
        return quote is not None and quote.at - self.now() > AHEAD_TOLERANCE


@dataclass
class TimeKeeper:
    """Reads and keeps the broker's clock and calendar."""

    kept: SharedStore
    speed: float
    wall: Callable[[], datetime] = wall_clock
    _latest: ClockAnchor | None = None
    _calendar: Calendar | None = None
    _known: tuple[datetime, ClockAnchor] | None = None
    """The kept reading, and the wall time at which it was looked up."""

    def read(self, broker: Broker, seen_at: datetime | None = None) -> MarketClock:
        """A fresh reading of the broker's clock (one trading request), kept for others.

        One by which time has jumped is asked for again, unless the market's newest time, `seen_at`, says so too.
        """
        before, anchor = self.kept.clock(), self._asked(broker)
        jumped = before and abs(before.market_time(anchor.wall_at, self.speed) - anchor.market_at) > JUMP
        if jumped and (seen_at is None or abs(anchor.market_at - seen_at) > JUMP):
            # By one false answer the session would be over for everybody, and bare shares wait for the next.
            anchor = self._asked(broker)
        self.kept.keep_clock(anchor)
        self._latest, self._known = anchor, (self.wall(), anchor)
        return MarketClock(anchor, self.speed, self.wall, fresh=True)

    def hold_against(self, broker: Broker, quotes: Collection[Quote]) -> None:
        """Read anew if quotes are from the future of the shared reading; costs no trading request otherwise."""
        if any(self.approximate().behind(quote) for quote in quotes):
            self.read(broker, max(quote.at for quote in quotes))

    def _asked(self, broker: Broker) -> ClockAnchor:
        asked_at = self.wall()
        market_at = broker.now()
        # The broker told its time somewhere between asking and answer: at half of that it is wrong by the least.
        return ClockAnchor(market_at=market_at, wall_at=asked_at + (self.wall() - asked_at) / 2)

    def clock(self, broker: Broker) -> MarketClock:
        """The kept reading while it is recent, else a fresh one."""
        return self._kept_for(TRUSTED_FOR) or self.read(broker)

    def kept_fresh(self, broker: Broker) -> MarketClock:
        """As `clock`, but reads anew well before the kept reading stops being trusted."""
        return self._kept_for(REFRESHED_AFTER) or self.read(broker)

    def _kept_for(self, at_most: timedelta) -> MarketClock | None:
        anchor = self._kept()
        # A reading from the future is one of before the wall clock was set back.
        recent = anchor is not None and timedelta(0) <= self.wall() - anchor.wall_at < at_most
        return self.carry_on(anchor) if anchor and recent else None

    def carry_on(self, anchor: ClockAnchor) -> MarketClock:
        """A known reading, carried on."""
        if self._latest is None or self._latest.wall_at < anchor.wall_at:
            self._latest = anchor
        return MarketClock(anchor, self.speed, self.wall)

    def approximate(self) -> MarketClock:
        """A clock at no trading request: the kept reading, else the wall clock (on AWS market time is wall time)."""
        wall = self.wall()
        return self.carry_on(self._kept() or ClockAnchor(market_at=wall, wall_at=wall))

    def _kept(self) -> ClockAnchor | None:
        # On a fast market seconds are minutes: there it is known for as many market seconds.
        if self._known and timedelta(0) <= self.wall() - self._known[0] < KNOWN_FOR / self.speed:
            return self._known[1]
        anchor = self.kept.clock()
        self._known = (self.wall(), anchor) if anchor else None
        return anchor

    def latest_now(self) -> datetime:
        """Market time by the newest reading that this process has seen, else as `approximate` has it."""
        return self._latest.market_time(self.wall(), self.speed) if self._latest else self.approximate().now()

    def calendar(self, broker: Broker, now: datetime) -> Calendar:
        """Trading days around `now`: those read today, by this process or another, else read anew (one request).

        Out of the ordinary (a holiday, an early close, a day that is missing) they are read twice, and kept when both
        answers are the same.
        """
        if self._calendar and self._calendar.covers(now):
            return self._calendar
        self._calendar = calendar = self.kept.calendar()
        if calendar and calendar.covers(now):
            return calendar
        today = now.astimezone(EASTERN).date()
        first, last = today - CALENDAR_BACK, today + CALENDAR_AHEAD
        calendar = Calendar(first=first, last=last, days=broker.calendar(first, last))
        if not calendar.is_ordinary:
            again = calendar.changed(days=broker.calendar(first, last))
            # Kept for a day, an answer without today closed the market to all: no stop was watched, no share guarded.
            if again != calendar:
                return again
        self.kept.keep_calendar(calendar)
        self._calendar = calendar
        return calendar
