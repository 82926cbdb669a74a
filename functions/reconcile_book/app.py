"""ReconcileBook, every five minutes: compares the broker's orders, fills and positions with the store."""

from __future__ import annotations

from typing import Any

from repeg.errors import RetryError
from repeg.reconcile.run import reconcile
from repeg.telemetry import invoked, logger
from repeg.wiring import clients
from repeg.wiring.connection import broker


@invoked
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """`{"fix": false}` only reads; any other event mends, too. -> `{"drift", "mended", "findings"}`.

    `{"drift": null, "why": ...}` when a side could not be read: the next comparison comes, and other alarms watch that.
    """
    try:
        return reconcile(clients.reconciler(broker), fix=event.get("fix", True) is not False)
    except RetryError as error:
        logger.error(f"the book was not compared: {error}")
        return {"drift": None, "why": str(error), "mended": 0, "findings": []}
