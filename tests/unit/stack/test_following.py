from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from desk.stack import following
from desk.stack.following import Wanted, newest_orders, wait_for
from repeg.domain.order.record import Order
from repeg.domain.reasons import Status
from repeg.store.orders import OrderStore
from tests.unit.samples import START, order


class Wall:
    """Time that passes only while somebody sleeps; `events` happen when their second has come."""

    def __init__(self, **events: Any) -> None:
        self.seconds = 0.0
        self.events = {float(at.removeprefix("at_")): event for at, event in events.items()}

    def now(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds
        for at in [at for at in self.events if at <= self.seconds]:
            self.events.pop(at)()


def stored(store: OrderStore, number: int, **fields: Any) -> Order:
    made = order(
        order_id=f"ord-{number}", signal_id=f"s-{number}", received_wall=START + timedelta(seconds=number), **fields
    )
    assert store.accept(made, "hash") is None
    return made


def end(store: OrderStore, found: Order) -> None:
    store.finish(found.changed(status=Status.FILLED))


def test_orders_come_newest_first_and_filtered(store: OrderStore) -> None:
    stored(store, 1, symbol="SPY")
    stored(store, 2)
    stored(store, 3, status=Status.WORKING)

    def ids(*query: Any) -> list[str]:
        return [found.order_id for found in newest_orders(store, Wanted(*query[:-1]), query[-1])]

    assert ids(None, None, 10) == ["ord-3", "ord-2", "ord-1"]
    assert ids(None, None, 2) == ["ord-3", "ord-2"]
    assert ids("TQQQ", "filled", 10) == ["ord-2"]
    assert ids("SPY", None, 1) == ["ord-1"]


def test_batches_that_are_read_ahead_come_in_their_order(store: OrderStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "BATCH", 2)
    for number in range(13):
        stored(store, number)
    broken: dict[str, str] = {}
    read = newest_orders(store, Wanted(), 12, broken)
    assert [found.order_id for found in read] == [f"ord-{number}" for number in range(12, 0, -1)]
    assert [found.order_id for found in newest_orders(store, Wanted(symbol="TQQQ"), 3, broken)] == [
        "ord-12", "ord-11", "ord-10",
    ]  # fmt: skip
    assert broken == {}


def test_waiting_ends_when_every_order_is_over(store: OrderStore) -> None:
    first, second = (stored(store, number, status=Status.WORKING) for number in (1, 2))
    wall = Wall(at_3=lambda: end(store, first), at_5=lambda: end(store, second))
    told: list[str] = []
    waited = wait_for(store, ["s-2", "s-1"], 60, lambda one: told.append(one.signal_id), wall.now, wall.sleep)
    assert [view["signal_id"] for view in waited.orders] == ["s-2", "s-1"]
    assert (waited.unfinished, told) == ({}, ["s-1", "s-2"])
    assert 5 <= wall.seconds < 7


def test_a_signal_that_is_not_there_yet_is_waited_for(store: OrderStore) -> None:
    wall = Wall(at_2=lambda: stored(store, 1, status=Status.REJECTED))
    waited = wait_for(store, ["s-1", "s-1"], 60, clock=wall.now, sleep=wall.sleep)
    assert [view["status"] for view in waited.orders] == ["rejected"]


def test_a_time_out_tells_what_is_not_over(store: OrderStore) -> None:
    stored(store, 1, status=Status.WORKING)
    stored(store, 2)
    wall = Wall()
    waited = wait_for(store, ["s-1", "ord-2", "nobody"], 4, clock=wall.now, sleep=wall.sleep)
    assert waited.unfinished == {"s-1": "working", "nobody": None}
    assert [view["signal_id"] for view in waited.orders] == ["s-1", "s-2"]
    assert wall.seconds == 4


def test_an_order_that_is_over_needs_no_waiting(store: OrderStore) -> None:
    stored(store, 1, requested_qty=Decimal(5))
    wall = Wall()
    assert wait_for(store, ["s-1"], 0, clock=wall.now, sleep=wall.sleep).unfinished == {}
    assert wall.seconds == 0
