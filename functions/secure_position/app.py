"""SecurePosition: after a failure, cancels what is live and learns what filled, until that is certain."""

from __future__ import annotations

from typing import Any

from repeg.domain.order.record import Order
from repeg.domain.routes import Next, Route
from repeg.steps.secure import secure
from repeg.telemetry import invoked
from repeg.wiring.connection import broker
from repeg.wiring.handlers import take_step
from repeg.worker.worker import Worker


@invoked
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """`{"order_id", "execution", "error"?}` -> `{"route", "seconds"}`."""

    def step(worker: Worker, order: Order) -> Next:
        # Only a Catch brings an error: an execution that takes the order up here has none to name.
        return secure(worker, order, event.get("error"))

    return take_step(event, Route.SECURE_POSITION, step, broker)
