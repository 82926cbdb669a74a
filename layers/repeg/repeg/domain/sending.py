"""How long an intent may be sent after it was saved, and how long a worker that saved it may still be at it.

Both are told by the wall: a worker's life is, and the market's clock may run faster.
"""

from __future__ import annotations

from datetime import datetime, timedelta

SEND_WITHIN = timedelta(seconds=3)
"""An intent that is older is not sent any more: its worker was held up, and another may have the order by now."""
LONGEST_STEP = timedelta(seconds=60)
"""The functions' own time-out: no worker lives longer than that. A test compares it with the template."""
SENDER_LIFE = LONGEST_STEP + timedelta(seconds=15)
"""After so long nobody can be about to send an intent, and nothing of it is still on its way: only then "never sent"
may be concluded. The margin is for clocks that differ and for what lies in the network."""


def in_time(saved_at: datetime, wall: datetime) -> bool:
    """True while an intent that was saved at `saved_at` may be sent. A clock that was set back proves nothing."""
    return timedelta(0) <= wall - saved_at < SEND_WITHIN


def sender_may_live(saved_at: datetime | None, wall: datetime) -> float:
    """Wall seconds for which the worker that saved an intent may still send it; 0 when it certainly cannot."""
    if saved_at is None:
        return SENDER_LIFE.total_seconds()
    return max(0.0, (SENDER_LIFE - max(timedelta(0), wall - saved_at)).total_seconds())
