"""CancelOrder: asks for the cancel and waits until the child order is terminal by id."""

from __future__ import annotations

from typing import Any

from repeg.domain.routes import Route
from repeg.steps.cancel import cancel
from repeg.telemetry import invoked
from repeg.wiring.connection import broker
from repeg.wiring.handlers import take_step


@invoked
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """`{"order_id", "execution"}` -> `{"route", "seconds"}`."""
    return take_step(event, Route.CANCEL_ORDER, cancel, broker)
