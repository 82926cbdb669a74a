"""Fires the schedules on market time, for EventBridge knows only the wall's: those with a rule while it is enabled, the
others while the deployment has them on.
"""

from __future__ import annotations

import json
import sys
import threading
from datetime import datetime, timedelta
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from desk.exchange.client import ExchangeControl, ExchangeRefused
from desk.stack.connection import Connection, connect_local
from desk.stack.place import Status
from desk.stack.schedules import Desk
from repeg.domain.schedule.times import Schedule, fires_within

EVERY = {"sweep_orders": 1, "reconcile_book": 5}
"""Market minutes between two firings, as the template has them."""
JUMP = timedelta(minutes=2)
"""Time that passes between two looks is shorter; a clock that is set over a firing by more passes it by."""


class Schedules:
    """Watches the market's clock and invokes what is due. A firing that is still running is not fired again."""

    def __init__(self, endpoint_url: str, exchange: ExchangeControl) -> None:
        self._endpoint_url = endpoint_url
        self._exchange = exchange
        self._minute: int | None = None
        self._looked_at: datetime | None = None
        self._running: dict[str, threading.Thread] = {}
        self._fired: list[threading.Thread] = []

    @staticmethod
    def pause(speed: float) -> float:
        """Wall seconds between two looks at the clock: some ten to a market minute, but neither hasty nor lazy."""
        return min(max(6 / speed, 0.25), 2.0)

    def look(self, status: Status) -> None:
        """Fires what is due, once for however many minutes went by."""
        try:
            now = datetime.fromisoformat(self._exchange.clock().now)
        except (OSError, ExchangeRefused) as problem:
            print(f"the exchange's clock cannot be read: {problem}", file=sys.stderr, flush=True)
            return
        minute = int(now.timestamp() // 60)
        self._look_at_times(status, now)
        for function, minutes in EVERY.items():
            if self._minute is not None and self._minute // minutes != minute // minutes:
                self._fire(status, function)
        self._minute = minute

    def _look_at_times(self, status: Status, now: datetime) -> None:
        """A firing lies between the last look and this one; or in this very minute, into which the clock was set."""
        minute = now.replace(second=0, microsecond=0)
        since, self._looked_at = self._looked_at, now
        if since is None or not since <= now < since + JUMP:
            since = minute - timedelta(seconds=1)
        for schedule in Schedule:
            if fires_within(schedule, since, now):
                thread = threading.Thread(target=_fire_scheduled, args=(status, schedule), daemon=True)
                self._fired = [*(known for known in self._fired if known.is_alive()), thread]
                thread.start()

    def _fire(self, status: Status, function: str) -> None:
        running = self._running.get(function)
        if running and running.is_alive():
            return
        thread = threading.Thread(target=_invoke, args=(status, function), daemon=True)
        self._running[function] = thread
        thread.start()


def enabled(connection: Connection, function: str) -> bool:
    """Whether a rule fires the function: somebody may have disabled it, as on AWS."""
    deployed = connection.lambda_.get_function_configuration(FunctionName=connection.function(function))
    names = connection.events.list_rule_names_by_target(TargetArn=deployed["FunctionArn"])["RuleNames"]
    return any(connection.events.describe_rule(Name=name)["State"] == "ENABLED" for name in names)


def _invoke(status: Status, function: str) -> None:
    connection = connect_local(status)
    try:
        if not enabled(connection, function):
            return
        answer: dict[str, Any] = connection.lambda_.invoke(FunctionName=connection.function(function), Payload=b"{}")
    except (BotoCoreError, ClientError) as problem:
        print(f"{function} could not be fired: {problem}", file=sys.stderr, flush=True)
        return
    if "FunctionError" in answer:
        print(f"{function} failed: {answer['Payload'].read().decode()}", file=sys.stderr, flush=True)


def _fire_scheduled(status: Status, schedule: Schedule) -> None:
    """As EventBridge does: the event is handed over, and Lambda tries again by itself what fails."""
    connection = connect_local(status)
    try:
        if schedule in Desk(connection).on:
            event = json.dumps({"schedule": schedule.value}).encode()
            function = connection.function("run_schedule")
            connection.lambda_.invoke(FunctionName=function, InvocationType="Event", Payload=event)
    except (BotoCoreError, ClientError) as problem:
        print(f"{schedule} could not be fired: {problem}", file=sys.stderr, flush=True)
