"""ReleaseProtection: takes down what protects the shares that a close must sell."""

from __future__ import annotations

from typing import Any

from repeg.domain.routes import Route
from repeg.steps.release import release
from repeg.telemetry import invoked
from repeg.wiring.connection import broker
from repeg.wiring.handlers import take_step


@invoked
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """`{"order_id", "execution"}` -> `{"route", "seconds"}`."""
    return take_step(event, Route.RELEASE_PROTECTION, release, broker)
