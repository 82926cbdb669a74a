"""How long an intent may be sent after it was saved, and how long a worker that saved it may still be at it.

Both are told by the wall: a worker's life is, and the market's clock may run faster.
"""

from __future__ import annotations

from datetime import datetime, timedelta

SEND_WITHIN = timedelta(seconds=3)
"""An intent that is older is not sent any more: its worker was held up, and another may have the order by now."""
LONGEST_STEP = timedelta(seconds=60)
"""The functions' own time-out: no worker lives longer than that. A test compares it with the template."""
ON_ITS_WAY = timedelta(seconds=15)
"""What was sent may lie in the network for so long, by clocks that may differ a little."""
SENDER_LIFE = LONGEST_STEP + ON_ITS_WAY
"""After so long nobody can be about to send an intent, and nothing of it is still on its way: only then "never sent"
may be concluded."""


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
