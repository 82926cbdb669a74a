"""Functions that Lambda does not run, or that never answer: nothing about the order went wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from repeg.domain.reasons import Status
from tests.support.lab import Lab
from tests.support.stand_ins.machine import LambdaThrottled

Tasks = dict[str, Callable[[dict[str, Any]], dict[str, Any]]]


class NeverAnswered(Exception):
    """What Step Functions says of a task that it waited for in vain."""

    error_name = "States.Timeout"


def fail(lab: Lab, monkeypatch: pytest.MonkeyPatch, error: type[Exception], times: int, *tasks: str) -> list[str]:
    """Each of the tasks fails so often before it is run; returns the list of tries."""
    tries: list[str] = []
    real: Callable[[], Tasks] = lab._tasks

    def failing() -> Tasks:
        made = real()
        for name in tasks:
            made[name] = lambda payload, name=name, task=made[name]: attempt(name, task, payload)  # type: ignore[misc]
        return made

    def attempt(name: str, task: Callable[[dict[str, Any]], dict[str, Any]], payload: dict[str, Any]) -> dict[str, Any]:
        tries.append(name)
        if tries.count(name) <= times:
            raise error
        return task(payload)

    monkeypatch.setattr(lab, "_tasks", failing)
    return tries


@pytest.mark.parametrize("times", [1, 5, 10])
def test_throttled_functions_cost_an_order_time_and_nothing_else(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    tries = fail(lab, monkeypatch, LambdaThrottled, times, "AssessMarket", "RecordOutcome")
    lab.send(signal_id="a", qty="100")
    lab.work()
    assert lab.order("a").status is Status.FILLED
    assert tries.count("AssessMarket") == tries.count("RecordOutcome") == times + 1
    assert lab.machine and lab.machine.entered == ["AssessMarket", "Route", "RecordOutcome"]
    assert "Order Alert" not in [kind for kind, _ in lab.bus.events]
    lab.check()


def test_a_bracket_whose_care_is_throttled_is_protected_in_the_end(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    fail(lab, monkeypatch, LambdaThrottled, 10, "CheckFill", "CancelOrder", "ProtectPosition")
    lab.control.quote("TQQQ", "50.95", "50.98", 2000, 4)
    lab.send(signal_id="a", kind="bracket", qty="25", signal_price="50.98", stop_loss="49.98", take_profit="53.98")
    lab.work()
    order = lab.order("a")
    assert order.filled_qty >= 4
    assert order.guard.protected
    lab.check()


def test_a_function_that_stays_throttled_is_secured_like_any_failure(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    tries = fail(lab, monkeypatch, LambdaThrottled, 11, "AssessMarket")
    lab.send(signal_id="a", qty="100")
    lab.work()
    assert lab.machine and lab.machine.visits["SecurePosition"] == 1
    assert tries.count("AssessMarket") == 12, "tried again from SecurePosition"
    assert lab.order("a").status is Status.FILLED
    lab.check()


@pytest.mark.parametrize(("times", "secured"), [(4, 0), (5, 1)])
def test_a_task_that_never_answered_is_tried_again_and_then_secured(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, times: int, secured: int
) -> None:
    fail(lab, monkeypatch, NeverAnswered, times, "AssessMarket")
    lab.send(signal_id="a", qty="100")
    lab.work()
    assert lab.machine and lab.machine.visits["SecurePosition"] == secured
    assert lab.order("a").status is Status.FILLED
    lab.check()
