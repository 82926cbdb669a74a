"""Orders and rebalances of a stack as they change, read as seldom as can be."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from desk.blotter.feed import Row, Shown
from desk.blotter.glances import Glances, Version
from desk.blotter.rows import order_row, rebalance_row
from desk.stack.market_time import wall_clock
from desk.stack.records import Records
from repeg.domain.order.record import Order
from repeg.domain.rebalance.views import rebalance_view

KEPT = 200
"""Orders that are over and stay on the page, the newest."""
REBALANCES = 5
# Intake stamps an order before it writes it, by another machine's clock, and an index lags.
OVERLAP = timedelta(seconds=90)
# What the sweep would revive, or a bracket of days ago, is found by the lists of what is open and held.
LOOKS_BETWEEN_LISTS = 20


class Book:
    """What is on the page of one table. For one thread at a time."""

    def __init__(self, records: Records, glances: Glances, wall: Callable[[], datetime] = wall_clock) -> None:
        self._records = records
        self._glances = glances
        self._wall = wall
        self._rows: dict[str, Row] = {}
        self._versions: dict[str, Version] = {}
        self._watched: set[str] = set()
        self._views: dict[str, Row] = {}
        self._rebalances: dict[str, Row] = {}
        self._old_legs: dict[str, Row] = {}
        self._at_work: set[str] = set()
        self._broken: dict[str, str] = {}
        self._looks = 0
        self._looked_at: datetime | None = None

    def look(self) -> Shown:
        """Tables `orders` and `rebalances` as they are now, and `unreadable`: what cannot be shown, and why."""
        lists = self._looks % LOOKS_BETWEEN_LISTS == 0
        if not self._looks:
            self._take(list(self._records.orders.newest(KEPT, self._broken)))
        self._looks += 1
        self._read_changed(self._arrived() | (self._open_and_held() if lists else set()))
        self._look_at_rebalances()
        self._forget_old()
        unreadable = {name: {"id": name, "says": says} for name, says in self._broken.items()}
        return {"orders": dict(self._rows), "rebalances": dict(self._rebalances), "unreadable": unreadable}

    def _arrived(self) -> set[str]:
        # While no page is open, or the machine sleeps, nobody looks: what came and ended then is found by its arrival.
        now = self._wall()
        found = self._glances.arrived_since(min(now, self._looked_at or now) - OVERLAP)
        self._looked_at = now
        return {order_id for order_id in found if order_id not in self._rows and order_id not in self._broken}

    def _open_and_held(self) -> set[str]:
        store = self._records.orders
        # What is watched is read when it changes. What could not be read is tried again: somebody may have mended it.
        return {*store.to_do(), *store.holding_shares()} - (self._watched - self._broken.keys())

    def _read_changed(self, others: set[str]) -> None:
        known = [order_id for order_id in self._watched if order_id not in others]
        seen = self._glances.versions(known)
        changed = [
            order_id
            for order_id in known
            if order_id not in self._broken and seen.get(order_id, (0, 0)) > self._versions[order_id]
        ]
        if wanted := [*others, *changed]:
            found, broken = self._records.orders.several(wanted)
            self._broken = {name: says for name, says in self._broken.items() if name not in found} | broken
            self._take(list(found.values()))

    def _take(self, orders: list[Order]) -> None:
        for order in orders:
            version = (order.run.executions, order.run.version)
            if self._versions.get(order.order_id) == version:
                continue
            self._versions[order.order_id] = version
            self._rows[order.order_id] = order_row(order)
            # Until nothing is owed to it any more somebody may write it.
            settled = order.status.terminal and order.run.published and order.unexited_qty <= 0
            (self._watched.discard if settled else self._watched.add)(order.order_id)

    def _look_at_rebalances(self) -> None:
        store = self._records.rebalances
        if self._looks == 1:
            self._views = {
                found.rebalance_id: rebalance_view(found) for found in store.newest(REBALANCES, self._broken)
            }
        at_work = set(store.to_do())
        for rebalance_id in at_work | self._at_work:
            try:
                rebalance = store.get(rebalance_id)
            except ValueError as error:
                self._broken[rebalance_id] = str(error)
                continue
            if rebalance:
                self._broken.pop(rebalance_id, None)
                self._views[rebalance_id] = rebalance_view(rebalance)
        self._at_work = at_work
        for rebalance_id, view in self._views.items():
            row = rebalance_row(view, self._legs(view["legs"]))
            if self._rebalances.get(rebalance_id) != row:
                self._rebalances[rebalance_id] = row

    def _legs(self, leg_ids: list[str]) -> dict[str, Row]:
        """Rows of the legs that were placed; of a rebalance of days ago they are read, once."""
        missing = [leg for leg in leg_ids if leg not in self._rows and leg not in self._old_legs]
        if missing:
            found, _ = self._records.orders.several(missing)
            over = {leg: order_row(order) for leg, order in found.items() if order.status.terminal}
            self._old_legs |= over
        return {leg: row for leg in leg_ids if (row := self._rows.get(leg) or self._old_legs.get(leg))}

    def _forget_old(self) -> None:
        over = [order_id for order_id in self._rows if order_id not in self._watched]
        over.sort(key=lambda order_id: str(self._rows[order_id]["received_at"]), reverse=True)
        for order_id in over[KEPT:]:
            del self._rows[order_id], self._versions[order_id]
        newest = sorted(self._views, key=lambda name: str(self._views[name]["created_at"]))
        for name in newest[:-REBALANCES]:
            if name not in self._at_work:
                del self._views[name], self._rebalances[name]
