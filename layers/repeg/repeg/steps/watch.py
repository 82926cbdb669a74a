"""After the order: exits that the broker executes later are recorded, and protection that went missing is restored."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

from repeg.domain.orders import Order
from repeg.domain.routes import Route
from repeg.errors import OperatorError, RetryError, StaleExecution
from repeg.executions import Executions, ExecutionState
from repeg.steps.oco import read_oco
from repeg.steps.worker import Worker

STATE = Route.PROTECT_POSITION
GRACE = timedelta(seconds=50)
"""Somebody who cancels protection by hand, to sell by hand, gets this long before it is restored."""
CARE_BACKOFF_MINUTES = (1, 2, 5, 10)


def watch_positions(worker: Worker, executions: Executions) -> int:
    """Look at every bracket that still holds shares: one listing of open orders, and a read for what is not in it.

    Returns how many executions were started to protect shares that nothing guards.
    """
    ids = worker.orders.holding_shares()
    if not ids:
        return 0
    orders = [order for order in (_read(worker, order_id) for order_id in ids) if order and order.status.terminal]
    guarded = _listed(worker) if any(order.protections for order in orders) else frozenset()
    started = 0
    for order in orders:
        try:
            started += _look_after(worker, executions, order, guarded)
        except (RetryError, StaleExecution) as error:
            worker.log.info(f"left to the next sweep: {error}", order_id=order.order_id)
        except Exception as error:  # one position's trouble must not keep the others from being watched
            worker.log.error(f"its position cannot be watched: {error}", alert=True, order_id=order.order_id)
    return started


def _read(worker: Worker, order_id: str) -> Order | None:
    """The order, by today's clock: that of its own day has long drifted. One bad record does not hide the others."""
    try:
        order = worker.orders.get(order_id)
    except ValueError as error:
        worker.log.error(f"its position cannot be watched: {error}", alert=True, order_id=order_id)
        return None
    return order.changed(clock=worker.time.approximate().anchor) if order else None


def _listed(worker: Worker) -> frozenset[str] | None:
    """Open orders of the account; None when they cannot be listed now: then nobody's exits are read."""
    try:
        return frozenset(report.broker_order_id for report in worker.broker.urgent().open_orders())
    except RetryError as error:
        worker.log.error(f"protection cannot be watched, open orders are not listed: {error}", alert=True)
        return None


def _look_after(worker: Worker, executions: Executions, order: Order, guarded: frozenset[str] | None) -> bool:
    if executions.state(order.order_id, order.executions) is ExecutionState.RUNNING:
        return False
    holder = worker.orders.holder(order.symbol)
    if holder not in (None, order.order_id):
        return False
    if guarded is not None:
        order = _read_exits(worker, order, guarded)
    if order.unexited_qty <= 0 or not order.needs_care:
        if holder == order.order_id:
            worker.orders.give_turn(order)
        return False
    return _care(worker, executions, order)


def _read_exits(worker: Worker, order: Order, guarded: frozenset[str]) -> Order:
    """What the broker executed, or lost, of the OCOs that are not open any more."""
    before = order
    for oco in order.protections:
        if not oco.status.closed and oco.broker_order_id and oco.broker_order_id not in guarded:
            order = read_oco(worker, order, oco, STATE)[0]
    return worker.save_exits(before, order)


def _care(worker: Worker, executions: Executions, order: Order) -> bool:
    """Shares without protection: told at once, and given an execution of their own when it is time."""
    if order.outside_session and not order.protections:
        order = _by_todays_clock(worker, order)
        if not worker.session_open(order):
            return False
    now = worker.now(order)
    if order.protected and order.care_at is None:
        worker.alert(order, f"{order.uncovered_qty} {order.symbol} lost their protection; it is restored in a minute")
        worker.orders.save(order.changed(care_at=now + GRACE, protected=False))
        return False
    if order.care_at and now < order.care_at:
        return False
    tries = order.care_tries
    pause = timedelta(minutes=CARE_BACKOFF_MINUTES[min(tries, len(CARE_BACKOFF_MINUTES) - 1)])
    again = order.changed(care_at=now + pause, care_tries=tries + 1, settled=False)
    again = again.changed(unwind_failed=False, refusals=0, holds=0)
    number = order.executions + 1
    worker.orders.adopt(again, executions.arn(order.order_id, number))
    executions.start(order.order_id, number)
    worker.log.info(f"execution {number} started to protect {order.symbol}", order_id=order.order_id)
    return True


def _by_todays_clock(worker: Worker, order: Order) -> Order:
    """What waits for the open must not wait by a clock that was moved on: a quote gives it away, at no request."""
    with suppress(RetryError, OperatorError):
        if worker.clock_of(order).behind(worker.broker.quote(order.symbol)):
            return order.changed(clock=worker.time.read(worker.broker.urgent()).anchor)
    return order
