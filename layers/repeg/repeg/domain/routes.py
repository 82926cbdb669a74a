"""Where the state machine goes next: each route is the name of a state of execute_order."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


# One Choice of the machine leads to the state of this name: one behind each task needs twice as many states for as many
# transitions. A test compares the names with the definition.
class Route(StrEnum):
    """States that a step may lead to; CheckFill only by way of WaitForFill, as the machine has it."""

    ASSESS_MARKET = "AssessMarket"
    WAIT_FOR_MARKET = "WaitForMarket"
    PLACE_ORDER = "PlaceOrder"
    WAIT_TO_PLACE = "WaitToPlace"
    CHECK_FILL = "CheckFill"
    WAIT_FOR_FILL = "WaitForFill"
    WAIT_OUT_PATIENCE = "WaitOutPatience"
    CANCEL_ORDER = "CancelOrder"
    WAIT_FOR_CANCEL = "WaitForCancel"
    PROTECT_POSITION = "ProtectPosition"
    WAIT_TO_PROTECT = "WaitToProtect"
    UNWIND_POSITION = "UnwindPosition"
    WAIT_FOR_UNWIND = "WaitForUnwind"
    RELEASE_PROTECTION = "ReleaseProtection"
    WAIT_FOR_RELEASE = "WaitForRelease"
    SECURE_POSITION = "SecurePosition"
    WAIT_TO_SECURE = "WaitToSecure"
    RECORD_OUTCOME = "RecordOutcome"
    DONE = "Done"


GO_ON_TO_PROTECT = frozenset({Route.ASSESS_MARKET, Route.PLACE_ORDER, Route.CHECK_FILL, Route.CANCEL_ORDER})
"""States whose step protects what it finds bought by itself: no hop, and no cold start, leaves the shares bare."""


class Next(NamedTuple):
    """The next state, and for a Wait how many whole seconds."""

    route: Route
    seconds: int = 0
