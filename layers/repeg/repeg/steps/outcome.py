"""Folding what the broker said into the record, and where that leads."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from repeg.domain.children import ChildRecord, RungStatus
from repeg.domain.execution import (
    REJECTED_PAUSE_SECONDS,
    REQUESTS_PER_PROTECTION,
    Finish,
    after_child_closed,
    after_rungs,
    patience_left,
)
from repeg.domain.market import OrderReport
from repeg.domain.orders import Order
from repeg.domain.reasons import Reason
from repeg.domain.routes import Next, Route
from repeg.errors import CredentialsRefused, OperatorError, RetryError
from repeg.steps.worker import Worker


class Look(NamedTuple):
    """What a read of a child order came to: whether the broker answered, and the report if it knows the order."""

    answered: bool
    report: OrderReport | None


def reason_of(error: RetryError) -> Reason:
    """Why an order ends that the broker let wait for too long."""
    return Reason.MISCONFIGURED if isinstance(error, CredentialsRefused) else Reason.BROKER_UNAVAILABLE


def read_child(worker: Worker, child: ChildRecord, read: Callable[[], OrderReport | None]) -> Look:
    """Read a child order; that it cannot be read now is no verdict about it."""
    try:
        return Look(True, read())
    except (RetryError, OperatorError) as error:
        worker.log.info(f"could not read {child.client_order_id}: {error}")
        return Look(False, None)


def fold(worker: Worker, order: Order, child: ChildRecord, report: OrderReport | None, state: Route) -> Order:
    """The order with `report` folded into `child`, not yet saved."""
    if report is None:
        return order.with_child(child)
    known = child.reported(report, worker.now(order))
    if known.replaced and not child.replaced:
        worker.alert(order, f"{child.client_order_id} was replaced from outside; its successor is followed")
    if (known.filled_qty, known.status) != (child.filled_qty, child.status):
        price = f" at {known.avg_fill_price}" if known.avg_fill_price else ""
        detail = f"{child.client_order_id} {known.status}: {known.filled_qty}/{known.qty}{price}"
        order = worker.note(order, state, detail)
    return order.with_child(known)


def proceed(worker: Worker, order: Order, child: ChildRecord, state: Route) -> Next:
    """Save, and go where the child order's state leads: on with the ladder, to the end, or to another wait."""
    if child.status.closed:
        return after_close(worker, order, child, state)
    if order.superseded_by:
        worker.orders.save(order)
        return Next(Route.CANCEL_ORDER)
    patience = patience_left(child, worker.now(order))
    order = worker.orders.save(order)
    worker.sleep(patience.sleep_seconds)
    if patience.seconds == 0:
        return Next(Route.CANCEL_ORDER)
    return Next(Route.WAIT_OUT_PATIENCE if patience.then_cancel else Route.WAIT_FOR_FILL, patience.seconds)


def after_close(worker: Worker, order: Order, child: ChildRecord, state: Route) -> Next:
    """Save, and go on after a child order is over for good."""
    ending = after_child_closed(order, child)
    order = order.with_child(child.given_back())
    if order.bracket and child.filled_qty > 0:
        kept = min(child.held_left, REQUESTS_PER_PROTECTION)
        order = order.changed(reserve=child.held, reserve_left=kept)
        child = child.model_copy(update={"held_left": child.held_left - kept})
    if ending:
        following = finish(worker, order, ending, state)
    elif order.remaining_qty <= 0 or order.superseded_by:
        worker.orders.save(order)
        following = Next(after_rungs(order))
    elif child.status is RungStatus.REJECTED or child.cancel_requested_at is None:
        following = worker.hold(order, Route.WAIT_TO_PLACE, REJECTED_PAUSE_SECONDS)
    else:
        worker.orders.save(order)
        following = Next(Route.PLACE_ORDER)
    worker.give_back(child)
    return following


def finish(worker: Worker, order: Order, ending: Finish, state: Route) -> Next:
    """Save why the order ends, and record it."""
    order = worker.orders.save(worker.note(order.changed(reason=ending.reason), state, ending.detail))
    return Next(after_rungs(order))
