"""How long an intent may be sent after it was saved, and how long a worker that saved it may still be at it.

Both are told by the wall: a worker's life is, and the market's clock may run faster.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Self

from repeg.domain.models import Frozen
from repeg.domain.patience import ON_ITS_WAY, SEND_WITHIN, SENDER_LIFE


class Sent(Frozen):
    """What was sent, once or more often, while nobody knows whether it arrived."""

    sends: int = 0
    heard: int = 0
    """Sends of which the worker came back, though without knowing what became of them."""
    heard_wall: datetime | None = None
    """When the last of these workers came back."""

    late_looks: int = 0
    """Looks at the broker after it was given up."""

    @property
    def all_heard_wall(self) -> datetime | None:
        """When the last sender came back; None while one may still be about to send it."""
        return self.heard_wall if self.heard >= max(1, self.sends) else None

    def heard_of(self, wall: datetime) -> Self:
        """The same after one more of its senders came back without knowing what became of it."""
        return self.changed(heard=self.heard + 1, heard_wall=wall)


def in_time(saved_wall: datetime, wall: datetime) -> bool:
    """True while an intent that was saved at `saved_wall` may be sent. A clock that was set back proves nothing."""
    # Sent however late, an intent of a worker that had stalled bought shares that no record knew.
    return timedelta(0) <= wall - saved_wall < SEND_WITHIN


def may_arrive_for(saved_wall: datetime | None, wall: datetime, *, heard_wall: datetime | None = None) -> float:
    """Wall seconds for which an intent may still arrive at the broker; 0 when it certainly cannot.

    `heard_wall`: when the last worker came back, if every one that sent it has. Only one that did not may still be
    about to send. Counted from there: it may have been held up before its request left, however long after the save.
    """
    since, longest = (heard_wall, ON_ITS_WAY) if heard_wall else (saved_wall, SENDER_LIFE)
    # Waited too long, an exit is late; concluded too early, its shares are sold twice.
    if since is None:
        return longest.total_seconds()
    return max(0.0, (longest - max(timedelta(0), wall - since)).total_seconds())
