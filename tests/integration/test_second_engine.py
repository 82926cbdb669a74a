"""The definition in two engines: six lives of orders go through the same states, in the same order, to the same end.

One is the interpreter of the tests, the other moto's. There the deployed handlers run, here the steps behind them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from moto import mock_aws

from desk.exchange.client import ExchangeControl
from desk.exchange.process import start_exchange
from repeg.domain.order.views import order_view
from repeg.wiring import clients
from tests.support import scenes
from tests.support.lab import START, Lab
from tests.support.observed.lives import AT_ONCE, CLOSED, RE_PEGGED, SECURED, TIMED_OUT, told_once
from tests.support.scenes import out_of_reach
from tests.support.stand_ins.machine import LambdaThrottled, Machine
from tests.support.stand_ins.second_engine import MOTO, MotoMachine, handler_tasks

BRACKET = {
    "kind": "bracket",
    "side": "buy",
    "qty": 100,
    "signal_price": "50.98",
    "stop_loss": "49.98",
    "take_profit": "53.98",
}
Life = Callable[[Lab], list[str]]


@pytest.fixture(scope="module")
def exchange() -> Iterator[ExchangeControl]:
    with start_exchange(start=START) as running:
        yield ExchangeControl(running.control.url)


@pytest.fixture(autouse=True)
def aws_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")


@contextmanager
def lab_in(engine: type[Machine], exchange: ExchangeControl, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    exchange.reset()
    exchange.set_clock(START, paused=True)
    exchange.quote("TQQQ", "50.95", "50.98", 2000, 2000)
    with mock_aws(config=MOTO), monkeypatch.context() as patched:  # type: ignore[arg-type]
        lab = Lab(exchange)
        lab.make_machine = engine
        if engine is MotoMachine:
            patched.setattr(clients, "worker", lambda connect: lab.worker)
            names = list(lab._tasks())
            patched.setattr(lab, "_tasks", lambda: handler_tasks(names))
        lab.sweep()
        yield lab


def works(lab: Lab, **signal: Any) -> list[str]:
    """Every state that the work of a signal enters."""
    scenes.send(lab, signal.pop("signal_id", "a"), **signal)
    lab.work()
    assert lab.machine
    return lab.machine.entered


def fills_at_once(lab: Lab) -> list[str]:
    return works(lab, qty=100)


def is_re_pegged(lab: Lab) -> list[str]:
    out_of_reach(lab, rungs=1)
    return works(lab, qty=100)


def is_a_bracket(lab: Lab) -> list[str]:
    return works(lab, **BRACKET)


def times_out(lab: Lab) -> list[str]:
    """A bracket that the market never comes to."""
    lab.control.quote("TQQQ", "51.00", "51.03", 2000, 2000)
    return works(lab, **BRACKET)


def closes(lab: Lab) -> list[str]:
    """A protected position is left: its protection is taken down, and what it held is sold."""
    works(lab, **BRACKET)
    return works(lab, signal_id="c", kind="close")


def is_secured(lab: Lab) -> list[str]:
    """Its looks at a resting entry fail for good: what is live is cancelled."""
    lab.control.quote("TQQQ", "51.00", "51.03", 2000, 2000)
    break_task(lab, "CheckFill", ValueError("a defect"))
    return works(lab, **BRACKET)


def break_task(lab: Lab, name: str, error: Exception, times: int | None = None) -> None:
    """A task fails so often (None: always) before anything is done."""
    real = lab._tasks
    left = [times]

    def broken(payload: dict[str, Any]) -> dict[str, Any]:
        if left[0] != 0:
            left[0] = left[0] and left[0] - 1
            raise error
        return real()[name](payload)

    lab._tasks = lambda: real() | {name: broken}  # type: ignore[method-assign]


LIVES: list[tuple[Life, str, list[str]]] = [
    (fills_at_once, "filled", AT_ONCE),
    (is_re_pegged, "filled", RE_PEGGED),
    (is_a_bracket, "filled", AT_ONCE),
    (times_out, "unfilled", TIMED_OUT),
    (closes, "filled", CLOSED),
    (is_secured, "failed", SECURED),
]


@pytest.mark.parametrize(("life", "status", "expected"), LIVES, ids=lambda each: getattr(each, "__name__", ""))
def test_an_order_lives_the_same_life_in_both(
    life: Life, status: str, expected: list[str], exchange: ExchangeControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    lived: list[list[str]] = []
    ended: list[list[Any]] = []
    for engine in (Machine, MotoMachine):
        with lab_in(engine, exchange, monkeypatch) as lab:
            lived.append(life(lab))
            views = [order_view(order) for order in lab.orders.newest()]
            ended.append([(view["status"], view["reason"], view["filled_qty"], view["protected"]) for view in views])
            lab.check()
    assert lived[0] == lived[1]
    assert ended[0] == ended[1]
    assert ended[1][0][0] == status
    assert told_once(lived[1]) == expected


@pytest.mark.parametrize(
    ("error", "most"),
    [(LambdaThrottled(), [1, 2, 4, 8, 10, 10, 10, 10, 10, 10]), (ValueError("a defect"), [1, 2, 4, 8])],
    ids=["throttled", "defect"],
)
def test_retriers_count_by_themselves_and_the_first_that_fits_decides(
    error: Exception, most: list[int], exchange: ExchangeControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    with lab_in(MotoMachine, exchange, monkeypatch) as lab:
        break_task(lab, "AssessMarket", error, len(most) + 1)
        entered = works(lab, qty=100)
        assert isinstance(lab.machine, MotoMachine)
        assert len(lab.machine.failures) == len(most) + 1
        assert all(pause <= longest for pause, longest in zip(lab.machine.pauses, most, strict=True))
        assert (lab.machine.pauses == most) is isinstance(error, ValueError), "only what was throttled is jittered"
        assert entered[:2] == ["AssessMarket", "SecurePosition"]


def test_an_execution_that_fails_says_so(exchange: ExchangeControl, monkeypatch: pytest.MonkeyPatch) -> None:
    with lab_in(MotoMachine, exchange, monkeypatch) as lab:
        monkeypatch.setattr("tests.support.stand_ins.second_engine._definition", lambda: "{}")
        with pytest.raises(Exception, match=r"InvalidDefinition|FAILED|StartAt"):
            works(lab, qty=100)
