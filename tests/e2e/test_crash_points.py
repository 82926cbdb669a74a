"""Executions die on the deployed stack, at each point where it could cost money.

After each death: one order, the right quantity, a terminal outcome, and the journal and the store agree.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from repeg.clock import TimeKeeper
from repeg.domain.order.children import ChildStatus
from repeg.domain.order.record import Order
from repeg.domain.reasons import Status
from repeg.domain.signals.intake import accepted_order
from repeg.domain.signals.parsing import body_hash, parse_signal, read_json
from repeg.executions import Executions, ExecutionState
from repeg.intake import Intake
from repeg.store.identity import IdentityStore
from repeg.store.rebalances import RebalanceStore
from repeg.store.shared import SharedStore
from repeg.telemetry import logger
from tests.support.cloud import Cloud

pytestmark = pytest.mark.cloud

HOLD_MS = 4500
"""An answer is held back so long: less than a worker waits for it, and enough to look, and to stop the execution."""


@pytest.fixture(autouse=True)
def _no_faults_left(cloud: Cloud) -> Iterator[None]:
    yield
    cloud.exchange.faults()


def _body(name: str) -> str:
    return json.dumps({"signal_id": name, "kind": "order", "symbol": "TQQQ", "side": "buy", "qty": 50})


def _one_good_order(cloud: Cloud, name: str) -> Order:
    [order] = cloud.ended(name)
    assert (order.status, order.filled_qty) == (Status.FILLED, 50), order.events
    entered = [entry for entry in cloud.exchange.journal() if entry["type"] == "order" and entry["event"] == "accepted"]
    assert len(entered) == len({entry["client_order_id"] for entry in entered}) == len(order.sent)
    cloud.audit([name])
    return order


def _stop_and_revive(cloud: Cloud, order: Order) -> None:
    """StopExecution, then the sweeper's minute."""
    cloud.stop(order)
    cloud.until("revived", lambda: cloud.sweep()["started"] or cloud.order(order.signal_id).run.executions > 1)


def _request_seen(cloud: Cloud, method: str) -> Any:
    return lambda: any(
        entry["type"] == "request" and entry["method"] == method and entry["path"].startswith("/v2/orders")
        for entry in cloud.exchange.journal()
    )


def test_after_the_order_is_written_and_before_its_execution_starts(cloud: Cloud, name: str) -> None:
    signal, text = parse_signal(read_json(_body(name))), _body(name)
    time = TimeKeeper(SharedStore(cloud.connection.dynamodb, cloud.connection.table), cloud.connection.speed or 1)
    order = accepted_order(signal, time.approximate().now(), time.wall(), time.wall())
    executions = Executions(cloud.connection.stepfunctions, cloud.machine)
    cloud.orders.accept(order.with_run(execution_arn=executions.arn(order.order_id, 1)), body_hash(read_json(text)))
    assert executions.state(order.order_id, 1) is ExecutionState.MISSING
    cloud.sweep()
    assert _one_good_order(cloud, name).run.executions == 1


def test_after_the_execution_started_and_before_the_message_is_done(cloud: Cloud, name: str) -> None:
    connection = cloud.connection
    time = TimeKeeper(SharedStore(connection.dynamodb, connection.table), connection.speed or 1)
    executions = Executions(connection.stepfunctions, cloud.machine)
    identity = IdentityStore(connection.dynamodb, connection.table)
    rebalancing = Executions(connection.stepfunctions, connection.state_machines["rebalance_portfolio"])
    rebalances = RebalanceStore(connection.dynamodb, connection.table)
    intake = Intake(
        cloud.orders, executions, time, lambda body, problem: None, logger, identity.token, rebalances, rebalancing
    )
    intake.accept(_body(name))
    cloud.send_text(_body(name), deduplication=f"{name}-again")
    _one_good_order(cloud, name)


def test_a_redelivered_and_a_duplicated_message_change_nothing(cloud: Cloud, name: str) -> None:
    for copy in range(3):
        cloud.send_text(_body(name), deduplication=f"{name}-{copy}")
    order = _one_good_order(cloud, name)
    cloud.send_text(_body(name), deduplication=f"{name}-late")
    follower = cloud.send(signal_id=f"{name}-after", qty=1)
    cloud.ended(follower)
    assert cloud.order(name) == order


