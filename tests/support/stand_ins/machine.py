"""Runs the real state machine definition in process: the file that is deployed, steps called directly, time virtual."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import jsonata
import yaml

DEFINITIONS = Path(__file__).parents[3] / "statemachines"

Task = Callable[[dict[str, Any]], dict[str, Any]]


class ExecutionFailed(Exception):
    """A task kept failing and no Catch took it."""


class LambdaThrottled(Exception):
    """The function was not run: too many of the account's are running."""

    error_name = "Lambda.TooManyRequestsException"


@cache
def load_definition(machine: str = "execute_order") -> dict[str, Any]:
    """The machine as deployed, before substitutions."""
    definition: dict[str, Any] = yaml.safe_load((DEFINITIONS / f"{machine}.asl.yaml").read_text())
    return definition


@cache
def _parsed(expression: str) -> jsonata.Jsonata:
    """Parsing takes ten times as long as evaluating."""
    return jsonata.Jsonata(expression)


def task_name(state: dict[str, Any]) -> str:
    """`PlaceOrder` for a state that invokes `${PlaceOrderFunctionArn}`."""
    name: str = state["Arguments"]["FunctionName"]
    return name.removeprefix("${").removesuffix("FunctionArn}")


class Machine:
    """An interpreter of the subset of Amazon States Language that our machines use."""

    def __init__(self, tasks: dict[str, Task], wait: Callable[[float], None], machine: str = "execute_order") -> None:
        self._states: dict[str, Any] = load_definition(machine)["States"]
        self._start: str = load_definition(machine)["StartAt"]
        self._tasks = tasks
        self._sleep = wait
        self._kinds = {"Task": self._task, "Choice": self._choice, "Wait": self._wait, "Succeed": self._succeed}
        self.entered: list[str] = []

    @property
    def visits(self) -> Counter[str]:
        """How often each state was entered."""
        return Counter(self.entered)

    def run(self, name: str, execution_input: dict[str, Any], longest: int = 4000) -> None:
        """Run an execution to its end."""
        context = {"Execution": {"Name": name, "Input": execution_input}}
        variables: dict[str, Any] = {}
        current = self._start
        for _ in range(longest):
            self.entered.append(current)
            state = self._states[current]
            following = self._kinds[state["Type"]](state, context, variables)
            if following is None:
                return
            current = following
        raise ExecutionFailed(f"still running after {longest} transitions: {self.entered[-6:]}")

    def _succeed(self, state: dict[str, Any], context: Any, variables: dict[str, Any]) -> None:
        return None

    def _wait(self, state: dict[str, Any], context: Any, variables: dict[str, Any]) -> str:
        seconds = _evaluate(state["Seconds"], {}, variables)
        assert isinstance(seconds, int) and seconds >= 0, f"AWS refuses to wait {seconds!r} seconds"
        self._sleep(seconds)
        return str(state["Next"])

    def _choice(self, state: dict[str, Any], context: Any, variables: dict[str, Any]) -> str:
        for choice in state["Choices"]:
            if _evaluate(choice["Condition"], {}, variables) is True:
                return str(choice["Next"])
        return str(state["Default"])

    def _task(self, state: dict[str, Any], context: Any, variables: dict[str, Any]) -> str | None:
        # A variable that is not assigned yet may be the name of a function, which no payload can hold.
        payload = json.loads(json.dumps(_evaluate(state["Arguments"]["Payload"], {"context": context}, variables)))
        retries: Counter[int] = Counter()
        while True:
            try:
                answer = self._tasks[task_name(state)](payload)
                break
            except Exception as error:
                name = getattr(error, "error_name", type(error).__name__)
                which, retrier = _first_for(name, state.get("Retry", []))
                if retrier and retries[which] < retrier["MaxAttempts"]:
                    self._sleep(_longest_pause(retrier, retries[which]))
                    retries[which] += 1
                    continue
                _, catch = _first_for(name, state.get("Catch", []))
                if catch is None:
                    raise ExecutionFailed(str(error)) from error
                output = {"errorOutput": {"Error": name, "Cause": str(error)}}
                variables |= _evaluate(catch.get("Assign", {}), output, variables)
                return str(catch["Next"])
        variables |= _evaluate(state.get("Assign", {}), {"result": {"Payload": answer}}, variables)
        return None if state.get("End") else str(state["Next"])


def _first_for(error: str, rules: list[dict[str, Any]]) -> tuple[int, dict[str, Any] | None]:
    """The retrier or catcher that decides about an error: the first that names it or all; it counts by itself."""
    for number, rule in enumerate(rules):
        if {error, "States.ALL"} & set(rule["ErrorEquals"]):
            return number, rule
    return -1, None


def _longest_pause(retrier: dict[str, Any], retries: int) -> float:
    """Seconds before the next try; where there is jitter, the most that it can be."""
    pause: float = retrier["IntervalSeconds"] * retrier["BackoffRate"] ** retries
    return min(pause, retrier.get("MaxDelaySeconds", pause))


def _evaluate(template: Any, states: dict[str, Any], variables: dict[str, Any]) -> Any:
    if isinstance(template, dict):
        return {key: _evaluate(value, states, variables) for key, value in template.items()}
    if isinstance(template, str) and template.startswith("{%"):
        return _parsed(template[2:-2].strip()).evaluate({}, {**variables, "states": states})
    return template
