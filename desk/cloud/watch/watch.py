"""Keeps the local cloud's metrics and judges its alarms, on market time."""

from __future__ import annotations

import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from desk.cloud.watch import measured
from desk.cloud.watch.counts import Executions, queues
from desk.cloud.watch.emf import Datum, metrics_of
from desk.cloud.watch.judge import MINUTE, judge, judged, step
from desk.cloud.watch.lines import Line, LogLines
from desk.stack.connection import Connection, connect_local
from desk.stack.market_time import Setting
from desk.stack.place import Place, Status

MOST_AT_ONCE = 500
_UNCHECKED = "Unchecked"
_LONGEST_REASON = 1023
# Nothing is asked twice: a call that worked and was not answered would count what it brought a second time.
_ONCE = Config(connect_timeout=5, read_timeout=20, retries={"total_max_attempts": 1})


def keep_watch(place: Place, stop: threading.Event) -> None:
    """Looks on and on until `stop`. What goes wrong is said and tried again: nothing else hangs on it."""
    watch = Watch()
    while not stop.wait(pause(Setting.read(place.clock).speed)):
        ready = place.stack()
        try:
            if ready:
                watch.look(ready, Setting.read(place.clock))
        except (BotoCoreError, ClientError) as problem:
            print(f"metrics and alarms: {problem}", file=sys.stderr, flush=True)


def pause(speed: float) -> float:
    """Wall seconds between two looks: some five to a market minute, but neither hasty nor lazy."""
    return min(max(12 / max(speed, 1), 0.5), 2.0)


class Watch:
    """Looks at one stack, again and again."""

    def __init__(self) -> None:
        self._status: Status | None = None
        self._setting: Setting | None = None
        self._since = self._looked_at = 0.0
        self._step, self._judged = MINUTE, -1
        self._pending: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)

    def look(self, status: Status, setting: Setting) -> None:
        """Takes in what was logged; once a market minute asks the services, too, and judges the alarms."""
        if status != self._status:
            self._begin(connect_local(status, _ONCE))
            self._status = status
        now, speed, wall = setting.now(), setting.speed, time.time()
        if setting != self._setting:
            self._setting, self._since, self._looked_at, self._judged = setting, now, now, -1
        for line in self._lines.new():
            self._take(line, now, lambda at: now - (wall - at) * speed)
        due = int(now // self._step) != self._judged
        if due:
            self._ask(now, speed)
        self._put()
        self._looked_at = now
        if due:
            self._judge(now)
            self._judged = int(now // self._step)

    def _begin(self, connection: Connection) -> None:
        self._connection = connection
        self._lines = LogLines(connection.logs, connection.log_group)
        self._executions = Executions(connection.stepfunctions, connection.state_machines.values())

    def _take(self, line: Line, now: float, market: Callable[[float], float]) -> None:
        """A line that was seen late is measured when it was seen: its minute has been judged."""
        for datum in metrics_of(line.message):
            at = market(line.at if datum.at is None else datum.at)
            self._add(datum, min(max(at, self._looked_at), now))

    def _add(self, datum: Datum, at: float) -> None:
        self._pending[datum.namespace].append(datum.document(at))

    def _ask(self, now: float, speed: float) -> None:
        """What is found has happened by the end of the minute that is over, which is judged next."""
        at = now // self._step * self._step - 0.001
        for found in (self._executions.counted(), queues(self._connection.sqs, speed)):
            for datum in found:
                self._add(datum, at)

    def _put(self) -> None:
        """Hands over what was gathered; what could not be is kept for the next look."""
        for namespace, data in self._pending.items():
            while data:
                part = data[:MOST_AT_ONCE]
                self._connection.cloudwatch.put_metric_data(Namespace=namespace, MetricData=part)
                del data[: len(part)]

    def _judge(self, now: float) -> None:
        cloudwatch = self._connection.cloudwatch
        pages = cloudwatch.get_paginator("describe_alarms").paginate(AlarmTypes=["MetricAlarm"])
        alarms = [alarm for page in pages for alarm in page["MetricAlarms"] if judged(alarm)]
        self._step = min((step(alarm) for alarm in alarms), default=MINUTE)
        found = measured.read(cloudwatch, alarms, now)
        for alarm in alarms:
            verdict = judge(alarm, found[measured.Metric.of(alarm)], now, self._since)
            first = alarm["StateReason"].startswith(_UNCHECKED) and alarm["StateReason"] != verdict.reason
            if first or verdict.state != alarm["StateValue"]:
                reason = verdict.reason[:_LONGEST_REASON]
                cloudwatch.set_alarm_state(AlarmName=alarm["AlarmName"], StateValue=verdict.state, StateReason=reason)
