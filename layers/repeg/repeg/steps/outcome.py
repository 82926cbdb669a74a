"""Folding what the broker said into the record, and where that leads."""

from __future__ import annotations

from collections.abc import Callable

from repeg.domain.execution import Finish, after_child_closed, patience_left
from repeg.domain.market import OrderReport
from repeg.domain.orders import ChildRecord, Order
from repeg.domain.routes import Next, Route
from repeg.errors import RetryError
from repeg.steps.worker import Worker


def read_child(worker: Worker, child: ChildRecord, read: Callable[[], OrderReport | None]) -> OrderReport | None:
    """A child order's report, or None when it cannot be had now (that is no verdict about the order).

    A child order that was replaced from outside is followed to its successor.
    """
    try:
        return read()
    except RetryError as error:
        worker.log.info(f"could not read {child.client_order_id}: {error}")
        return None


def fold(worker: Worker, order: Order, child: ChildRecord, report: OrderReport | None, state: Route) -> Order:
    """The order with `report` folded into `child`, not yet saved."""
    if report is None:
        return order.with_child(child)
    known = child.reported(report, worker.now(order))
    if (known.filled_qty, known.status) != (child.filled_qty, child.status):
        price = f" at {known.avg_fill_price}" if known.avg_fill_price else ""
        detail = f"{child.client_order_id} {known.status}: {known.filled_qty}/{known.qty}{price}"
        order = worker.note(order, state, detail)
    return order.with_child(known)


def proceed(worker: Worker, order: Order, child: ChildRecord, state: Route) -> Next:
    """Save, and go where the child order's state leads: on with the ladder, to the end, or to another wait."""
    if child.status.closed:
        return after_close(worker, order, child, state)
    patience = patience_left(child, worker.now(order))
    order = worker.orders.save(order)
    worker.sleep(patience.sleep_seconds)
    if patience.seconds == 0:
        return Next(Route.CANCEL_ORDER)
    return Next(Route.WAIT_OUT_PATIENCE if patience.then_cancel else Route.WAIT_FOR_FILL, patience.seconds)


def after_close(worker: Worker, order: Order, child: ChildRecord, state: Route) -> Next:
    """Save, and go on after a child order is over for good."""
    ending = after_child_closed(order, child)
    order = order.with_child(child.settled())
    if ending:
        following = finish(worker, order, ending, state)
    else:
        worker.orders.save(order)
        following = Next(Route.RECORD_OUTCOME if order.remaining_qty <= 0 else Route.PLACE_ORDER)
    worker.release(child)
    return following


def finish(worker: Worker, order: Order, ending: Finish, state: Route) -> Next:
    """Save why the order ends, and record it."""
    worker.orders.save(worker.note(order.changed(reason=ending.reason), state, ending.detail))
    return Next(Route.RECORD_OUTCOME)
