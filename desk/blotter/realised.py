"""What was earned today, as `repeg pnl --today` has it; only what changed is read again."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date, datetime
from threading import Lock
from typing import Any

from desk.blotter.feed import Row, Shown
from desk.doctor.findings import Trouble
from desk.positions.gains import Splits, booked, gains
from desk.stack.following import SCANNED_AT_MOST
from desk.stack.market_time import day_begin
from repeg.domain.order.record import Order
from repeg.domain.profit import Books, fills_of, split_perhaps
from repeg.errors import RepegError
from repeg.store.orders import OrderStore


class Realised:
    """Table `realised`. For one thread at a time, but for `note`.

    `now` is market time; `splits_of` asks for the splits that are in force, or raises Trouble or RepegError.
    """

    def __init__(self, orders: OrderStore, now: Callable[[], datetime], splits_of: Callable[[Books], Splits]) -> None:
        self._orders = orders
        self._now = now
        self._splits_of = splits_of
        self._traded: dict[str, Order] | None = None
        self._last: dict[str, datetime] = {}
        self._noted: set[str] = set()
        self._lock = Lock()
        self._splits: tuple[date, frozenset[str], Splits] | None = None
        self._begin: datetime | None = None
        self._row: Row = {}
        self._trouble = ""

    def note(self, order_ids: Iterable[str]) -> None:
        """These may have traded since."""
        with self._lock:
            self._noted.update(order_ids)

    def look(self) -> Shown:
        """The day's row; made anew only when something traded, or a new day has begun."""
        with self._lock:
            noted, self._noted = self._noted, set()
        try:
            self._read(noted)
            begin = day_begin(self._now())
            if noted or begin != self._begin or self._row["trouble"]:
                self._row, self._begin = self._told(begin), begin
        except Exception:
            # By a look that fails nothing is forgotten.
            self.note(noted)
            raise
        return {"realised": {"today": self._row}}

    def _read(self, noted: set[str]) -> None:
        if self._traded is None:
            # What was sold today may have been bought a year ago.
            self._traded = {}
            self._keep(self._orders.newest(SCANNED_AT_MOST, {}))
        if noted:
            self._keep(self._orders.several(sorted(noted))[0].values())

    def _keep(self, orders: Iterable[Order]) -> None:
        assert self._traded is not None
        for order in orders:
            moments = [*(fill.at for fill in fills_of(order)), *(gone.at for gone in order.all_exits)]
            if moments:
                # All that ever traded are kept, and their history is the greater part of them.
                self._traded[order.order_id] = order.without_events()
                self._last[order.order_id] = max(moments)

    def _told(self, begin: datetime) -> Row:
        """The day's sum. What traded before matters only where its symbol traded today, too."""
        traded = self._traded or {}
        symbols = {order.symbol for name, order in traded.items() if self._last[name] >= begin}
        self._trouble = ""
        books = booked([order for order in traded.values() if order.symbol in symbols], self._known_splits)
        view: dict[str, Any] = gains(books, "strategy", begin, None)
        names = ("trades", "wins", "realised", "unpriced_qty", "unmatched", "rows")
        return {name: view[name] for name in names} | {"since": begin.isoformat(), "trouble": self._trouble or None}

    def _known_splits(self, books: Books) -> Splits:
        """Asked once a day for the same shares: a split is in force from a day on."""
        symbols = frozenset(split_perhaps(books))
        day = day_begin(self._now()).date()
        if self._splits is None or self._splits[0] != day or not symbols <= self._splits[1]:
            try:
                self._splits = (day, symbols, self._splits_of(books))
            except (Trouble, RepegError) as problem:
                self._trouble = str(problem)
                return ()
        return tuple(split for split in self._splits[2] if split.symbol in symbols)
