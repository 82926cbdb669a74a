"""The local cloud's metrics and alarms, on AWS as moto plays it: each line counted once, whatever the clock does."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from desk.cloud.watch import lines as lines_module
from desk.cloud.watch import watch as module
from desk.cloud.watch.counts import Executions, queues
from desk.cloud.watch.lines import LogLines
from desk.cloud.watch.watch import Watch
from desk.stack.market_time import Setting
from desk.stack.place import Status
from tests.support.clinic import LOGS, Clinic, open_clinic


@pytest.fixture
def clinic(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Clinic]:
    with open_clinic(monkeypatch, tmp_path) as stack:
        yield stack


def emf(value: float, service: str = "repeg") -> str:
    directive = {"Namespace": "Repeg", "Dimensions": [["service"]], "Metrics": [{"Name": "Signals", "Unit": "Count"}]}
    return json.dumps({"_aws": {"CloudWatchMetrics": [directive]}, "service": service, "Signals": value})


class Log:
    """The stack's log group, as functions write to it."""

    def __init__(self, clinic: Clinic) -> None:
        self._logs = clinic["logs"]
        self._start = int(time.time() * 1000) - 3_600_000

    def write(self, *messages: str, at: int = 0, stream: str = "any") -> None:
        """`at`: ms from the beginning."""
        if stream != "any":
            self._logs.create_log_stream(logGroupName=LOGS, logStreamName=stream)
        events = [{"timestamp": self._start + at, "message": message} for message in messages]
        self._logs.put_log_events(logGroupName=LOGS, logStreamName=stream, logEvents=events)


class CutOff:
    """Logs that give no more than they may at once and no token, as the emulator does."""

    def __init__(self, logs: Any, most: int) -> None:
        self._logs, self._most = logs, most

    def filter_log_events(self, **asked: Any) -> dict[str, Any]:
        answer = self._logs.filter_log_events(**asked | {"limit": 10_000})
        return {"events": answer["events"][: self._most]}


@pytest.fixture
def log(clinic: Clinic) -> Log:
    return Log(clinic)


def new(read: LogLines) -> list[str]:
    return [line.message for line in read.new()]


def test_each_line_is_new_once_and_a_late_one_too(clinic: Clinic, log: Log) -> None:
    read = LogLines(clinic["logs"], LOGS)
    log.write("a", "b", at=10)
    assert new(read) == ["a", "b"]
    assert new(read) == []
    log.write("late", at=5, stream="another")
    log.write("c", at=4000)
    assert sorted(new(read)) == ["c", "late"]
    assert new(read) == []


def test_equal_lines_of_one_millisecond_are_as_many_as_they_are(clinic: Clinic, log: Log) -> None:
    read = LogLines(clinic["logs"], LOGS)
    log.write("same", "same")
    assert new(read) == ["same", "same"]
    log.write("same")
    assert new(read) == ["same"]


@pytest.mark.parametrize("cut", [False, True])
def test_all_pages_are_read(cut: bool, clinic: Clinic, log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines_module, "_MOST", 3)
    read = LogLines(CutOff(clinic["logs"], 3) if cut else clinic["logs"], LOGS)
    for number in range(8):
        log.write(f"line {number}", at=number)
    assert new(read) == [f"line {number}" for number in range(8)]
    log.write("x", "y", at=7)
    assert new(read) == ["x", "y"]


def test_queues_say_how_full_they_are(clinic: Clinic) -> None:
    clinic["sqs"].send_message(
        QueueUrl=clinic.dlq_url, MessageBody="any", MessageGroupId="a", MessageDeduplicationId="1"
    )
    found = {(one.dimensions["QueueName"], one.name): one.values for one in queues(clinic["sqs"], 5.0)}
    name = clinic.dlq_url.rpartition("/")[2]
    assert found[(name, "ApproximateNumberOfMessagesVisible")] == (1.0,)
    assert found[(name, "ApproximateNumberOfMessagesNotVisible")] == (0.0,)


class Machine:
    """Step Functions with executions that a test begins and ends; the last begun is listed first."""

    def __init__(self) -> None:
        self.statuses: dict[str, str] = {}

    def get_paginator(self, operation: str) -> Machine:
        return self

    def paginate(self, statusFilter: str = "", **_: Any) -> Iterator[dict[str, Any]]:
        found = [
            {"executionArn": arn, "status": status}
            for arn, status in reversed(self.statuses.items())
            if statusFilter in ("", status)
        ]
        for page in itertools.batched(found, 2) if hasattr(itertools, "batched") else [found]:
            yield {"executions": page}

    def describe_execution(self, executionArn: str) -> dict[str, str]:
        return {"status": self.statuses[executionArn]}


