"""A close takes over: orders of its symbol that came before it are ended, by executions of their own."""

from __future__ import annotations

from repeg.domain.execution import is_exit
from repeg.domain.orders import Order
from repeg.errors import StaleExecution, StoreConflict
from repeg.steps.worker import Worker


def supersede(worker: Worker, close: Order) -> Order:
    """End every earlier order of the symbol that stands in line; leaving a position is left to finish.

    An order that is parked for a later open is not in the way, and stays. Returns the close, which now answers for
    what those orders bought.
    """
    taken: list[str] = []
    for order in worker.orders.earlier(close):
        parked = order.parked_until is not None and order.parked_until > worker.now(close)
        leaving = is_exit(order) or order.securing or order.unwinding
        if parked or leaving or order.settled or order.superseded_by:
            continue
        number = order.executions + 1
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
    return close.changed(released=tuple(dict.fromkeys((*close.released, *taken)))) if taken else close
