"""What every handler of the machine shares: find the order, check that this execution still owns it, take the step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from repeg import bootstrap
from repeg.domain.orders import Order
from repeg.domain.routes import Next, Route
from repeg.errors import ConfigurationError, StaleExecution
from repeg.executions import execution_number
from repeg.steps.worker import Worker
from repeg.telemetry import logger

Step = Callable[[Worker, Order], Next]
Answer = dict[str, Any]


def take_step(event: dict[str, Any], step: Step) -> Answer:
    """Run `step` for the event `{"order_id", "execution"}`; returns `{"route", "seconds"}` for the machine.

    An execution that no longer owns the order ends quietly. `{"warm_up": true}` only builds the clients.
    """
    worker = bootstrap.worker()
    if event.get("warm_up"):
        return _answer(Next(Route.DONE))
    order = worker.orders.get(event["order_id"])
    if order is None:
        raise ConfigurationError(f"there is no order {event['order_id']}")
    logger.append_keys(order_id=order.order_id, signal_id=order.signal_id, execution=event["execution"])
    if execution_number(event["execution"]) != order.executions:
        logger.info("a newer execution owns the order")
        return _answer(Next(Route.DONE))
    try:
        return _answer(step(worker, order))
    except StaleExecution as error:
        logger.info(str(error))
        return _answer(Next(Route.DONE))


def _answer(following: Next) -> Answer:
    return {"route": following.route.value, "seconds": following.seconds}
