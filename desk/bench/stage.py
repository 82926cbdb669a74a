"""A local cloud of the benchmark's own, beside any that is up, at the wall's speed."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.request import ProxyHandler, Request, build_opener

from desk.bench.errors import BenchError
from desk.cloud import local
from desk.exchange.client import ExchangeControl
from desk.stack.connection import Connection, connect_local
from desk.stack.place import here
from repeg.domain.order.record import Order, order_id_for
from repeg.domain.rebalance.record import Rebalance
from repeg.store.identity import IdentityStore
from repeg.store.items import position_key
from repeg.store.orders import OrderStore

LOCAL_DIR = "REPEG_LOCAL_DIR"
_POLL_S = 0.05
_READINGS = 7
_DIRECT = build_opener(ProxyHandler({}))


@contextmanager
def stage(folder: Path, say: Callable[[str], None]) -> Iterator[Stage]:
    """Starts the cloud in `folder`, and stops it in the end.

    Raises:
        CloudError: it could not be started.
    """
    before = os.environ.get(LOCAL_DIR)
    os.environ[LOCAL_DIR] = str(folder)
    say("starting a local cloud")
    try:
        yield Stage(connect_local(local.up(speed=1)))
    finally:
        local.down()
        if before is None:
            del os.environ[LOCAL_DIR]
        else:
            os.environ[LOCAL_DIR] = before


@dataclass(frozen=True)
class Task:
    """One Lambda invocation by the machine, in epoch seconds."""

    started: float
    ended: float


@dataclass(frozen=True)
class Course:
    """What an execution went through: every state entered (what AWS bills), and its tasks."""

    started: float
    """Epoch seconds of StartExecution."""
    states: list[str]
    tasks: list[Task]
    over: bool


class Stage:
    """The stack that is measured."""

    def __init__(self, connection: Connection) -> None:
        assert connection.exchange_url
        self.connection = connection
        self.exchange = ExchangeControl(connection.exchange_url)
        self.orders = OrderStore(connection.dynamodb, connection.table)
        self._identity = IdentityStore(connection.dynamodb, connection.table)

    def first_child(self, signal_id: str) -> str:
        """The id at the exchange of the first child order that a signal becomes."""
        return f"{order_id_for(signal_id)}-{self._identity.token()}-e1"

    def clear(self, **settings: Any) -> None:
        """An empty exchange and no positions; market time stays. `settings` are the exchange's."""
        self.exchange.reset()
        if settings:
            self.exchange.settings(**settings)
        for order_id in self.orders.holding_shares():
            order = self.orders.get(order_id)
            if order:
                self.connection.dynamodb.delete_item(TableName=self.connection.table, Key=position_key(order))

    def send(self, signal: dict[str, Any], queue_url: str | None = None) -> float:
        """Sends a signal to a FIFO queue (the stack's); returns the epoch seconds just before."""
        name = signal["signal_id"]
        sent = time.time()
        self.connection.sqs.send_message(
            QueueUrl=queue_url or self.connection.queue_url,
            MessageBody=json.dumps(signal),
            MessageGroupId=signal.get("symbol", "portfolio"),
            MessageDeduplicationId=name,
        )
        return sent

    def ended(self, signal_id: str, timeout: float = 120.0) -> Order:
        """The order of a signal once it is over and published.

        Raises:
            BenchError: not within so many seconds.
        """
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            order = self.orders.find(signal_id)
            if order and order.status.terminal and order.run.published:
                return order
            time.sleep(_POLL_S)
        raise BenchError(f"{signal_id} is not over after {timeout:.0f} s")

    def last_entry(self) -> int:
        """Where the exchange's journal ends now."""
        return max((entry["seq"] for entry in self.exchange.journal()), default=0)

    def let_pass(self, minutes: float) -> None:
        """Puts market time forward: requests made before count no more, and the next order finds out the time."""
        now = datetime.fromisoformat(self.exchange.clock().now)
        self.exchange.set_clock((now + timedelta(minutes=minutes)).isoformat())

    def market_ahead_s(self) -> float:
        """Market time less wall time in seconds, read when the exchange answered fastest."""
        readings = []
        for _ in range(_READINGS):
            before = time.time()
            market = datetime.fromisoformat(self.exchange.clock().now).timestamp()
            after = time.time()
            readings.append((after - before, market - (before + after) / 2))
        return min(readings)[1]

    def courses(self, order: Order) -> list[Course]:
        """What each execution of an order went through."""
        machine = self.connection.state_machines["execute_order"].replace(":stateMachine:", ":execution:")
        return [self._course(f"{machine}:{order.order_id}-{number + 1}") for number in range(order.run.executions)]

    def courses_of(self, rebalance: Rebalance) -> list[Course]:
        """What each execution of a rebalance itself went through; its legs have their own."""
        machine = self.connection.state_machines["rebalance_portfolio"].replace(":stateMachine:", ":execution:")
        numbers = range(1, rebalance.work.executions + 1)
        return [self._course(f"{machine}:{rebalance.rebalance_id}-{number}") for number in numbers]

    def _course(self, arn: str) -> Course:
        pages = self.connection.stepfunctions.get_paginator("get_execution_history").paginate(executionArn=arn)
        return course([event for page in pages for event in page["events"]])

    def record_calls(self, on: bool) -> None:
        """Let the emulator keep a trail of every AWS call, or stop it."""
        body = json.dumps({"cloudtrail._recording_enabled": str(on).lower()}).encode()
        with _DIRECT.open(Request(f"{self.connection.endpoint_url}/_ministack/config", data=body), timeout=10):
            pass

    def trail(self, until: float) -> list[dict[str, Any]]:
        """The newest recorded calls up to a moment (epoch seconds): some fifty, which the SDK's call cannot page."""
        target = "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.LookupEvents"
        headers = {"X-Amz-Target": target, "Content-Type": "application/x-amz-json-1.1"}
        body = json.dumps({"EndTime": until}).encode()
        with _DIRECT.open(
            Request(f"{self.connection.endpoint_url}/", data=body, headers=headers), timeout=10
        ) as answer:
            return list(json.load(answer)["Events"])

    def processes(self) -> tuple[int, int, int]:
        """Process ids of supervisor, emulator and exchange."""
        known = here().processes()
        if known is None:
            raise BenchError("the local cloud is down")
        return known.supervisor, known.emulator, known.exchange


_ENDINGS = {"ExecutionSucceeded", "ExecutionFailed", "ExecutionAborted", "ExecutionTimedOut"}


def course(events: list[dict[str, Any]]) -> Course:
    """An execution's history, in order, as what it cost."""
    states, tasks, scheduled = [], [], None
    started = events[0]["timestamp"].timestamp() if events else 0.0
    for event in events:
        at = event["timestamp"].timestamp()
        if "stateEnteredEventDetails" in event:
            states.append(event["stateEnteredEventDetails"]["name"])
        elif event["type"] == "TaskScheduled":
            scheduled = at
        elif event["type"] in ("TaskSucceeded", "TaskFailed") and scheduled is not None:
            tasks.append(Task(scheduled, at))
            scheduled = None
    return Course(started, states, tasks, over=bool(events) and events[-1]["type"] in _ENDINGS)


def moment(entry: dict[str, Any]) -> float:
    """Market time of an entry of the exchange's journal, in epoch seconds."""
    return datetime.fromisoformat(entry["at"]).timestamp()
