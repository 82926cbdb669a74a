"""Alerts of a stack: lines in its log that ask for a person, and which of them still do."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from desk.stack.connection import Connection
from desk.stack.notes import Notes
from repeg.domain.order.record import Order
from repeg.store.orders import OrderStore

PAGE = 1000
SETTLED = timedelta(minutes=2)
"""A record that could not be saved does not know its trouble, which is told anew each minute then: it is not over."""

Trouble = tuple[str, str]
"""An order's id, and the name of what lasts."""

# The emulator knows single terms only and takes every JSON pattern for "all".
_PATTERN, _TERM = "{ $.alert IS TRUE }", '"alert":true'


class State(StrEnum):
    """Whether an alert still asks for a person."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    OVER = "over"
    """It told of trouble that lasts, which does not last any more."""


@dataclass(frozen=True)
class Alert:
    """One line. `at` is the wall's time; `lasting` names trouble that the order's record tells the end of."""

    alert_id: str
    at: datetime
    text: str
    order_id: str | None = None
    rebalance_id: str | None = None
    symbol: str | None = None
    lasting: str | None = None
    state: State = State.OPEN

    def document(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "alert_id": self.alert_id,
            "at": self.at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "state": self.state.value,
            "alert": self.text,
            "order_id": self.order_id,
            "rebalance_id": self.rebalance_id,
            "symbol": self.symbol,
        }


@dataclass(frozen=True)
class Found:
    """Alerts, oldest first. Not `complete`: the log was not read to its end, and later ones may be missing."""

    alerts: tuple[Alert, ...]
    complete: bool

    @property
    def open(self) -> tuple[Alert, ...]:
        """Those that still ask for a person."""
        return tuple(alert for alert in self.alerts if alert.state is State.OPEN)


def find_alerts(connection: Connection, since: datetime, now: datetime, pages: int) -> Found:
    """Alerts from then until now, from at most so many pages of the log, each with its state."""
    alerts, complete = read(connection, since, pages)
    return Found(judged(connection, alerts, now), complete)


def judged(connection: Connection, alerts: list[Alert], now: datetime) -> tuple[Alert, ...]:
    """The same alerts, each with its state as it is now."""
    if not alerts:
        return ()
    seen = Notes(connection.dynamodb, connection.table).acknowledged()
    over = _over(OrderStore(connection.dynamodb, connection.table), alerts, now)
    return tuple(_judged(alert, seen, over) for alert in alerts)


def acknowledge(connection: Connection, found: Found) -> Found:
    """The same alerts, none of which asks for a person any more; what came since they were found still does."""
    Notes(connection.dynamodb, connection.table).acknowledge(alert.alert_id for alert in found.open)
    return Found(tuple(_seen(alert) for alert in found.alerts), found.complete)


def _seen(alert: Alert) -> Alert:
    return replace(alert, state=State.ACKNOWLEDGED) if alert.state is State.OPEN else alert


def _judged(alert: Alert, seen: frozenset[str], over: set[Trouble]) -> Alert:
    if alert.alert_id in seen:
        return replace(alert, state=State.ACKNOWLEDGED)
    return replace(alert, state=State.OVER) if _trouble(alert) in over else alert


def _trouble(alert: Alert) -> Trouble | None:
    return (alert.order_id, alert.lasting) if alert.order_id and alert.lasting else None


def _over(orders: OrderStore, alerts: list[Alert], now: datetime) -> set[Trouble]:
    """Lasting trouble that its order's record does not know any more, and that nobody told of for a while."""
    newest = {trouble: alert.at for alert in alerts if (trouble := _trouble(alert))}
    quiet = [trouble for trouble, at in newest.items() if now - at > SETTLED]
    records = {order_id: orders.get(order_id) for order_id, _ in quiet}
    return {(order_id, what) for order_id, what in quiet if _ended(records[order_id], what)}


def _ended(order: Order | None, what: str) -> bool:
    return order is not None and all(told.what != what for told in order.told)


def read(connection: Connection, since: datetime, pages: int) -> tuple[list[Alert], bool]:
    """Alert lines, oldest first, whose states nobody has looked at, and whether these are all."""
    query: dict[str, Any] = {
        "logGroupName": connection.log_group,
        "filterPattern": _TERM if connection.is_local else _PATTERN,
        "startTime": int(since.timestamp() * 1000),
        "limit": PAGE,
    }
    found: list[Alert] = []
    for _ in range(pages):
        answer = connection.logs.filter_log_events(**query)
        found += [alert for event in answer["events"] if (alert := _alert(event))]
        if "nextToken" not in answer:
            return sorted(found, key=lambda alert: alert.at), True
        query["nextToken"] = answer["nextToken"]
    return sorted(found, key=lambda alert: alert.at), False


def _alert(event: dict[str, Any]) -> Alert | None:
    line = _parsed(event["message"])
    if line.get("alert") is not True:
        return None
    digest = hashlib.sha256(f"{event['timestamp']} {event['message']}".encode()).hexdigest()
    return Alert(
        alert_id=digest[:16],
        at=datetime.fromtimestamp(event["timestamp"] / 1000, tz=UTC),
        text=str(line.get("message")),
        order_id=line.get("order_id"),
        rebalance_id=line.get("rebalance_id"),
        symbol=line.get("symbol"),
        lasting=line.get("lasting"),
    )


def _parsed(message: str) -> dict[str, Any]:
    try:
        line = json.loads(message)
    except ValueError:
        return {}
    return line if isinstance(line, dict) else {}
