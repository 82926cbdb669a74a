"""The machine in another engine: moto's interpreter of Amazon States Language runs the definition as it is deployed.

moto interprets JSONata states in full and leaves out one thing, the evaluator of expressions itself (it takes one that
needs a Java runtime); the one of the tests is put there. Lambda is called in process, and waits pass in virtual time.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import boto3
import yaml
from jsonata import Jsonata
from moto.stepfunctions.parser.asl.component.common.retry import retrier_decl
from moto.stepfunctions.parser.asl.component.state.exec.state_task import lambda_eval_utils
from moto.stepfunctions.parser.asl.component.state.wait.wait_function.wait_function import WaitFunction
from moto.stepfunctions.parser.asl.jsonata import jsonata as expressions
from moto.stepfunctions.parser.utils import TMP_THREADS

from tests.support.stand_ins.machine import DEFINITIONS, ExecutionFailed, Machine, Task

MOTO = {"stepfunctions": {"execute_state_machine": True}}
"""What `mock_aws` must be told, or moto starts executions and runs nothing."""

_ARN = "arn:aws:lambda:us-east-1:123456789012:function:"
_ROLE = "arn:aws:iam::123456789012:role/machine"
_PATIENCE_S = 60


class MotoMachine(Machine):
    """Runs an execution in moto; `entered` is what its history says."""

    def __init__(self, tasks: dict[str, Task], wait: Callable[[float], None]) -> None:
        super().__init__(tasks, wait)
        self.failures: list[str] = []
        self.pauses: list[float] = []

    def run(self, name: str, execution_input: dict[str, Any], longest: int = 4000) -> None:
        """Run an execution to its end."""
        states = _client()
        machine = states.create_state_machine(name="m", definition=_definition(), roleArn=_ROLE)
        with self._in_process():
            started = states.start_execution(
                stateMachineArn=machine["stateMachineArn"], name=name, input=json.dumps(execution_input)
            )
            for thread in TMP_THREADS:
                thread.join(_PATIENCE_S)
            TMP_THREADS.clear()
        execution = started["executionArn"]
        ended = states.describe_execution(executionArn=execution)
        pages = states.get_paginator("get_execution_history").paginate(executionArn=execution)
        history = [event for page in pages for event in page["events"]]
        for event in history:
            if "stateEnteredEventDetails" in event:
                self.entered.append(event["stateEnteredEventDetails"]["name"])
            if "taskFailedEventDetails" in event:
                self.failures.append(event["taskFailedEventDetails"]["error"])
        if ended["status"] != "SUCCEEDED":
            raise ExecutionFailed(f"{ended['status']}: {ended.get('error')} {ended.get('cause')}; {self.entered[-6:]}")

    @contextmanager
    def _in_process(self) -> Iterator[None]:
        with ExitStack() as stack:
            for where, name, what in (
                (expressions, "_eval_jsonata", lambda expression: Jsonata(expression).evaluate(None)),
                (lambda_eval_utils, "_invoke_lambda_function", self._invoke),
                (WaitFunction, "_wait_interval", lambda _, env, wait_seconds: self._wait_for(wait_seconds)),
                (retrier_decl, "time", SimpleNamespace(sleep=self._pause)),
            ):
                stack.enter_context(patch.object(where, name, what))
            yield

    def _pause(self, seconds: float) -> None:
        """Between two tries."""
        self.pauses.append(seconds)
        self._sleep(seconds)

    def _wait_for(self, seconds: Any) -> None:
        assert isinstance(seconds, int) and seconds >= 0, f"AWS refuses to wait {seconds!r} seconds"
        self._sleep(seconds)

    def _invoke(self, parameters: dict[str, Any], region: str, state_credentials: Any) -> dict[str, Any]:
        """Lambda's answer; an exception of the function is an answer, too."""
        task = self._tasks[parameters["FunctionName"].removeprefix(_ARN)]
        try:
            return {"StatusCode": 200, "Payload": task(json.loads(parameters["Payload"]))}
        except Exception as error:
            name = getattr(error, "error_name", type(error).__name__)
            return {"FunctionError": "Unhandled", "Payload": {"errorType": name, "errorMessage": str(error)}}


@dataclass(frozen=True)
class Context:
    """What Lambda hands to a handler."""

    function_name: str = "repeg"
    memory_limit_in_mb: int = 1769
    invoked_function_arn: str = _ARN
    aws_request_id: str = "request-1"


def handler_tasks(names: list[str]) -> dict[str, Task]:
    """The deployed handlers, by the tasks that call them."""

    def task(name: str) -> Task:
        app = import_module(f"functions.{re.sub('(?<!^)(?=[A-Z])', '_', name).lower()}.app")
        return lambda payload: app.handler(payload, Context())  # type: ignore[no-any-return]

    return {name: task(name) for name in names}


@cache
def _client() -> Any:
    return boto3.client("stepfunctions", region_name="us-east-1")


@cache
def _definition() -> str:
    """The definition with what CloudFormation puts into it."""
    text = (DEFINITIONS / "execute_order.asl.yaml").read_text().replace("${Partition}", "aws")
    return json.dumps(yaml.safe_load(re.sub(r"\$\{(\w+)FunctionArn\}", rf"{_ARN}\1", text)))
