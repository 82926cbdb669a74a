"""Reading orders and rebalances from the table, and waiting for them. No terminal in here."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice, takewhile
from typing import Any, Protocol

from desk.stack.records import Record, view_of
from repeg.domain.order.record import Order
from repeg.store.orders import BATCH, OrderStore

SHORTEST_POLL, LONGEST_POLL = 0.1, 1.0
SCANNED_AT_MOST = 100_000
CLOCKS_DIFFER = timedelta(days=2)
AHEAD = 4
"""Batches of orders that are read at a time."""


@dataclass(frozen=True)
class Wanted:
    """Which orders are listed; None: of any."""

    symbol: str | None = None
    status: str | None = None
    strategy: str | None = None
    since: datetime | None = None
    """Market time: those that came then or later."""

    @property
    def all(self) -> bool:
        """True when nothing is left out."""
        return self == Wanted()

    def takes(self, order: Order) -> bool:
        """Whether an order is one of those."""
        return (
            self.symbol in (None, order.symbol)
            and self.status in (None, order.status.value)
            and self.strategy in (None, order.strategy)
            and (self.since is None or order.created_at >= self.since)
        )


def newest_orders(
    store: OrderStore, wanted: Wanted, limit: int, broken: dict[str, str] | None = None
) -> Iterator[Order]:
    """Orders from the newest to the oldest that match, at most `limit`; `broken` as in `OrderStore.newest`."""
    most = limit if wanted.all else SCANNED_AT_MOST
    read = store.newest(most) if broken is None else _read_ahead(store, most, broken)
    if wanted.since is not None:
        # Listed as they arrived by the wall; the clock of a simulated market may have been set meanwhile.
        ends = wanted.since - CLOCKS_DIFFER
        read = takewhile(lambda order: order.created_at >= ends, read)
    return islice(filter(wanted.takes, read), limit)


def _read_ahead(store: OrderStore, limit: int, broken: dict[str, str]) -> Iterator[Order]:
    """As `OrderStore.newest`, with the next batches on their way while one is worked on."""
    # One after the other, ten thousand orders are a hundred times the way to AWS and back.
    ids = store.newest_ids(limit)
    batches = iter(lambda: list(islice(ids, BATCH)), [])
    with ThreadPoolExecutor(AHEAD) as pool:
        coming = deque((some, pool.submit(store.several, some)) for some in islice(batches, AHEAD))
        while coming:
            some, answer = coming.popleft()
            found, unreadable = answer.result()
            coming.extend((more, pool.submit(store.several, more)) for more in islice(batches, 1))
            broken.update(unreadable)
            yield from (found[order_id] for order_id in some if order_id in found)


class Findable(Protocol):
    """Where records are found."""

    def find(self, record_or_signal_id: str, /) -> Record | None:
        """A record by its own or its signal's id, or None."""


@dataclass(frozen=True)
class Waited:
    """What came of waiting: the orders and rebalances that are there, and the ids of those that are not over."""

    orders: list[dict[str, Any]]
    unfinished: dict[str, str | None]
    """The status of each; None: there is nothing of it yet."""


def wait_for(
    store: Findable,
    ids: Iterable[str],
    timeout: float,
    progress: Callable[[Record], None] = lambda record: None,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Waited:
    """Poll until what became of all these signals (or is of these ids) is over, at most `timeout` wall seconds.

    `progress` is called once for each that ends. An id that is not in the table is not there yet.
    """
    found: dict[str, Record] = {}
    pending = list(dict.fromkeys(ids))
    wanted = list(pending)
    ends, pause = clock() + timeout, SHORTEST_POLL
    while True:
        for name in list(pending):
            record = store.find(_id(found[name]) if name in found else name)
            if record is None:
                continue
            found[name] = record
            if record.status.terminal:
                pending.remove(name)
                progress(record)
        left = ends - clock()
        if not pending or left <= 0:
            views = {name: view_of(found[name]) for name in wanted if name in found}
            unfinished = {name: views[name]["status"] if name in views else None for name in pending}
            return Waited(list(views.values()), unfinished)
        sleep(min(pause, left))
        pause = min(LONGEST_POLL, pause * 1.25)


def _id(record: Record) -> str:
    return record.order_id if isinstance(record, Order) else record.rebalance_id
