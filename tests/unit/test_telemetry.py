"""Metrics are lines of the log that CloudWatch reads by itself (EMF)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from contextlib import nullcontext
from decimal import Decimal
from typing import Any

import pytest

from repeg.domain.metrics.listed import Metric
from repeg.domain.metrics.measured import Call, Line
from repeg.telemetry import Calls, EmbeddedMeter, invoked, logger


@pytest.fixture(autouse=True)
def stack(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STACK_NAME", "repeg-paper")


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]


def test_a_line_carries_the_stacks_name_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    EmbeddedMeter().put(Line({Metric.SLIPPAGE_BPS: Decimal("1.23456789")}, about={"order_id": "ord-1"}))
    [line] = lines(capsys)
    [told] = line["_aws"]["CloudWatchMetrics"]
    assert (told["Namespace"], told["Dimensions"]) == ("Repeg", [["service"]])
    assert told["Metrics"] == [{"Name": "SlippageBps", "Unit": "None"}]
    assert (line["service"], line["SlippageBps"], line["order_id"]) == ("repeg-paper", [1.234568], "ord-1")


def test_a_breakdown_is_told_by_each_of_its_dimensions_and_never_for_the_stack(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Else the sum over the stack would count an order twice."""
    EmbeddedMeter().put(Line({Metric.ORDERS: 1}, {"ladder": "standard", "outcome": "filled", "reason": "fill_timeout"}))
    [line] = lines(capsys)
    dimensions = {frozenset(each) for each in line["_aws"]["CloudWatchMetrics"][0]["Dimensions"]}
    assert dimensions == {frozenset({"service", name}) for name in ("ladder", "outcome", "reason")}


def test_gauges_are_kept_by_the_second(capsys: pytest.CaptureFixture[str]) -> None:
    EmbeddedMeter().put(Line({Metric.FILL_GAUGE: Decimal(90), Metric.ORDERS: 1}))
    [line] = lines(capsys)
    told = line["_aws"]["CloudWatchMetrics"][0]["Metrics"]
    assert {each["Name"]: each.get("StorageResolution", 60) for each in told} == {"FillRatePercent": 1, "Orders": 60}


def test_the_calls_of_an_invocation_are_told_together_and_once(capsys: pytest.CaptureFixture[str]) -> None:
    calls = Calls()
    for call in (Call(10, 200, 180), Call(30, 429, 0), Call(20, 503), Call(5000, None)):
        calls.heard(call)
    calls.tell()
    calls.tell()
    [line] = lines(capsys)
    names = ("BrokerCalls", "BrokerErrors", "BrokerUnanswered", "BrokerThrottled", "RequestsLeft")
    assert [line[name] for name in names] == [[4], [2], [1], [1], [0]]
    assert line["BrokerLatency"] == [10, 30, 20, 5000]


def test_a_line_that_asks_for_a_person_is_counted(capsys: pytest.CaptureFixture[str]) -> None:
    logger.error("look at this", alert=True)
    logger.error("and not at this", alert=False)
    logger.error("nor at this")
    assert [line["Alerts"] for line in lines(capsys)] == [[1]]


def test_a_meter_that_fails_stops_nobody(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("STACK_NAME", "")
    EmbeddedMeter().put(Line({Metric.ORDERS: Decimal("NaN")}))
    EmbeddedMeter().put(Line({}))
    assert capsys.readouterr() is not None


def test_a_handler_that_fails_tells_so_and_of_its_calls(capsys: pytest.CaptureFixture[str]) -> None:
    from repeg.telemetry import calls

    @invoked
    def handler(event: dict[str, Any], context: Any) -> None:
        calls.heard(Call(1, 200))
        raise ValueError

    class Context:
        function_name = memory_limit_in_mb = invoked_function_arn = aws_request_id = "x"

    with pytest.raises(ValueError):
        handler({}, Context())
    told = {name: value for line in lines(capsys) for name, value in line.items()}
    assert (told["BrokerCalls"], told["FunctionErrors"]) == ([1], [1])


@pytest.mark.parametrize("fails", [False, True], ids=["hangs", "and fails at last"])
def test_a_handler_whose_time_is_up_tells_so_before_it_is_killed(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture, fails: bool
) -> None:
    class Context:
        function_name = memory_limit_in_mb = invoked_function_arn = aws_request_id = "x"

        def get_remaining_time_in_millis(self) -> int:
            return 0

    @invoked
    def handler(event: dict[str, Any], context: Any) -> None:
        for each in threading.enumerate():
            if isinstance(each, threading.Timer):
                each.join(60)
        if fails:
            raise ValueError

    with pytest.raises(ValueError) if fails else nullcontext():
        handler({}, Context())
    assert [line["FunctionErrors"] for line in lines(capsys)] == [[1]]
    assert "runs into its time-out" in caplog.text


def test_a_handler_that_ends_in_time_leaves_no_last_word_behind(capsys: pytest.CaptureFixture[str]) -> None:
    class Context:
        function_name = memory_limit_in_mb = invoked_function_arn = aws_request_id = "x"

        def get_remaining_time_in_millis(self) -> int:
            return 60_000

    before = threading.active_count()
    invoked(lambda event, context: None)({}, Context())
    for each in threading.enumerate():
        if isinstance(each, threading.Timer):
            each.join(60)
    assert threading.active_count() <= before
    assert not lines(capsys)


def test_a_function_looks_for_garbage_once_it_is_imported_and_never_among_what_was() -> None:
    """A function that never collects grows until it is killed, in the middle of an order."""
    script = "import gc, functions.record_outcome.app; print(gc.isenabled(), gc.get_freeze_count() > 10_000)"
    environment = os.environ | {"AWS_LAMBDA_FUNCTION_NAME": "record-outcome", "PYTHONPATH": os.pathsep.join(sys.path)}
    told = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    assert told.stdout.split() == ["True", "True"]
