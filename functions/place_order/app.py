"""PlaceOrder: sends the next rung's child order, or finds out what became of one that was sent."""

from __future__ import annotations

from typing import Any

from repeg.domain.routes import Route
from repeg.steps.place import place
from repeg.telemetry import invoked
from repeg.wiring.connection import broker
from repeg.wiring.handlers import take_step


@invoked
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """`{"order_id", "execution"}` -> `{"route", "seconds"}`."""
    return take_step(event, Route.PLACE_ORDER, place, broker)
