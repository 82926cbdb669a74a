"""SweepOrders, every minute: gives every order, and every rebalance, that is not over a running execution."""

from __future__ import annotations

from typing import Any

from repeg.care.sweep import sweep
from repeg.errors import OperatorError, RetryError
from repeg.rebalance.sweep import sweep_rebalances
from repeg.telemetry import invoked, logger
from repeg.wiring import clients
from repeg.wiring.connection import broker, check_account
from repeg.wiring.timetable import timetable


@invoked
def handler(event: dict[str, Any], context: Any) -> dict[str, int]:
    """Any event -> `{"to_do", "started"}`: orders."""
    swept = False
    try:
        worker, executions = clients.worker(broker), clients.executions()
        done = sweep(worker, executions, timetable(), clients.intake_paused, check_account)
        swept = True
        return done
    finally:  # whatever befalls orders: rebalances and cancels have nobody else to look after them
        _look_after_the_others(account=not swept)


def _look_after_the_others(account: bool) -> None:
    try:
        sweep_rebalances(clients.rebalancer(broker), clients.rebalancing())
    except Exception as error:  # positions and orders are looked after, and the next sweep looks again
        logger.error(f"rebalances could not be looked after: {error}", alert=True)
    try:
        worker = clients.worker(broker)
        clients.cancels().sweep(worker.time.wall(), lambda: worker.time.approximate().now(), logger)
    except Exception as error:  # what is to be sent is held against the cancels all the same
        logger.error(f"cancels could not be looked after: {error}", alert=True)
    if not account:
        return
    # The sweep, which knows what it has told, did not come to it.
    try:
        check_account()
    except RetryError as error:
        logger.error(f"the account could not be checked: {error}")
    except OperatorError as error:
        logger.error(str(error), alert=True)
