"""The deployed functions as the cloud calls them: moto for AWS, a real simulated exchange for the broker."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import boto3
import pytest

from desk.exchange.client import ExchangeControl
from desk.exchange.process import start_exchange
from repeg.domain.order.record import Order
from repeg.store.orders import OrderStore
from repeg.wiring import clients, connection, inbox
from tests.support.lab import START
from tests.support.stand_ins.short_moto import REGION, quick_aws, shorten
from tests.support.stand_ins.tables import create_table

TABLE = "repeg"


@dataclass(frozen=True)
class Context:
    """What Lambda hands to a handler."""

    function_name: str = "repeg"
    memory_limit_in_mb: int = 512
    invoked_function_arn: str = "arn:aws:lambda:us-east-1:123456789012:function:repeg"
    aws_request_id: str = "request-1"


@dataclass
class Stack:
    """The AWS side of one test."""

    dynamodb: Any
    sqs: Any
    states: Any
    ssm: Any
    secrets: Any
    signals_url: str
    dlq_url: str
    outcomes_url: str
    machine_arn: str
    control: ExchangeControl

    def call(self, function: str, event: dict[str, Any]) -> Any:
        """Invoke `functions/<function>/app.py`."""
        return handler_of(function).handler(event, Context())

    def step(self, function: str, order_id: str, number: int = 1) -> Any:
        """Invoke a step of the machine for an order's n-th execution."""
        return self.call(function, {"order_id": order_id, "execution": f"{order_id}-{number}"})

    @property
    def orders(self) -> OrderStore:
        return OrderStore(self.dynamodb, TABLE)

    def order(self, signal_id: str) -> Order:
        found = self.orders.find(signal_id)
        assert found is not None
        return found

    def dead_letters(self) -> list[dict[str, Any]]:
        """Messages in the dead-letter queue, with their attributes."""
        answer = self.sqs.receive_message(
            QueueUrl=self.dlq_url, MaxNumberOfMessages=10, MessageAttributeNames=["All"], AttributeNames=["All"]
        )
        return list(answer.get("Messages", []))

    def events(self) -> list[dict[str, Any]]:
        """What was published to the bus."""
        answer = self.sqs.receive_message(QueueUrl=self.outcomes_url, MaxNumberOfMessages=10)
        return [json.loads(message["Body"]) for message in answer.get("Messages", [])]

    def started(self) -> list[str]:
        """Names of executions."""
        found = self.states.list_executions(stateMachineArn=self.machine_arn)["executions"]
        return sorted(execution["name"] for execution in found)


def handler_of(function: str) -> ModuleType:
    return import_module(f"functions.{function}.app")


@pytest.fixture(scope="session")
def exchange() -> Iterator[ExchangeControl]:
    with start_exchange(start=START) as running:
        yield running.control


@pytest.fixture
def stack(exchange: ExchangeControl, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stack]:
    exchange.reset()
    exchange.set_clock(START, paused=False)
    exchange.quote("TQQQ", "50.95", "50.98", 2000, 2000)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    forget_everything()
    monkeypatch.setattr(clients, "client", _client)
    with quick_aws():
        yield _deploy(exchange, monkeypatch.setenv)
    forget_everything()


def forget_everything() -> None:
    """As in a process that has just started: whatever was built or read before is gone."""
    for name, value in [item for module in (connection, clients, inbox) for item in vars(module).items()]:
        if hasattr(value, "cache_clear"):
            value.cache_clear()
        if name.startswith("_") and name[1] != "_" and isinstance(value, dict | list):
            value.clear()


_clients: dict[str, Any] = {}


def _client(service: str) -> Any:
    """Clients are slow to make; moto answers whichever was made while it was on."""
    if service not in _clients:
        _clients[service] = boto3.client(service, region_name=REGION)
        if service == "dynamodb":
            shorten(_clients[service])
    return _clients[service]


def _refused_message_size() -> str:
    """As the template has it for the dead-letter queue."""
    refused = (Path(__file__).parents[3] / "template.yaml").read_text().split("  SignalsRefused:", 1)[1]
    return refused.split("MaximumMessageSize:", 1)[1].split(maxsplit=1)[0]


def _deploy(control: ExchangeControl, setenv: Callable[[str, str], None]) -> Stack:
    dynamodb, sqs, states = _client("dynamodb"), _client("sqs"), _client("stepfunctions")
    ssm, secrets, events = _client("ssm"), _client("secretsmanager"), _client("events")
    create_table(dynamodb, TABLE)
    fifo = {"FifoQueue": "true", "MaximumMessageSize": _refused_message_size()}
    dlq = sqs.create_queue(QueueName="refused.fifo", Attributes=fifo)["QueueUrl"]
    visible = {"FifoQueue": "true", "VisibilityTimeout": "60"}
    signals = sqs.create_queue(QueueName="signals.fifo", Attributes=visible)["QueueUrl"]
    outcomes = sqs.create_queue(QueueName="outcomes")["QueueUrl"]
    ssm.put_parameter(Name="/repeg/settings/defaults", Value='{"max_repegs": 2}', Type="String")
    secret = secrets.create_secret(Name="repeg/alpaca", SecretString='{"key_id": "k", "secret_key": "s"}')
    machine, rebalancing = (
        states.create_state_machine(
            name=name,
            definition='{"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}}',
            roleArn="arn:aws:iam::123456789012:role/machine",
        )["stateMachineArn"]
        for name in ("execute-order", "rebalance-portfolio")
    )
    events.create_event_bus(Name="repeg")
    events.put_rule(Name="all", EventBusName="repeg", EventPattern='{"source": ["repeg"]}')
    arn = sqs.get_queue_attributes(QueueUrl=outcomes, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    events.put_targets(Rule="all", EventBusName="repeg", Targets=[{"Id": "outcomes", "Arn": arn}])
    environment = {
        "STACK_NAME": "repeg-paper",
        "TABLE_NAME": TABLE,
        "ALPACA_SECRET_ID": secret["ARN"],
        "BROKER_URL": control.url,
        "DATA_URL": control.url,
        "CLOCK_SPEED": "1",
        "DLQ_URL": dlq,
        "QUEUE_URL": signals,
        "SIGNALS_URL": signals,
        "EVENT_BUS_NAME": "repeg",
        "SETTINGS_DEFAULTS": "/repeg/settings/defaults",
        "SETTINGS_OVERRIDES": "/repeg/settings/overrides",
        "STATE_MACHINE_ARN": machine,
        "INTAKE_FUNCTION": "repeg-paper-accept-signal",
        "REBALANCE_MACHINE_ARN": rebalancing,
        "TRADING_MODE": "paper",
        "ACCOUNT_NUMBER": "",
    }
    for name, value in environment.items():
        setenv(name, value)
    return Stack(dynamodb, sqs, states, ssm, secrets, signals, dlq, outcomes, machine, control)
