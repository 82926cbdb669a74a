"""What a line of `repeg alerts` is about can be looked up by what it says."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
from rich.console import Console

from desk.cli.alerts import table
from desk.stack import alerts
from desk.stack.connection import Connection
from desk.stack.market_time import Setting
from tests.support.make import NOON

_LINE = '{"alert": true, "message": "done with residual", %s}'


@pytest.mark.parametrize("about", ['"order_id": "ord-1"', '"rebalance_id": "reb-1"'])
def test_an_alert_names_its_order_or_its_rebalance(monkeypatch: pytest.MonkeyPatch, about: str) -> None:
    event = {"timestamp": NOON.timestamp() * 1000, "message": _LINE % about}
    logs = SimpleNamespace(filter_log_events=lambda **_: {"events": [event]})
    monkeypatch.setattr(alerts, "Notes", lambda *_: SimpleNamespace(acknowledged=frozenset))
    stack: Any = SimpleNamespace(log_group="logs", is_local=True, logs=logs, dynamodb=None, table="table")
    found = alerts.find_alerts(cast(Connection, stack), NOON, NOON, pages=1)
    name = about.split('"')[3]
    assert name in found.alerts[0].document().values()
    console = Console(width=120)
    with console.capture() as shown:
        console.print(table(found.alerts, Setting("")))
    assert name in shown.get()
