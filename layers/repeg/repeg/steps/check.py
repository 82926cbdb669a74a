"""CheckFill: has the child order filled, and is there patience left?"""

from __future__ import annotations

from repeg.domain.halt import refusal
from repeg.domain.order.children import ChildStatus
from repeg.domain.order.course import decided
from repeg.domain.order.record import Order
from repeg.domain.routes import Next, Route
from repeg.steps.beside import guard_rest
from repeg.worker.outcome import fold, proceed, read_child
from repeg.worker.worker import Worker


def check(worker: Worker, order: Order) -> Next:
    """Read the live child order by id and decide whether to wait on."""
    child = order.open_child
    # Without the broker's id it is not known whether anything was sent; PlaceOrder looks for it by our own.
    if child is None or child.status is ChildStatus.INTENT or child.broker_order_id is None:
        return Next(Route.PLACE_ORDER)
    broker_order_id = child.broker_order_id
    look = read_child(worker, child, lambda: worker.broker_for(order).order(broker_order_id))
    order = fold(worker, order, child, look.report)
    known = order.children[-1]
    halt = None if known.status.closed else worker.halt(order)
    if halt and halt.cancel_open:
        told = worker.note(order, f"{halt.sentence}; {known.client_order_id} is taken back")
        worker.orders.save(decided(told, refusal(halt).reason))
        return Next(Route.CANCEL_ORDER)
    if not known.status.closed:
        guard_rest(worker, order)
    return proceed(worker, order, known)
