"""What a record says of its past: by which clock, what happened, and what the operator was alerted to."""

from __future__ import annotations

from datetime import datetime, timedelta

from repeg.domain.models import Frozen
from repeg.domain.patience import TOLD_AGAIN_AFTER

# DynamoDB refuses an item beyond 400 KB, and an order whose record cannot be written any more is one that nobody can
# look after.
MAX_EVENTS, FIRST_EVENTS_KEPT = 200, 20
MAX_EVENTS_TEXT = 30_000
"""Characters that all events together may have: a record must always be small enough to be written."""


class ClockAnchor(Frozen):
    """One reading of the broker's clock beside the wall clock: market time at any later wall time follows."""

    market_at: datetime
    wall_at: datetime

    def market_time(self, wall: datetime, speed: float) -> datetime:
        """Market time at `wall`, when market time runs `speed` times as fast as the wall."""
        # On AWS the speed is 1. A local exchange may run faster, and what is measured in market time must follow it.
        return self.market_at + (wall - self.wall_at) * speed


class Event(Frozen):
    """One line of an order's history: which state of the machine said what, in market time."""

    at: datetime
    state: str
    detail: str


class Told(Frozen):
    """Trouble that lasts and that the operator was alerted to: its name, and the market time of the last alert."""

    what: str
    at: datetime


def with_event(events: tuple[Event, ...], event: Event) -> tuple[Event, ...]:
    """A history with one more event: of a long one, how it began and the newest are kept."""
    events = (*events, event)
    size = sum(len(each.detail) for each in events)
    while len(events) > MAX_EVENTS or (size > MAX_EVENTS_TEXT and len(events) > FIRST_EVENTS_KEPT + 1):
        size -= len(events[FIRST_EVENTS_KEPT].detail)
        events = (*events[:FIRST_EVENTS_KEPT], *events[FIRST_EVENTS_KEPT + 1 :])
    return events


def is_due(told: tuple[Told, ...], what: str, now: datetime) -> bool:
    """True when an alert about `what` is due: there was none, or none for 15 minutes (or the clock was set back)."""
    known = next((each.at for each in told if each.what == what), None)
    # A clock that was set back must not keep an alert back: one too many costs less than one too few.
    return known is None or not timedelta(0) <= now - known < TOLD_AGAIN_AFTER
