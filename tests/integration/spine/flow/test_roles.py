"""Each step does only what its function's role allows: a local cloud lets all through, AWS does not."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

import botocore.client
import pytest

from desk.exchange.client import ExchangeControl
from repeg.clock import TimeKeeper
from repeg.domain.routes import GO_ON_TO_PROTECT
from repeg.store.shared import SharedStore
from tests.integration.spine.flow.lives import LIVES
from tests.support.lab import Lab
from tests.support.scenes import lab_at
from tests.support.stack import listed, load_template, resources, statements

FUNCTIONS = resources(load_template(), "AWS::Serverless::Function")
OUTSIDE = "ReceiveSignal"
"""It takes part in no order's life: its two calls are held to its role beside the template."""
WRITES = {
    "Put": "dynamodb:PutItem",
    "Update": "dynamodb:UpdateItem",
    "Delete": "dynamodb:DeleteItem",
    "ConditionCheck": "dynamodb:ConditionCheckItem",
}
"""What the parts of a transaction have to be allowed."""


class Recorder:
    """Notes which function did what, and in whose life: DynamoDB calls by their index, other services by action."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.done: dict[str, dict[str, str]] = defaultdict(dict)
        self.life = ""
        self._function: str | None = None
        call = botocore.client.BaseClient._make_api_call  # type: ignore[attr-defined]

        def recorded(client: Any, operation: str, parameters: dict[str, Any]) -> Any:
            for action in _actions(operation, parameters):
                self._note(action)
            return call(client, operation, parameters)

        monkeypatch.setattr(botocore.client.BaseClient, "_make_api_call", recorded)

    def watch(self, lab: Lab) -> Lab:
        """Every step of the lab is a cold process of its own function from now on."""
        tasks = lab._tasks
        lab._tasks = lambda: {name: self._as(name, step, lab) for name, step in tasks().items()}  # type: ignore[method-assign]
        lab.sweep = self._as("SweepOrders", lab.sweep, lab)  # type: ignore[method-assign]
        lab.reconcile = self._as("ReconcileBook", lab.reconcile, lab)  # type: ignore[method-assign]
        lab.intake.accept = self._as("AcceptSignal", lab.intake.accept, lab)  # type: ignore[method-assign]
        lab.fire = self._as("RunSchedule", lab.fire, lab)  # type: ignore[method-assign]
        lab.queue = self._doing("sqs:SendMessage", lab.queue)  # type: ignore[method-assign]
        lab.start = self._doing("states:StartExecution", lab.start)  # type: ignore[method-assign]
        lab.state = self._doing("states:DescribeExecution", lab.state)  # type: ignore[method-assign]
        lab.under_way = self._doing("states:ListExecutions", lab.under_way)  # type: ignore[method-assign]
        lab.moved_at = self._doing("states:GetExecutionHistory", lab.moved_at)  # type: ignore[method-assign]
        lab.bus.publish = self._doing("events:PutEvents", lab.bus.publish)  # type: ignore[method-assign]
        lab.worker.make_broker = self._doing("secretsmanager:GetSecretValue", lab.worker.make_broker)
        lab.worker.settings = self._doing("ssm:GetParameters", lab.worker.settings)
        return lab

    def _as(self, function: str, step: Callable[..., Any], lab: Lab) -> Callable[..., Any]:
        def running(*args: Any) -> Any:
            before, self._function = self._function, function
            kept = SharedStore(lab.orders._client, lab.orders._table)
            lab.worker.time = TimeKeeper(kept, 1.0, lab.time.wall)
            try:
                return step(*args)
            finally:
                self._function = before

        return running

    def _doing(self, action: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def noted(*args: Any) -> Any:
            self._note(action)
            return call(*args)

        return noted

    def _note(self, action: str) -> None:
        if self._function:
            self.done[self._function].setdefault(action, self.life)


def _actions(operation: str, parameters: dict[str, Any]) -> list[str]:
    if operation == "TransactWriteItems":
        return [WRITES[kind] for write in parameters["TransactItems"] for kind in write]
    index = parameters.get("IndexName")
    return [f"dynamodb:{operation}" + (f" of {index}" if index else "")]


def _allowed(function: str) -> set[str]:
    """Actions of a role, as the recorder writes them."""
    found = set()
    for statement in statements(FUNCTIONS[function]):
        for resource in listed(statement["Resource"]):
            index = str(resource.get("Fn::Sub", "")).partition("/index/")[2] if isinstance(resource, dict) else ""
            found |= {action + (f" of {index}" if index else "") for action in listed(statement["Action"])}
    return found


@pytest.fixture(scope="module")
def done(exchange: ExchangeControl) -> Iterator[dict[str, dict[str, str]]]:
    """What each function did over all lives."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        recorder = Recorder(monkeypatch)
        for recorder.life, life in LIVES.items():
            with lab_at(exchange) as lab:
                life(recorder.watch(lab), monkeypatch)
        yield recorder.done


@pytest.mark.parametrize("function", [name for name in FUNCTIONS if name != OUTSIDE])
def test_a_function_does_only_what_its_role_allows(function: str, done: dict[str, dict[str, str]]) -> None:
    assert done[function], f"{function} takes part in no life"
    refused = {action: life for action, life in done[function].items() if action not in _allowed(function)}
    assert not refused, f"{function} would be refused, and in whose life: {refused}"


def test_the_lives_together_remove_a_position_wherever_its_last_share_can_leave(
    done: dict[str, dict[str, str]],
) -> None:
    """What once was forbidden, and locked its symbol for ever: the list of positions is kept by whoever notices."""
    there = {function for function in FUNCTIONS if "dynamodb:DeleteItem" in done[function]}
    assert there >= {
        "AssessMarket",
        "ProtectPosition",
        "UnwindPosition",
        "ReleaseProtection",
        "RecordOutcome",
        "SweepOrders",
    }


@pytest.mark.parametrize("function", sorted(GO_ON_TO_PROTECT))
def test_what_goes_on_to_protect_may_do_all_that_protecting_takes(function: str) -> None:
    assert _allowed("ProtectPosition") <= _allowed(function)
