"""AcceptSignal: signals from the FIFO queue become order records, each with its execution."""

from __future__ import annotations

from typing import Any

from repeg.telemetry import invoked
from repeg.wiring.inbox import intake, take_in


@invoked
def handler(event: dict[str, Any], context: Any) -> Any:
    """SQS event -> `{"batchItemFailures": [...]}`: only what must be delivered again."""
    if not event.get("Records"):
        # What is built here the first real signal does not wait for.
        intake()
        return {"batchItemFailures": []}
    return take_in(event, context)