def test_beginnings_and_ends_of_executions_are_counted_once() -> None:
    machine = Machine()
    executions = Executions(machine, ["m"])

    def counted(**statuses: str) -> dict[str, float]:
        machine.statuses |= statuses
        return {one.name.removeprefix("Executions"): one.values[0] for one in executions.counted()}

    assert counted() == {}
    assert counted(a="RUNNING", b="SUCCEEDED", c="RUNNING") == {"Started": 3.0, "Succeeded": 1.0}
    assert counted() == {}
    assert counted(a="FAILED", d="ABORTED") == {"Started": 1.0, "Failed": 1.0, "Aborted": 1.0}
    assert counted(c="TIMED_OUT") == {"TimedOut": 1.0}
    assert counted() == {}


class Clock:
    """A market clock that stands where the test puts it, or runs."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC).replace(second=30, microsecond=0)

    def setting(self, speed: int = 0) -> Setting:
        return Setting(f"{int(self.now.timestamp() * 1e9)} {time.monotonic_ns()} {speed} 1")

    def pass_minutes(self, minutes: int = 1) -> None:
        self.now += timedelta(minutes=minutes)


@pytest.fixture
def watched(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> Clinic:
    monkeypatch.setattr(module, "connect_local", lambda status, config: clinic.case.connection)
    clinic["cloudwatch"].put_metric_alarm(
        AlarmName="repeg-many-signals",
        Namespace="Repeg",
        MetricName="Signals",
        Dimensions=[{"Name": "service", "Value": "repeg"}],
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=10.0,
        ComparisonOperator="GreaterThanThreshold",
        TreatMissingData="notBreaching",
    )
    return clinic


def state(clinic: Clinic, name: str = "repeg-many-signals") -> str:
    [alarm] = clinic["cloudwatch"].describe_alarms(AlarmNames=[name])["MetricAlarms"]
    return str(alarm["StateValue"])


def total(clinic: Clinic, clock: Clock) -> float:
    answer = clinic["cloudwatch"].get_metric_statistics(
        Namespace="Repeg",
        MetricName="Signals",
        Dimensions=[{"Name": "service", "Value": "repeg"}],
        StartTime=clock.now - timedelta(days=1),
        EndTime=clock.now + timedelta(minutes=5),
        Period=60,
        Statistics=["Sum"],
    )
    return sum(point["Sum"] for point in answer["Datapoints"])


def test_what_is_logged_is_measured_rings_and_clears(watched: Clinic, log: Log) -> None:
    watch, clock = Watch(), Clock()
    watch.look(Status(), clock.setting())
    assert state(watched) == "OK"
    log.write(emf(6), emf(6), emf(100, service="another"))
    watch.look(Status(), clock.setting())
    watch.look(Status(), clock.setting())
    assert (state(watched), total(watched, clock)) == ("OK", 12.0), "the minute still runs"
    clock.pass_minutes()
    watch.look(Status(), clock.setting())
    assert state(watched) == "ALARM"
    clock.pass_minutes(5)
    watch.look(Status(), clock.setting())
    assert (state(watched), total(watched, clock)) == ("OK", 12.0)


def test_a_clock_that_is_set_back_or_stands_still_harms_nothing(watched: Clinic, log: Log) -> None:
    watch, clock = Watch(), Clock()
    for minutes in (0, 90, -200, 0, 3):
        clock.pass_minutes(minutes)
        log.write(emf(1))
        watch.look(Status(), clock.setting(speed=minutes % 2))
    clock.pass_minutes(300)
    assert total(watched, clock) == 5.0


def test_what_could_not_be_handed_over_is_not_lost(watched: Clinic, log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    watch, clock, cloudwatch = Watch(), Clock(), watched["cloudwatch"]
    watch.look(Status(), clock.setting())

    def refuse(**_: Any) -> None:
        raise ClientError({"Error": {"Code": "InternalFailure"}}, "PutMetricData")

    log.write(emf(3))
    with monkeypatch.context() as broken:
        broken.setattr(cloudwatch, "put_metric_data", refuse)
        with pytest.raises(ClientError):
            watch.look(Status(), clock.setting())
    assert total(watched, clock) == 0
    watch.look(Status(), clock.setting())
    assert total(watched, clock) == 3.0


def test_an_alarm_on_math_or_of_another_metric_is_left_as_it_is(watched: Clinic) -> None:
    watch, clock = Watch(), Clock()
    query = {"Id": "m", "Expression": "1 + 1", "ReturnData": True}
    watched["cloudwatch"].put_metric_alarm(
        AlarmName="math",
        Metrics=[query],
        EvaluationPeriods=1,
        Threshold=1.0,
        ComparisonOperator="GreaterThanThreshold",
    )
    before = state(watched, "math")
    watch.look(Status(), clock.setting())
    assert state(watched, "math") == before
