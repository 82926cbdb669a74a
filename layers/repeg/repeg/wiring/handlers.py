"""What every handler of the machine shares: find the order, check that this execution still owns it, take the step."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn

from repeg.domain.order.record import Order
from repeg.domain.patience import AT_ONCE_WITHIN_SECONDS
from repeg.domain.routes import GO_ON_TO_PROTECT, Next, Route
from repeg.errors import StaleExecution, StoreConflict
from repeg.executions import execution_number
from repeg.telemetry import calls, logger
from repeg.wiring import clients
from repeg.wiring.streak import streak
from repeg.worker.worker import Worker

if TYPE_CHECKING:
    from repeg.broker.port import Broker

Step = Callable[[Worker, Order], Next]
Answer = dict[str, Any]

_OVER = Next(Route.DONE)


def no_broker() -> NoReturn:
    """For steps that have no business with the broker, and no right to its keys."""
    raise AssertionError("this step has no broker")


def take_step(event: dict[str, Any], state: Route, step: Step, connect: Callable[[], Broker] = no_broker) -> Answer:
    """Take the step of `state` for the event `{"order_id", "execution"}`; returns `{"route", "seconds"}`.

    `{"warm_up": true}` only builds the clients.
    """
    worker = clients.worker(connect)
    calls.then = partial(streak.heard, worker)
    following = _OVER if event.get("warm_up") else run_step(worker, event["order_id"], event["execution"], state, step)
    return {"route": following.route.value, "seconds": following.seconds}


def run_step(worker: Worker, order_id: str, execution: str, state: Route, step: Step) -> Next:
    """Take the step of `state`, and go on to protect if it leads there and may.

    An execution that does not own the order, or never could, ends quietly.
    """
    started = time.monotonic()
    following = _run(worker.at(state), order_id, execution, step)
    in_time = time.monotonic() - started < AT_ONCE_WITHIN_SECONDS
    if following.route is Route.PROTECT_POSITION and state in GO_ON_TO_PROTECT and in_time:
        try:
            # Here, as most orders have nothing to protect: they do not pay for reading it.
            from repeg.steps.protect import protect

            return _run(worker.at(Route.PROTECT_POSITION), order_id, execution, protect)
        except Exception as error:  # that state of the machine has its own retries, and its own way to be secured
            worker.log.error(f"could not go on at once: {error}", order_id=order_id, exc_info=True)
    return following


def _run(worker: Worker, order_id: str, execution: str, step: Step) -> Next:
    order = worker.orders.get(order_id)
    number = execution_number(execution)
    if order is None or number is None:
        worker.log.error(f"{execution} is no execution of a known order", order_id=order_id)
        return _OVER
    logger.append_keys(order_id=order.order_id, signal_id=order.signal_id, execution=execution)
    # No error: the sweep replaced this execution, or a close did, and it ends without a word to the broker.
    if number != order.run.executions:
        worker.log.info("a newer execution owns the order")
        return _OVER
    try:
        return step(worker, order)
    except StaleExecution as error:
        if error.order_id != order_id:
            # Another order's record moved under this step: take the step again on what it says now.
            raise StoreConflict(str(error)) from error
        worker.log.info(str(error))
        return _OVER
