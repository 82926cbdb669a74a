"""CheckFill: reads the live child order and says whether to wait on."""

from __future__ import annotations

from typing import Any

from repeg.domain.routes import Route
from repeg.steps.check import check
from repeg.telemetry import invoked
from repeg.wiring.connection import broker
from repeg.wiring.handlers import take_step


@invoked
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """`{"order_id", "execution"}` -> `{"route", "seconds"}`."""
    return take_step(event, Route.CHECK_FILL, check, broker)
