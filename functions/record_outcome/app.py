"""RecordOutcome: writes the terminal record, lets the symbol's next order in, and publishes the outcome."""

from __future__ import annotations

from typing import Any

from repeg.domain.routes import Route
from repeg.steps.record import record
from repeg.telemetry import invoked
from repeg.wiring.handlers import take_step


@invoked
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """`{"order_id", "execution"}` -> `{"route", "seconds"}`."""
    # Without a broker: what only writes and publishes has no right to the keys.
    return take_step(event, Route.RECORD_OUTCOME, record)
