"""Reading orders from the table, and waiting for them. No terminal in here."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from repeg.domain.order.views import order_view

if TYPE_CHECKING:
    from repeg.domain.order.record import Order
    from repeg.store.orders import OrderStore

SHORTEST_POLL, LONGEST_POLL = 0.1, 1.0
SCANNED_AT_MOST = 100_000


def newest_orders(store: OrderStore, symbol: str | None, status: str | None, limit: int) -> Iterator[Order]:
    """Orders from the newest to the oldest that match; None matches all."""
    matching = (
        order
        for order in store.newest(SCANNED_AT_MOST if symbol or status else limit)
        if symbol in (None, order.symbol) and status in (None, order.status.value)
    )
    return islice(matching, limit)


@dataclass(frozen=True)
class Waited:
    """What came of waiting: the orders that are there, and the ids of those that are not over."""

    orders: list[dict[str, Any]]
    unfinished: dict[str, str | None]
    """The status of each; None: there is no order yet."""


def wait_for(
    store: OrderStore,
    ids: Iterable[str],
    timeout: float,
    progress: Callable[[Order], None] = lambda order: None,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Waited:
    """Poll until the orders of all these signal (or order) ids are over, at most `timeout` wall seconds.

    `progress` is called once for each order that ends. An id that is not in the table is not there yet.
    """
    found: dict[str, Order] = {}
    pending = list(dict.fromkeys(ids))
    wanted = list(pending)
    ends, pause = clock() + timeout, SHORTEST_POLL
    while True:
        for name in list(pending):
            order = store.get(found[name].order_id) if name in found else store.find(name)
            if order is None:
                continue
            found[name] = order
            if order.status.terminal:
                pending.remove(name)
                progress(order)
        left = ends - clock()
        if not pending or left <= 0:
            views = {name: order_view(found[name]) for name in wanted if name in found}
            unfinished = {name: views[name]["status"] if name in views else None for name in pending}
            return Waited(list(views.values()), unfinished)
        sleep(min(pause, left))
        pause = min(LONGEST_POLL, pause * 1.25)
