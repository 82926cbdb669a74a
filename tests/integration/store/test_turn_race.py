"""Threads that race for one symbol's turn."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

from repeg.store.orders import OrderStore
from tests.support.make import NOON, order
from tests.support.stand_ins.tables import OneAtATime

ROUNDS = 10


def test_of_many_workers_at_once_exactly_one_has_the_turn(dynamodb: Any, table: str) -> None:
    store = OrderStore(OneAtATime(dynamodb), table)
    for number in range(ROUNDS):
        symbol = f"S{number}"
        rivals = [
            order(
                order_id=f"ord-{number}-{place}",
                signal_id=f"s-{number}-{place}",
                symbol=symbol,
                received_wall=NOON + timedelta(microseconds=place),
            )
            for place in range(4)
        ]
        for rival in rivals:
            store.accept(rival, "hash")
        start = Barrier(len(rivals))

        def race(rival: Any, start: Barrier = start) -> bool:
            start.wait()
            return store.take_turn(rival, NOON)

        with ThreadPoolExecutor(len(rivals)) as pool:
            won = list(pool.map(race, rivals))
        assert won == [True, False, False, False]
        assert store.holder(symbol) == rivals[0].order_id
