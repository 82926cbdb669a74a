"""The states that orders go through from their first to their last: the same in every engine that runs the machine."""

from __future__ import annotations

AT_ONCE = ["AssessMarket", "Route", "RecordOutcome"]
RE_PEGGED = ["AssessMarket", "Route", "WaitOutPatience", "CancelOrder", "Route", "PlaceOrder", "Route", "RecordOutcome"]
TIMED_OUT = [
    *("AssessMarket", "Route", "WaitForFill", "CheckFill", "Route", "WaitOutPatience", "CancelOrder", "Route"),
    *("PlaceOrder", "Route", "RecordOutcome"),
]
"""With the looks at the resting entry, six in lab time, told once."""

CLOSED = ["AssessMarket", "Route", "ReleaseProtection", "Route", "AssessMarket", "Route", "RecordOutcome"]
SECURED = ["AssessMarket", "Route", "WaitForFill", "CheckFill", "SecurePosition", "Route", "RecordOutcome"]

_LOOKS = ["WaitForFill", "CheckFill", "Route"]
_NOT_YET = ["AssessMarket", "Route", "WaitForMarket", "AssessMarket"]


def told_once(states: list[str]) -> list[str]:
    """Looks in a row as one: how many there are, and whether a position has settled by then, the clock decides."""
    told: list[str] = []
    for state in states:
        told.append(state)
        if told[-6:] == 2 * _LOOKS or told[-4:] == _NOT_YET:
            del told[-3:]
    return told
