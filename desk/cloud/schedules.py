"""Fires the schedules on market time, for EventBridge knows only the wall's, and only while their rule is enabled."""

from __future__ import annotations

import sys
import threading
from datetime import datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from desk.exchange.client import ExchangeControl, ExchangeRefused
from desk.stack.connection import Connection, connect_local
from desk.stack.place import Status

EVERY_MINUTE = ("sweep_orders",)


class Schedules:
    """Watches the market's clock and invokes what is due. A firing that is still running is not fired again."""

    def __init__(self, endpoint_url: str, exchange: ExchangeControl) -> None:
        self._endpoint_url = endpoint_url
        self._exchange = exchange
        self._minute: int | None = None
        self._running: dict[str, threading.Thread] = {}

    @staticmethod
    def pause(speed: float) -> float:
        """Wall seconds between two looks at the clock: some ten to a market minute, but neither hasty nor lazy."""
        return min(max(6 / speed, 0.25), 2.0)

    def look(self, status: Status) -> None:
        """Fires what is due, once for however many minutes went by."""
        try:
            minute = int(datetime.fromisoformat(self._exchange.clock().now).timestamp() // 60)
        except (OSError, ExchangeRefused) as problem:
            print(f"the exchange's clock cannot be read: {problem}", file=sys.stderr, flush=True)
            return
        if self._minute not in (None, minute):
            for function in EVERY_MINUTE:
                self._fire(status, function)
        self._minute = minute

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
