"""What is looked at of a stack, and how often: together less than four read units a second while nothing happens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from desk.blotter.alerts import Alerts
from desk.blotter.book import Book
from desk.blotter.closings import Closings
from desk.blotter.feed import Shown
from desk.blotter.glances import Glances
from desk.blotter.holdings import Holdings
from desk.blotter.realised import Realised
from desk.blotter.rows import figure_rows, halt_row
from desk.blotter.watch import Source, Watcher
from desk.doctor.case import Case
from desk.positions.gains import splits_in_force
from desk.stack import intake
from desk.stack.alarms import described, since_of
from desk.stack.connection import Connection
from desk.stack.control import Switch
from desk.stack.market_time import measured_now
from desk.stack.records import Records, records_of
from repeg.domain.metrics.figures import LOOKED_AT

BOOK, HALTS, FIGURES, ALARMS, HOLDINGS, INTAKE = "orders", "halts", "figures", "alarms", "broker", "intake"
ALERTS, REALISED = "alerts", "realised"
# What changes by the second is looked at twice in it: a change is on the page within one.
BOOK_S, HALTS_S = 0.4, 1.0
FIGURES_S, INTAKE_S = 15.0, 10.0
QUOTES_S = 2.0
ALARMS_LOCAL_S, ALARMS_S = 5.0, 30.0
ALERTS_LOCAL_S, ALERTS_S = 3.0, 10.0
OF_POSITIONS = ("filled_qty", "holds", "stop_loss", "take_profit", "protected")
"""What of an order's row changes what is held, or what guards it."""
REALISED_S = 15.0
"""Where nothing traded only a new day is looked for."""
REALISED_AFTER_S = 2.0
"""It reads all orders that there ever were: the page comes first."""
BROKER_TROUBLE_S = 20.0
"""Each try at a broker that does not answer takes two trading requests."""


@dataclass(frozen=True)
class Reached:
    """A stack, and what of it the blotter reads and writes."""

    connection: Connection
    records: Records
    switch: Switch
    watcher: Watcher
    closings: Closings
    alerts: Alerts


def reached(connection: Connection, reach: Callable[[], Case]) -> Reached:
    """A stack whose sources are ready to be watched; `reach` finds the broker."""
    records = records_of(connection)
    switch = Switch.of(connection)
    book = Book(records, Glances(connection.dynamodb, connection.table))
    holdings = Holdings(reach)
    alerts = Alerts(connection)
    realised = Realised(records.orders, lambda: measured_now(connection), lambda books: splits_in_force(reach(), books))
    # Made before any thread asks for them: a session must not make clients in several threads.
    for client in ("cloudwatch", "lambda_", "logs", "sqs", "events"):
        getattr(connection, client)
    sources = (
        Source(BOOK, book.look, BOOK_S, after_trouble=2.0),
        Source(HALTS, lambda: _halts(switch), HALTS_S),
        Source(FIGURES, lambda: {"figures": figure_rows(records.orders.marks(LOOKED_AT))}, FIGURES_S),
        Source(ALARMS, lambda: _alarms(connection), ALARMS_LOCAL_S if connection.is_local else ALARMS_S),
        Source(INTAKE, lambda: {"intake": {"intake": intake.look(connection).document()}}, INTAKE_S),
        Source(ALERTS, alerts.look, ALERTS_LOCAL_S if connection.is_local else ALERTS_S),
        Source(HOLDINGS, holdings.look, QUOTES_S, after_trouble=BROKER_TROUBLE_S),
        Source(REALISED, realised.look, REALISED_S, begins_after=REALISED_AFTER_S),
    )

    def hear(before: Shown, now: Shown) -> None:
        _hear(watcher, holdings, realised, before, now)

    watcher = Watcher(sources, hear)
    return Reached(connection, records, switch, watcher, Closings(reach, switch), alerts)


def _halts(switch: Switch) -> Shown:
    return {"halts": dict(halt_row(halt, number) for number, halt in enumerate(switch.words()))}


def _alarms(connection: Connection) -> Shown:
    prefix = f"{connection.stack}-"
    return {
        "alarms": {
            name: {
                "name": name,
                "state": alarm["StateValue"],
                "since": _text(since_of(connection, alarm)),
                "says": alarm.get("AlarmDescription", ""),
                "muted": not alarm.get("ActionsEnabled", True),
            }
            for alarm in described(connection)
            for name in [str(alarm["AlarmName"]).removeprefix(prefix)]
        }
    }


def _hear(watcher: Watcher, holdings: Holdings, realised: Realised, before: Shown, now: Shown) -> None:
    """What was filled changes the account and what was earned, what is over the figures."""
    if now.get("orders") is before.get("orders"):
        return
    old, rows = before.get("orders", {}), now.get("orders", {})
    holdings.watch(frozenset(row["symbol"] for row in rows.values() if row["live"] and row["symbol"]))
    traded = [key for key, row in rows.items() if old.get(key) is not row and row["filled_qty"] != "0"]
    if traded and "orders" in before:
        realised.note(traded)
        watcher.poke(REALISED)
    changed = [(old[key], row) for key, row in rows.items() if key in old and old[key] is not row]
    if any(was[name] != row[name] for was, row in changed for name in OF_POSITIONS):
        holdings.hurry()
        watcher.poke(HOLDINGS)
    if any(was["live"] and not row["live"] for was, row in changed):
        watcher.poke(FIGURES)


def _text(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
