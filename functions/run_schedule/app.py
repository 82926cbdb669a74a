"""RunSchedule, fired by EventBridge Scheduler: does what a schedule stands for, once a day."""

from __future__ import annotations

from typing import Any

from repeg.telemetry import invoked
from repeg.wiring.timetable import fire


@invoked
def handler(event: dict[str, Any], context: Any) -> dict[str, str]:
    """`{"schedule": name}` -> `{"run_id", "outcome", "detail"}`."""
    return fire(event)
