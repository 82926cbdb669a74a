"""What an order remembers of time: the clock it works by, its events, and what the operator was told."""

from __future__ import annotations

from datetime import datetime, timedelta

from repeg.domain.models import Frozen

MAX_EVENTS, FIRST_EVENTS_KEPT = 200, 20
TOLD_AGAIN_AFTER = timedelta(minutes=15)
"""What lasts is alerted again so often: seldom enough to be read, often enough not to be forgotten."""


class ClockAnchor(Frozen):
    """One reading of the broker's clock beside the wall clock: market time at any later wall time follows."""

    market_at: datetime
    wall_at: datetime

    def market_time(self, wall: datetime, speed: float) -> datetime:
        """Market time at `wall`, when market time runs `speed` times as fast as the wall."""
        return self.market_at + (wall - self.wall_at) * speed


class Event(Frozen):
    """One line of an order's history: which state of the machine said what, in market time."""

    at: datetime
    state: str
    detail: str


class Told(Frozen):
    """Something lasting that the operator was told of: `what` is its name, `at` when it was told last."""

    what: str
    at: datetime


def with_event(events: tuple[Event, ...], event: Event) -> tuple[Event, ...]:
    """A history with one more event: of a long one, how it began and the newest are kept."""
    events = (*events, event)
    if len(events) <= MAX_EVENTS:
        return events
    return (*events[:FIRST_EVENTS_KEPT], *events[FIRST_EVENTS_KEPT + 1 :])