def test_after_the_intent_and_before_the_submit(cloud: Cloud, name: str) -> None:
    cloud.exchange.faults({"method": "POST", "path": "/v2/orders", "kind": "drop_before", "count": 1})
    cloud.send_text(_body(name))
    order = cloud.until("intent", lambda: (found := cloud.orders.find(name)) and found.children and found)
    assert order.children[0].status is ChildStatus.INTENT
    _stop_and_revive(cloud, order)
    done = _one_good_order(cloud, name)
    assert (done.run.executions, done.children[0].sends) == (2, 2)


def test_after_the_submit_and_before_its_answer(cloud: Cloud, name: str) -> None:
    cloud.exchange.faults({"method": "POST", "path": "/v2/orders", "kind": "delay", "delay_ms": HOLD_MS, "count": 1})
    cloud.send_text(_body(name))
    cloud.until("filled at the exchange", lambda: any(entry["type"] == "fill" for entry in cloud.exchange.journal()))
    order = cloud.order(name)
    assert order.children[0].status is ChildStatus.INTENT
    _stop_and_revive(cloud, order)
    done = _one_good_order(cloud, name)
    assert (done.run.executions, done.children[0].sends) == (2, 1)


def test_the_answer_to_the_submit_is_lost(cloud: Cloud, name: str) -> None:
    cloud.exchange.faults({"method": "POST", "path": "/v2/orders", "kind": "drop_after", "count": 1})
    cloud.send_text(_body(name))
    assert _one_good_order(cloud, name).children[0].sends == 1


def test_the_submit_is_lost(cloud: Cloud, name: str) -> None:
    cloud.exchange.faults({"method": "POST", "path": "/v2/orders", "kind": "drop_before", "count": 1})
    cloud.send_text(_body(name))
    assert _one_good_order(cloud, name).children[0].sends == 2


def test_in_the_middle_of_a_cancel(cloud: Cloud, name: str) -> None:
    cloud.exchange.script(
        {
            "on": {"symbol": "TQQQ", "event": "new", "side": "buy", "nth": 1},
            "symbol": "TQQQ",
            "bid": "50.98",
            "ask": "51.01",
        }
    )
    cloud.exchange.faults(
        {"method": "DELETE", "path": "/v2/orders/*", "kind": "delay", "delay_ms": HOLD_MS, "count": 1}
    )
    cloud.send_text(_body(name))
    cloud.until("cancel requested", _request_seen(cloud, "DELETE"))
    order = cloud.order(name)
    assert order.children[0].status is ChildStatus.CANCELING
    _stop_and_revive(cloud, order)
    assert len(_one_good_order(cloud, name).children) == 2


def test_between_the_terminal_record_and_its_event(cloud: Cloud, name: str) -> None:
    """The record is put back to what it is between the two writes, as if the worker had died there."""
    cloud.send_text(_body(name))
    order = _one_good_order(cloud, name)
    cloud.until("execution over", lambda: _execution_state(cloud, order) is ExecutionState.ENDED)
    unpublished = cloud.orders.save(order.with_run(published=False))
    assert order.order_id in cloud.until("to do", cloud.orders.to_do)
    cloud.sweep()
    [again] = cloud.ended(name)
    assert again.run.executions == unpublished.run.executions + 1
    states = cloud.states_of(again)
    assert states.count("RecordOutcome") == 2
    cloud.audit([name])


def test_stop_execution_while_waiting_for_a_fill(cloud: Cloud, name: str) -> None:
    cloud.exchange.quote("TQQQ", "50.95", "50.98", 2000, 20)
    cloud.send_text(_body(name))
    order = cloud.until(
        "partly filled",
        lambda: (found := cloud.orders.find(name)) and found.children and found.filled_qty == 20 and found,
    )
    cloud.stop(order)
    cloud.exchange.quote("TQQQ", "50.95", "50.98", 2000, 2000)
    cloud.until("revived", lambda: cloud.sweep()["started"] or cloud.order(name).run.executions > 1)
    assert _one_good_order(cloud, name).run.executions == 2


def _execution_state(cloud: Cloud, order: Order) -> ExecutionState:
    return Executions(cloud.connection.stepfunctions, cloud.machine).state(order.order_id, order.run.executions)
