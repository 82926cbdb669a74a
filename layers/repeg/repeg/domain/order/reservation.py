"""Requests of the broker that are reserved ahead, so that nothing is sent that could not be looked after.

Requests are *reserved* in a second of market time, *drawn* one by one, and what is left is *given back*. The record
that they are reserved for says how many are left: it is drawn with every request, and never without one.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from enum import Enum
from typing import Any, Protocol, Self, TypeVar

from repeg.domain.models import Frozen

# Without it 25 entries at once could spend the minute on submits, and leave none for their cancels.
REQUESTS_PER_CHILD = 4
"""Submit, read, cancel, read: reserved before an entry is sent, so that what is sent can be taken back."""
# Without it a burst of entries leaves what it bought bare until the next minute.
REQUESTS_PER_PROTECTION = 2
"""Submit, read: reserved with a bracket's entry, so that what is bought can be protected."""

REQUESTS_PER_CANCEL = 3
"""Cancel, and two reads that must agree: reserved with those of the new OCO before an OCO is taken down for that."""


class Priority(Enum):
    """Who goes first when requests run short."""

    ROUTINE = "routine"
    """Can wait: entries, and what is only kept fresh. Leaves alone what the budget keeps for urgent requests."""
    URGENT = "urgent"
    """What is live or held: finding out about it, cancelling, protecting, exiting."""


class Reservation(Frozen):
    """Requests reserved and not yet drawn: never none, a record without any has no reservation."""

    second: int
    """When they were reserved, in epoch seconds of market time; the budget counts them there until they are drawn."""
    left: int

    @property
    def drawn(self) -> Reservation | None:
        """What is left after one request."""
        return self.split(1)[1]

    def split(self, requests: int) -> tuple[Reservation | None, Reservation | None]:
        """At most so many of the requests, and the others."""
        first = min(self.left, requests)
        return _some(self.second, first), _some(self.second, self.left - first)


class Reserving(Protocol):
    """A record that requests are reserved for."""

    @property
    def reserved(self) -> Reservation | None:
        """What is reserved for it and not yet drawn."""

    def changed(self, **changes: Any) -> Self:
        """With the given fields replaced."""


R = TypeVar("R", bound=Reserving)


def reserving(record: R, reserved: Reservation | None) -> R:
    """The record with requests that are reserved for it."""
    return record.changed(reserved=reserved)


def drawn(record: R) -> R:
    """The record after one request."""
    return record.changed(reserved=record.reserved.drawn) if record.reserved else record


def emptied(record: R) -> tuple[R, Reservation | None]:
    """The record without its reservation, and what is to be given back once that is saved."""
    return record.changed(reserved=None), record.reserved


def _some(second: int, left: int) -> Reservation | None:
    return Reservation(second=second, left=left) if left > 0 else None


class Counted(Frozen):
    """An entry as it counts among those of its day: recorded with it, so that whoever ends it gives back the rest."""

    day: date
    """New York's date."""
    notional: Decimal
    """Dollars that it may cost at most."""
