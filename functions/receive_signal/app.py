"""ReceiveSignal, behind a URL of its own: a signal that came by HTTP goes into the queue like any other."""

from __future__ import annotations

from typing import Any

from repeg.telemetry import invoked
from repeg.wiring.door import receive


@invoked
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """A function URL's event -> `{"statusCode", "headers", "body"}`."""
    return receive(event)
