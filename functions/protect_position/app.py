"""ProtectPosition: what a bracket bought gets its stop and target, and what a close took down is restored."""

from __future__ import annotations

from typing import Any

from repeg.domain.routes import Route
from repeg.steps.protect import protect
from repeg.telemetry import invoked
from repeg.wiring.connection import broker
from repeg.wiring.handlers import take_step


@invoked
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """`{"order_id", "execution"}` -> `{"route", "seconds"}`."""
    return take_step(event, Route.PROTECT_POSITION, protect, broker)
