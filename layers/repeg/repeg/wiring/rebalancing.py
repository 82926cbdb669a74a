"""The handler of rebalances: find the record, check that this execution still owns it, take the step."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from repeg.domain.rebalance.routes import Onward, RebalanceRoute
from repeg.errors import StaleExecution, StoreConflict
from repeg.executions import execution_number
from repeg.rebalance.advance import advance
from repeg.rebalance.rebalancer import Rebalancer
from repeg.telemetry import logger
from repeg.wiring import clients

if TYPE_CHECKING:
    from repeg.broker.port import Broker

_OVER = Onward(RebalanceRoute.DONE)


def take_rebalance_step(event: dict[str, Any], connect: Callable[[], Broker]) -> dict[str, Any]:
    """Take a step for the event `{"order_id", "execution", "error"}`; returns `{"route", "seconds"}`.

    `{"warm_up": true}` only builds the clients.
    """
    at = clients.rebalancer(connect)
    following = _OVER if event.get("warm_up") else run_rebalance_step(at, **event)
    return {"route": following.route.value, "seconds": following.seconds}


def run_rebalance_step(at: Rebalancer, order_id: str, execution: str, error: str = "") -> Onward:
    """Take a rebalance's next step; an execution that does not own it, or never could, ends quietly."""
    rebalance, number = at.rebalances.get(order_id), execution_number(execution)
    if rebalance is None or number is None:
        at.worker.log.error(f"{execution} is no execution of a known rebalance", rebalance_id=order_id)
        return _OVER
    logger.append_keys(rebalance_id=order_id, signal_id=rebalance.signal_id, execution=execution)
    if number != rebalance.work.executions:
        at.worker.log.info("a newer execution owns the rebalance")
        return _OVER
    try:
        return advance(at, rebalance, error)
    except StaleExecution as stale:
        if stale.order_id != order_id:
            raise StoreConflict(str(stale)) from stale
        at.worker.log.info(str(stale))
        return _OVER
