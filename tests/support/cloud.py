"""The stack on the local cloud, as a test drives it: signals in through SQS, quotes through the control port."""

from __future__ import annotations

import hashlib
import json
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from desk.exchange.client import ExchangeControl
from desk.report.truth import trading_calls
from desk.stack.connection import Connection
from repeg.domain.halt import Scope
from repeg.domain.order.record import Order
from repeg.domain.trips import Trip
from repeg.executions import execution_number
from repeg.store.items import order_key, position_key
from repeg.store.orders import OrderStore
from repeg.store.trips import trip_key
from tests.support.observed.audit import audit

SHORTEST_POLL_S, LONGEST_POLL_S = 0.05, 0.25
"""Asking takes as much of the machine as an order does: what is long in coming is asked for ever more seldom."""
PATIENCE_S = 150
"""For what comes within seconds, on a machine that does nothing else."""
RECENT = 200
"""Orders that tests just before may have sent."""
ABOUT_THE_ACCOUNT = {
    f"GET /v2/{path}"
    for path in ("clock", "account", "positions", "orders", "account/activities", "account/activities/FILL")
}
OPEN_MORNING = "2026-11-20T10:00:00-05:00"
NIGHT = "2026-11-20T20:30:00-05:00"


class Cloud:
    """One deployed stack and its exchange."""

    def __init__(self, connection: Connection) -> None:
        assert connection.exchange_url
        self.connection = connection
        self.exchange = ExchangeControl(connection.exchange_url)
        self.orders = OrderStore(connection.dynamodb, connection.table)
        self.machine = connection.state_machines["execute_order"]
        self._sent: list[str] = []

    # --- acting ---

    def open_market(self, now: str = OPEN_MORNING) -> None:
        """A clean exchange in a regular session, with a calm TQQQ; nothing is halted by what went before."""
        self.exchange.reset()
        self.orders.lift_halt(Scope.ACCOUNT)
        self._forget_positions()
        self._forget_evidence()
        self.exchange.set_clock(now)
        self.exchange.quote("TQQQ", "50.95", "50.98", 2000, 2000)

    def _forget_positions(self) -> None:
        """The exchange forgot what earlier tests bought; so must the table, or sweep and comparison would look for it.

        What is still at work is left to its execution.
        """
        for order in self.orders.newest(RECENT):
            if order.status.terminal and order.unexited_qty > 0:
                for key in (position_key(order), order_key(order.order_id)):
                    self.connection.dynamodb.delete_item(TableName=self.connection.table, Key=key)

    def _forget_evidence(self) -> None:
        """It is the same market time again, and again: what failed in earlier tests would add up, and halt trading."""
        for trip in Trip:
            self.connection.dynamodb.delete_item(TableName=self.connection.table, Key=trip_key(trip))

    def send(self, **signal: Any) -> str:
        """Push a signal to the queue; returns its id."""
        body = {"kind": "order", "symbol": "TQQQ", "side": "buy"} | signal
        body = {field: value for field, value in body.items() if value is not None}
        self.send_text(json.dumps(body), body["symbol"])
        self._sent.append(body["signal_id"])
        return str(body["signal_id"])

    def send_text(self, text: str, group: str = "TQQQ", deduplication: str | None = None) -> None:
        """Push any text to the queue."""
        self.connection.sqs.send_message(
            QueueUrl=self.connection.queue_url,
            MessageBody=text,
            MessageGroupId=group,
            MessageDeduplicationId=deduplication or hashlib.sha256(text.encode()).hexdigest(),
        )

    def sweep(self) -> dict[str, int]:
        """Run the sweeper now."""
        return self.invoke("sweep_orders", {})

    def invoke(self, function: str, event: dict[str, Any]) -> dict[str, Any]:
        """Invoke a deployed function."""
        answer = self.connection.lambda_.invoke(
            FunctionName=self.connection.function(function), Payload=json.dumps(event)
        )
        payload: dict[str, Any] = json.loads(answer["Payload"].read())
        assert "FunctionError" not in answer, payload
        return payload

    def stop(self, order: Order) -> None:
        """StopExecution on the order's execution."""
        assert order.run.execution_arn
        self.connection.stepfunctions.stop_execution(executionArn=order.run.execution_arn)

    def broken(self, function: str) -> AbstractContextManager[None]:
        """A function that finds no table, for a while."""
        return self.changed(function, TABLE_NAME="not-there")

    @contextmanager
    def changed(self, function: str, **environment: str) -> Iterator[None]:
        """A function with another environment, for a while."""
        lambda_, name = self.connection.lambda_, self.connection.function(function)
        variables = lambda_.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
        lambda_.update_function_configuration(FunctionName=name, Environment={"Variables": variables | environment})
        try:
            yield
        finally:
            lambda_.update_function_configuration(FunctionName=name, Environment={"Variables": variables})

    # --- looking ---

    def order(self, signal_id: str) -> Order:
        """The order of a signal."""
        order = self.orders.find(signal_id)
        assert order is not None, f"no order for {signal_id}"
        return order

    def until(self, what: str, probe: Callable[[], Any], timeout: float = PATIENCE_S) -> Any:
        """Poll until `probe` answers something true; returns the answer. The last time is when the time is over."""
        deadline, pause = time.monotonic() + timeout, SHORTEST_POLL_S
        while True:
            late = time.monotonic() >= deadline
            answer = probe()
            if answer:
                return answer
            if late:
                break
            time.sleep(pause)
            pause = min(LONGEST_POLL_S, 1.2 * pause)
        raise AssertionError(f"not within {timeout} s: {what}; {self._states()}")

    def holds(self, probe: Callable[[], bool], within: float) -> bool:
        """Whether `probe` comes true in so many seconds."""
        deadline = time.monotonic() + within
        while time.monotonic() < deadline:
            if probe():
                return True
            time.sleep(SHORTEST_POLL_S)
        return False

    def ended(self, *signal_ids: str, timeout: float = PATIENCE_S) -> list[Order]:
        """The orders of these signals, once all are over and published."""

        def over() -> list[Order] | None:
            orders = [self.orders.find(signal_id) for signal_id in signal_ids]
            known = [order for order in orders if order and order.status.terminal and order.run.published]
            return known if len(known) == len(signal_ids) else None

        orders: list[Order] = self.until(f"{signal_ids} over", over, timeout)
        return orders

    def states_of(self, order: Order) -> list[str]:
        """Every state that the order's executions entered, in order: what AWS bills as transitions."""
        return [event["stateEnteredEventDetails"]["name"] for event in self._history(order, "stateEnteredEventDetails")]

    def errors_of(self, order: Order) -> list[str]:
        """The errors of the order's tasks, by the names that Retry and Catch see."""
        return [event["taskFailedEventDetails"]["error"] for event in self._history(order, "taskFailedEventDetails")]

    def _history(self, order: Order, details: str) -> list[dict[str, Any]]:
        events: list[dict[str, Any]] = []
        for number in range(1, order.run.executions + 1):
            arn = f"{self.machine.replace(':stateMachine:', ':execution:')}:{order.order_id}-{number}"
            pages = self.connection.stepfunctions.get_paginator("get_execution_history").paginate(executionArn=arn)
            events += [event for page in pages for event in page["events"] if details in event]
        return events

    def calls_since(self, mark: int) -> Counter[str]:
        """Trading requests since a mark, by method and path."""
        return Counter(trading_calls(self.exchange.journal(mark)))

    def calls_of(self, order: Order, mark: int) -> Counter[str]:
        """
        Trading requests since a mark that one order takes. What is asked about the whole account, and about other
        orders, is the sweep's and the comparison's: how often they come by depends on the minute, not on the order.
        """
        mine = {child.broker_order_id for child in order.children}
        for oco in order.guard.protections:
            mine |= {oco.broker_order_id, oco.stop_order_id}

        def counts(call: str) -> bool:
            about, _, order_id = call.partition("/v2/orders/")
            return call not in ABOUT_THE_ACCOUNT and (call == about or order_id in mine)

        return Counter({call: times for call, times in self.calls_since(mark).items() if counts(call)})

    def mark(self) -> int:
        """Where the exchange's journal ends now."""
        return max((entry["seq"] for entry in self.exchange.journal()), default=0)

    def audit(self, signal_ids: Iterable[str] | None = None) -> None:
        """Store and journal agree about everything since the market was last opened."""
        mine = set(signal_ids or self._sent)
        orders = [order for order in self.orders.newest() if order.signal_id in mine]
        audit(orders, self.exchange.journal())

    def queue_is_empty(self) -> bool:
        """Whether every signal that was sent has been taken in."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        answer = self.connection.sqs.get_queue_attributes(QueueUrl=self.connection.queue_url, AttributeNames=names)
        return all(answer["Attributes"][name] == "0" for name in names)

    def dead_letters(self) -> list[str]:
        """Bodies in the dead-letter queue, taken out of it."""
        bodies: list[str] = []
        while True:
            answer = self.connection.sqs.receive_message(
                QueueUrl=self.connection.dlq_url, MaxNumberOfMessages=10, WaitTimeSeconds=0
            )
            messages = answer.get("Messages", [])
            if not messages:
                return bodies
            for message in messages:
                bodies.append(message["Body"])
                self.connection.sqs.delete_message(
                    QueueUrl=self.connection.dlq_url, ReceiptHandle=message["ReceiptHandle"]
                )

    def _states(self) -> str:
        orders = [order for order in self.orders.newest() if order.signal_id in self._sent and not order.run.published]
        return "; ".join(
            f"{order.signal_id} {order.status} {order.reason} exec {execution_number(order.run.execution_arn or '-0')}"
            f" {[event.detail for event in order.events[-3:]]}"
            for order in orders
        )
