"""Exits take over: entries of their symbol are ended, by executions of their own."""

from __future__ import annotations

from repeg.domain.order.closing import answers_for
from repeg.domain.order.record import Order
from repeg.domain.proof.leaving import gives_way
from repeg.domain.rules.life import may_be_superseded
from repeg.domain.rules.walking import is_exit
from repeg.errors import StaleExecution, StoreConflict
from repeg.worker.worker import Worker


def supersede(worker: Worker, close: Order) -> Order:
    """End every earlier order of the symbol that stands in line; an exit that is under way is left to finish.

    An order that is parked for a later open is not in the way, and stays. Returns the close, which now answers for
    what those orders bought.
    """
    taken: list[str] = []
    for order in worker.orders.earlier(close):
        parked = order.run.parked_until is not None and order.run.parked_until > worker.now(close)
        if parked or is_exit(order) or not may_be_superseded(order):
            continue
        number = order.run.executions + 1
        # Written before it is started: from this write on the worker that had the order can write nothing.
        try:
            worker.orders.supersede(
                order, close.order_id, worker.executions.arn(order.order_id, number), worker.now(close)
            )
        except (StoreConflict, StaleExecution) as error:
            worker.log.info(f"not superseded yet: {error}", order_id=close.order_id)
            continue
        taken.append(order.order_id)
        worker.executions.start(order.order_id, number)
        worker.log.info(f"superseded {order.order_id}", order_id=close.order_id, symbol=close.symbol)
    return answers_for(close, taken)


def take_over(worker: Worker, bracket: Order) -> None:
    """End the entry that has the turn which a position past its stop needs. The entry itself protects what it bought.

    Whoever else has the turn is left to finish.
    """
    holder_id = worker.orders.holder(bracket.symbol)
    holder = worker.orders.get(holder_id) if holder_id else None
    if holder is None or not gives_way(holder):
        return
    number = holder.run.executions + 1
    arn = worker.executions.arn(holder.order_id, number)
    try:
        worker.orders.supersede(holder.with_close(gave_way=True), bracket.order_id, arn, worker.now(bracket))
    except (StoreConflict, StaleExecution) as error:
        worker.log.info(f"not superseded yet: {error}", order_id=bracket.order_id)
        return
    worker.executions.start(holder.order_id, number)
    worker.log.info(f"superseded {holder.order_id}", order_id=bracket.order_id, symbol=bracket.symbol)
