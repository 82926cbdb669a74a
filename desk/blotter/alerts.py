"""Alerts that still ask for a person: what `repeg alerts` calls open, of the last day, read as the log grows."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from threading import Lock

from desk.blotter.feed import Row, Shown
from desk.stack.alerts import Alert, State, judged, read
from desk.stack.connection import Connection
from desk.stack.market_time import wall_clock
from desk.stack.notes import Notes

DAY = timedelta(days=1)
LATE = timedelta(minutes=2)
"""A line may be found in the log only some time after it was written."""
PAGES = 200
MOST = 100
"""Of the open ones, the newest: a stack that is in trouble all day says so each minute."""


class Alerts:
    """Table `alerts`. `look` is for one thread at a time."""

    def __init__(self, connection: Connection, wall: Callable[[], datetime] = wall_clock) -> None:
        self._connection = connection
        self._wall = wall
        self._known: dict[str, Alert] = {}
        self._read_to: datetime | None = None
        self._open: tuple[Alert, ...] = ()
        self._lock = Lock()

    def look(self) -> Shown:
        """Raises LookupError: the log has more lines than are read at a time, so later alerts may be missing."""
        now = self._wall()
        begin = max(self._read_to or now - DAY, now - DAY)
        found, complete = read(self._connection, begin, PAGES)
        if not complete:
            raise LookupError(f"the log since {begin:%H:%M} UTC is too long to be read here: repeg alerts")
        self._read_to = now - LATE
        known = self._known | {alert.alert_id: alert for alert in found}
        self._known = {name: alert for name, alert in known.items() if alert.at > now - DAY}
        states = judged(self._connection, sorted(self._known.values(), key=lambda alert: alert.at), now)
        with self._lock:
            self._open = tuple(alert for alert in states if alert.state is State.OPEN)
            return {"alerts": {alert.alert_id: _row(alert) for alert in self._open[-MOST:]}}

    def acknowledge(self, names: Iterable[str]) -> int:
        """Note that somebody has seen those of these that are open; how many they are. From any thread."""
        wanted = set(names)
        with self._lock:
            seen = [alert.alert_id for alert in self._open if alert.alert_id in wanted]
        if seen:
            Notes(self._connection.dynamodb, self._connection.table).acknowledge(seen)
        return len(seen)


def _row(alert: Alert) -> Row:
    document = alert.document()
    return {name: document[name] for name in ("alert_id", "at", "alert", "order_id", "rebalance_id", "symbol")}
