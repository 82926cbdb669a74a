"""The run of a schedule on a day: claimed before anything is done, and recorded with what came of it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Any

from repeg.domain.models import Frozen
from repeg.domain.schedule.times import Schedule

LEASE = timedelta(seconds=45)
"""Wall time for which a claim keeps others out: longer than the function lives, shorter than until it is tried again.

A test compares it with the template.
"""


class Outcome(StrEnum):
    """What a run came to."""

    CLOSED = "closed"
    LATE = "late"
    SENT = "sent"
    NO_TARGETS = "no_targets"
    BAD_TARGETS = "bad_targets"
    STALE_TARGETS = "stale_targets"
    ASSESSED = "assessed"
    SUMMED_UP = "summed_up"

    @property
    def meaning(self) -> str:
        """In a line."""
        return _MEANINGS[self]

    @property
    def alerts(self) -> bool:
        """True when somebody must hear of it: what was scheduled was not done."""
        return self in _ALERTS


_MEANINGS = {
    Outcome.CLOSED: "No session on that day; nothing was done.",
    Outcome.LATE: "It fired when what it is for had passed; nothing was done, and it is alerted.",
    Outcome.SENT: "The rebalance was sent; `signal_id` is what to look up.",
    Outcome.NO_TARGETS: "No targets are on record; nothing was sent, and it is alerted.",
    Outcome.BAD_TARGETS: "The targets cannot be used; nothing was sent, and it is alerted.",
    Outcome.STALE_TARGETS: "The targets are older than the previous session; nothing was sent, and it is alerted.",
    Outcome.ASSESSED: "Spreads were read, and the plans of the open recorded.",
    Outcome.SUMMED_UP: "The summary was published and mailed.",
}
_ALERTS = {Outcome.LATE, Outcome.NO_TARGETS, Outcome.BAD_TARGETS, Outcome.STALE_TARGETS}


class ScheduledRun(Frozen):
    """One run. Its outcome is set when all was done that it stands for, but for an event or a mail that it says again.

    `signal` is the rebalance that it sends: written down first, so that a second try sends the very same.
    """

    schedule: Schedule
    date: date
    at: datetime
    """Market time of the claim."""
    claimed_wall: datetime
    tries: int = 1
    signal: str | None = None
    signal_id: str | None = None
    decided: Outcome | None = None
    """What it will come to, where that was decided when it was claimed."""
    outcome: Outcome | None = None
    detail: str = ""
    finished_at: datetime | None = None

    @property
    def run_id(self) -> str:
        """Its name: one a day."""
        return run_id(self.schedule, self.date)

    @property
    def finished(self) -> bool:
        return self.outcome is not None

    def at_work(self, wall: datetime) -> bool:
        """True while whoever claimed it may still be doing it."""
        return not self.finished and timedelta(0) <= wall - self.claimed_wall < LEASE

    def view(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "run_id": self.run_id,
            "date": self.date.isoformat(),
            "at": _text(self.at),
            "outcome": self.outcome.value if self.outcome else None,
            "detail": self.detail,
            "signal_id": self.signal_id,
            "tries": self.tries,
            "finished_at": _text(self.finished_at) if self.finished_at else None,
        }


def run_id(schedule: Schedule, day: date) -> str:
    """The name of a day's run, and of the signal that it sends."""
    return f"{schedule.value}-{day.isoformat()}"


def _text(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
