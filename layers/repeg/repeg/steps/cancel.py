"""CancelOrder: a cancel is a request. The rung is over only when the child order is terminal by id."""

from __future__ import annotations

from repeg.broker.port import Broker, CancelOutcome
from repeg.domain.execution import LINGER_SECONDS, READ_BACKOFF_SECONDS, backoff, cancel_is_stuck
from repeg.domain.orders import ChildRecord, Order, RungStatus
from repeg.domain.reasons import Reason
from repeg.domain.routes import Next, Route
from repeg.errors import RetryError
from repeg.steps.outcome import after_close, fold, read_child
from repeg.steps.worker import Worker

STATE = Route.CANCEL_ORDER


def cancel(worker: Worker, order: Order) -> Next:
    """Ask for the cancel once (and again while it stays unclear), then read until the order is terminal."""
    child = order.open_child
    if child is None or child.broker_order_id is None:
        return Next(Route.PLACE_ORDER)
    order, child, seen = request_cancel(worker, order, child)
    if child.status.closed:
        return after_close(worker, order, child, STATE)
    if seen and cancel_is_stuck(child, worker.now(order)) and not child.cancel_alarmed:
        order = _alarm(worker, order, child)
    return worker.hold(order, Route.WAIT_FOR_CANCEL, backoff(READ_BACKOFF_SECONDS, max(0, order.holds - 20)))


def request_cancel(worker: Worker, order: Order, child: ChildRecord) -> tuple[Order, ChildRecord, bool]:
    """Record the wish, send it, and read the child order by id a moment later; the last tells if it could be read."""
    first = child.cancel_requested_at is None
    if first:
        child = child.model_copy(update={"status": RungStatus.CANCELING, "cancel_requested_at": worker.now(order)})
        order = worker.orders.save(order.changed(holds=0).with_child(child))
    broker_order_id = child.broker_order_id or ""
    if first or cancel_is_stuck(child, worker.now(order)) or order.cancel_unclear:
        outcome = _ask(worker.broker_for_child(order, child), broker_order_id)
        child = child.drawn()
        order = order.changed(cancel_unclear=outcome is CancelOutcome.UNCLEAR)
        if outcome is CancelOutcome.REQUESTED:
            worker.sleep(LINGER_SECONDS)
    broker = worker.broker_for_child(order, child)
    report = read_child(worker, child, lambda: broker.order(broker_order_id))
    order = fold(worker, order, child.drawn(), report, STATE)
    return order, order.rungs[-1], report is not None


def _ask(broker: Broker, broker_order_id: str) -> CancelOutcome:
    try:
        return broker.cancel(broker_order_id)
    except RetryError:
        return CancelOutcome.UNCLEAR


def _alarm(worker: Worker, order: Order, child: ChildRecord) -> Order:
    detail = f"{child.client_order_id}: cancel not confirmed after 30 s; {order.symbol} stays locked"
    worker.alert(order, detail)
    alarmed = child.model_copy(update={"cancel_alarmed": True})
    return worker.note(order.changed(reason=Reason.CANCEL_STUCK).with_child(alarmed), STATE, detail)
