"""How long an intent may be sent after it was saved, and how long a worker that saved it may still be at it.

Both are told by the wall: a worker's life is, and the market's clock may run faster.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from repeg.domain.patience import ON_ITS_WAY, SEND_WITHIN, SENDER_LIFE


def in_time(saved_wall: datetime, wall: datetime) -> bool:
    """True while an intent that was saved at `saved_wall` may be sent. A clock that was set back proves nothing."""
    return timedelta(0) <= wall - saved_wall < SEND_WITHIN


def may_arrive_for(saved_wall: datetime | None, wall: datetime, *, heard: bool) -> float:
    """Wall seconds for which an intent may still arrive at the broker; 0 when it certainly cannot.

    `heard`: every worker that sent it has come back and said so. Only one that did not may still be about to send.
    """
    longest = ON_ITS_WAY if heard else SENDER_LIFE
    if saved_wall is None:
        return longest.total_seconds()
    return max(0.0, (longest - max(timedelta(0), wall - saved_wall)).total_seconds())
