"""How often a message that cannot be taken in is tried again, and when it is given up.

In an outage after 99 tries, some 45 minutes; after 3 if no outage explains the failure. It then is a dead letter,
raises an alert, and is recorded as `rejected`/`invalid_signal` if it says which signal it is (`intake.py`).
"""

from __future__ import annotations

from repeg.domain.patience import DELIVERY_PAUSES_SECONDS, FAULTY_AFTER_DELIVERIES, MAX_DELIVERIES

INTAKE_ON = frozenset({"Enabled", "Enabling", "Creating", "Updating"})
"""States of Lambda's mapping in which it takes signals from the queue, or will in a moment."""


def pause_after(tries: int) -> int:
    """Seconds until a message that failed `tries` times is delivered again."""
    return DELIVERY_PAUSES_SECONDS[min(tries, len(DELIVERY_PAUSES_SECONDS)) - 1]


def is_given_up(tries: int, outage: bool) -> bool:
    """Whether the try that failed was the last. `outage`: not the message is at fault, but what it was given to."""
    # One short of the limit of the queue: what the queue gives up by itself becomes a dead letter without a record or
    # an alert.
    return tries >= (MAX_DELIVERIES - 1 if outage else FAULTY_AFTER_DELIVERIES)
