"""What an order used of AWS, read off the emulator: histories, logs, and the trail of calls that its functions made."""

from __future__ import annotations

import json
import re
import time
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from desk.bench.bill.table_units import TableUnits
from desk.bench.stage import Course, Stage, Task
from desk.report.prices import Usage

Call = tuple[float, str, dict[str, Any]]
"""Epoch seconds, API name, parameters."""
_REPORT = re.compile(r"^REPORT .*\tDuration: ([\d.]+) ms")
_PLATFORM = ("START ", "END ", "REPORT ")
# Histories tell milliseconds.
_SLACK_S = 0.002
_FUNCTIONS_AGENT = "PT/"


def usage_of(stage: Stage, courses: list[Course], sent: float, over: float) -> Usage:
    """What the executions used that one signal led to, from its sending to its end (epoch seconds).

    The sweep, which comes by each minute, is left out: only calls within a task, or before the first one, count.
    """
    tasks = [task for course in courses for task in course.tasks]
    first = min((task.started for task in tasks), default=over)
    busy = [Task(sent, first), *tasks]
    accepted_ms, log_bytes = _logs(stage, sent, over)
    units, events, secrets = TableUnits(), 0, 0
    for at, call, parameters in _trail(stage, sent):
        mine = within(at, busy)
        units.take(call, parameters, counted=mine)
        if mine and call == "PutEvents":
            events += len(parameters["Entries"])
        elif mine and call == "GetSecretValue":
            secrets += 1
    return Usage(
        transitions=sum(len(course.states) for course in courses),
        invocations=len(tasks) + 1,
        lambda_ms=accepted_ms + sum(task.ended - task.started for task in tasks) * 1000,
        write_units=units.write,
        read_units=units.read,
        events=events,
        log_bytes=log_bytes,
        secret_reads=secrets,
    )


def within(at: float, tasks: Iterable[Task]) -> bool:
    """Whether a moment lies in one of the tasks."""
    return any(task.started - _SLACK_S <= at <= task.ended + _SLACK_S for task in tasks)


def _trail(stage: Stage, since: float) -> list[Call]:
    """The functions' calls, oldest first. The emulator hands out fifty at a time, the newest first."""
    found: dict[str, Call] = {}
    seen: set[str] = set()
    end = time.time()
    while True:
        events = stage.trail(end)
        fresh = [event for event in events if event["EventId"] not in seen and event["EventTime"] >= since]
        if not fresh:
            return sorted(found.values(), key=lambda call: call[0])
        for event in fresh:
            seen.add(event["EventId"])
            told = json.loads(event["CloudTrailEvent"])
            if _FUNCTIONS_AGENT in told["userAgent"]:
                found[event["EventId"]] = (event["EventTime"], event["EventName"], told["requestParameters"])
        end = min(event["EventTime"] for event in fresh)


def _logs(stage: Stage, sent: float, over: float) -> tuple[float, int]:
    """Milliseconds of AcceptSignal, and bytes that the functions logged."""
    streams: dict[str, list[str]] = defaultdict(list)
    pages = stage.connection.logs.get_paginator("filter_log_events").paginate(
        logGroupName=stage.connection.log_group, startTime=int(sent * 1000), endTime=int(over * 1000) + 1000
    )
    for page in pages:
        for event in page["events"]:
            streams[event["logStreamName"]].append(event["message"])
    accept = f'"{stage.connection.function("accept_signal")}"'
    spent, size = 0.0, 0
    for lines in streams.values():
        size += sum(len(line.encode()) for line in lines if not line.startswith(_PLATFORM))
        if any(accept in line for line in lines):
            spent += sum(float(found[1]) for line in lines if (found := _REPORT.match(line)))
    return spent, size
