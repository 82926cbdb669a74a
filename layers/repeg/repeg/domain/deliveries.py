"""How often a message that cannot be taken in is tried again, and when it is given up."""

from __future__ import annotations

MAX_TRIES = 100
"""The queue's own limit (`maxReceiveCount`): with the pauses below, some 45 minutes of an outage.

The last delivery is not tried any more: invocations that died would otherwise end in the dead letters without a word.
"""

TOLD_AFTER_TRIES = 5
"""A message that failed so often, by seconds apart, is told of once."""

FAULTY_AFTER_TRIES = 3
"""So often is one tried whose failure no outage explains: what follows it in its group must not wait for a defect."""

_PAUSES = (1, 2, 2, 2, 2, 5, 10, 20, 30)


def pause_after(tries: int) -> int:
    """Seconds until a message that failed `tries` times is delivered again."""
    return _PAUSES[min(tries, len(_PAUSES)) - 1]


def is_given_up(tries: int, outage: bool) -> bool:
    """Whether the try that failed was the last. `outage`: not the message is at fault, but what it was given to."""
    return tries >= (MAX_TRIES - 1 if outage else FAULTY_AFTER_TRIES)
