"""The sweeper: every order that is not over has a worker, every outcome is published, the shared clock stays fresh."""

from __future__ import annotations

from repeg.domain.reasons import Status
from repeg.errors import RetryError
from repeg.executions import Executions, ExecutionState
from repeg.steps.watch import watch_positions
from repeg.steps.worker import Worker


def sweep(worker: Worker, executions: Executions) -> dict[str, int]:
    """Restart what died. Returns how many orders were looked at and how many got a new execution."""
    ids = worker.orders.to_do()
    started = 0
    for order_id in ids:
        try:
            started += _revive(worker, executions, order_id)
        except RetryError as error:
            worker.log.info(f"left to the next sweep: {error}", order_id=order_id)
        except Exception as error:  # one bad record must not keep the others from being revived
            worker.log.error(f"could not be revived: {error}", alert=True, order_id=order_id)
    _refresh_clock(worker)
    try:
        started += watch_positions(worker, executions)
    except Exception as error:  # the next sweep looks again
        worker.log.error(f"positions could not be looked after: {error}", alert=not isinstance(error, RetryError))
    return {"to_do": len(ids), "started": started}


def _revive(worker: Worker, executions: Executions, order_id: str) -> bool:
    order = worker.orders.get(order_id)
    if order is None or (order.status.terminal and order.published):
        return False
    if order.status is Status.WAITING:
        _free_turn(worker, executions, order.symbol)
    state = executions.state(order_id, order.executions)
    if state is ExecutionState.RUNNING:
        return False
    number = order.executions
    if state is ExecutionState.ENDED:
        number += 1
        worker.orders.adopt(order, executions.arn(order_id, number))
    executions.start(order_id, number)
    worker.log.info(f"execution {number} started", order_id=order_id)
    return True


def _free_turn(worker: Worker, executions: Executions, symbol: str) -> None:
    """A turn that was borrowed by an execution that died would keep its symbol locked for ever."""
    holder_id = worker.orders.holder(symbol)
    holder = worker.orders.get(holder_id) if holder_id else None
    if holder is None or not holder.status.terminal or holder.unexited_qty > 0:
        return
    if executions.state(holder.order_id, holder.executions) is not ExecutionState.RUNNING:
        worker.log.info(f"{holder.order_id} gave the turn of {symbol} back", order_id=holder.order_id)
        worker.orders.give_turn(holder)


def _refresh_clock(worker: Worker) -> None:
    """Orders spare a trading request when somebody read the clock and the calendar before them."""
    try:
        clock = worker.time.kept_fresh(worker.broker)
        worker.time.calendar(worker.broker, clock.now())
    except Exception as error:  # reviving orders is what the sweep is for; the clock is a courtesy
        worker.log.error(f"the broker's clock could not be read: {error}")
