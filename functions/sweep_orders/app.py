"""SweepOrders, every minute: gives every order that is not over a running execution."""

from __future__ import annotations

from typing import Any

from repeg import bootstrap
from repeg.account import broker
from repeg.steps.sweep import sweep
from repeg.telemetry import logger


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: Any) -> dict[str, int]:
    """Any event -> `{"to_do", "started"}`."""
    return sweep(bootstrap.worker(broker), bootstrap.executions())
