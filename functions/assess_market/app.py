"""AssessMarket: session, turn, position, quote and opening spread decide whether the order may be worked now."""

from __future__ import annotations

from typing import Any

from repeg.domain.routes import Route
from repeg.steps.assess import assess
from repeg.telemetry import invoked
from repeg.wiring.connection import broker
from repeg.wiring.handlers import take_step


@invoked
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """`{"order_id", "execution"}` -> `{"route", "seconds"}`."""
    # The step also sends the first child order: a second function would be one more cold start before the market.
    return take_step(event, Route.ASSESS_MARKET, assess, broker)
