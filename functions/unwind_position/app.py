"""UnwindPosition: exits a position that is not worth holding, or past its stop."""

from __future__ import annotations

from typing import Any

from repeg.domain.routes import Route
from repeg.steps.unwind import unwind
from repeg.telemetry import invoked
from repeg.wiring.connection import broker
from repeg.wiring.handlers import take_step


@invoked
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """`{"order_id", "execution"}` -> `{"route", "seconds"}`."""
    return take_step(event, Route.UNWIND_POSITION, unwind, broker)
