"""A function that Lambda does not run, on the local cloud."""

from __future__ import annotations

import pytest

from repeg.domain.reasons import Status
from tests.support.cloud import Cloud

pytestmark = pytest.mark.cloud
GIVEN_UP_AFTER = 5
"""Tries of the retrier for everything else."""


def test_a_throttled_function_costs_an_order_time_and_nothing_else(cloud: Cloud, name: str) -> None:
    """It is asked longer than after any other error, and the emulator calls it by a name of its own."""
    function = cloud.connection.function("assess_market")
    cloud.connection.lambda_.put_function_concurrency(FunctionName=function, ReservedConcurrentExecutions=0)
    try:
        cloud.send(signal_id=name, qty=100)
        cloud.until("the order is there", lambda: cloud.orders.find(name))
        cloud.until("throttled", lambda: len(cloud.errors_of(cloud.order(name))) > GIVEN_UP_AFTER)
    finally:
        cloud.connection.lambda_.delete_function_concurrency(FunctionName=function)
    [order] = cloud.ended(name)
    assert set(cloud.errors_of(order)) == {"Lambda.Unknown"}
    assert (order.status, order.run.executions) == (Status.FILLED, 1)
    assert cloud.states_of(order) == ["AssessMarket", "Route", "RecordOutcome"]
    cloud.audit([name])
