"""A book that becomes another by schedule: targets on record, fired at 09:25, sold and bought at the open."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from desk.demo.story import Touch
from desk.exchange.client import ExchangeControl
from desk.stack.connection import Connection
from desk.stack.records import records_of
from repeg.domain.market.sessions import EASTERN
from repeg.store.schedules import KeptTargets, ScheduleStore

View = dict[str, Any]
TITLE = "A rebalance by schedule"
ACT = (
    "Wednesday 09:25, five minutes before the open: TQQQ 60 %, SPY 40 % from a book of AAPL and QQQ; "
    "what the stories above have left without protection, as SPXL and SOXL, has no target and is sold with it"
)
FIRES_AT, OPENS_SOON = "2026-11-25T09:25:00-05:00", "2026-11-25T09:29:10-05:00"
OPENS_AT = "2026-11-25T09:30:00-05:00"
SIGNAL_ID = "market-open-rebalance-2026-11-25"
TARGETS = {"TQQQ": "0.6", "SPY": "0.4"}
BOOK = {"AAPL": ("150", "221.40"), "QQQ": ("60", "498.10")}
"""Shares, and what one cost."""
AT_THE_OPEN = {
    "AAPL": Touch("229.88", "230.06", 900),
    "QQQ": Touch("519.30", "519.48", 1500),
    "TQQQ": Touch("50.90", "50.99", 3000),
    "SPY": Touch("602.02", "602.17", 1500),
}
SETTLED = {
    "AAPL": Touch("229.96", "229.99", 900),
    "QQQ": Touch("519.40", "519.42", 1500),
    "TQQQ": Touch("50.95", "50.97", 3000),
    "SPY": Touch("602.10", "602.12", 1500),
}
"""Half a minute after the open the spreads have narrowed."""
POLL_SECONDS = 0.2
LONGEST_MARKET_SECONDS = 240.0


@dataclass(frozen=True)
class RebalanceVerdict:
    """The rebalance with its legs (None: it never appeared), and every way in which it is not as expected."""

    view: View | None
    differences: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """True when all is as expected."""
        return not self.differences


def play(
    connection: Connection, exchange: ExchangeControl, timeout: float, told: Callable[[str], None]
) -> RebalanceVerdict:
    """Fire the schedule and follow the rebalance, at most `timeout` wall seconds. `told` hears its events."""
    exchange.set_clock(FIRES_AT)
    for symbol, (shares, cost) in BOOK.items():
        exchange.position(symbol, shares, cost)
    for symbol, touch in AT_THE_OPEN.items():
        exchange.quote(symbol, **touch.fields)
        narrow = {"at": "2026-11-25T09:30:30-05:00", "symbol": symbol, **SETTLED[symbol].fields}
        exchange.script(narrow)
    kept = KeptTargets(json.dumps({"strategy": "demo", "targets": TARGETS}), datetime.now(UTC).isoformat())
    ScheduleStore(connection.dynamodb, connection.table).keep_targets(kept)
    # As EventBridge does where the schedule is on.
    event = json.dumps({"schedule": "market-open-rebalance"}).encode()
    connection.lambda_.invoke(FunctionName=connection.function("run_schedule"), InvocationType="Event", Payload=event)
    view = _follow(connection, exchange, timeout, told)
    if view is None:
        return RebalanceVerdict(None, ("there is no rebalance",))
    return RebalanceVerdict(view, tuple(_differences(view, exchange)))


def _follow(
    connection: Connection, exchange: ExchangeControl, timeout: float, told: Callable[[str], None]
) -> View | None:
    records, started, lines, skipped = records_of(connection), time.monotonic(), 0, False
    while time.monotonic() - started < timeout:
        found = records.rebalances.find(SIGNAL_ID)
        for event in found.events[lines:] if found else ():
            told(f"{event.at.astimezone(EASTERN):%H:%M:%S}  {event.detail}")
            lines += 1
        if found and found.status.terminal:
            return records.with_legs(found)
        if found and not skipped and found.work.parked_until:
            # Nobody wants to watch five minutes of waiting; who waits looks again within one.
            exchange.set_clock(OPENS_SOON)
            skipped = True
        time.sleep(POLL_SECONDS)
    return None


def _differences(view: View, exchange: ExchangeControl) -> list[str]:
    found = [f"status: {view['status']} instead of done"] if view["status"] != "done" else []
    found += [f"{left['symbol']} is left: {left['why']}" for left in view["residual"]]
    ours = {rung["client_order_id"] for order in view["orders"] for rung in order["rungs"]}
    fills = [entry for entry in exchange.journal() if entry["type"] == "fill" and entry["client_order_id"] in ours]
    sold = [entry["seq"] for entry in fills if entry["side"] == "sell"]
    bought = [entry["seq"] for entry in fills if entry["side"] == "buy"]
    if not sold or not bought or max(sold) > min(bought):
        found.append("something was bought before everything was sold")
    if Decimal(view["cash_after"] or "-1") < 0:
        found.append(f"cash: {view['cash_after']}")
    early = [entry for entry in fills if datetime.fromisoformat(entry["at"]) < datetime.fromisoformat(OPENS_AT)]
    return [*found, "something was traded before the open"] if early else found
