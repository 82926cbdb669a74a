"""Threads that race for one symbol's turn."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier, Lock
from typing import Any

from repeg.store.orders import OrderStore
from tests.support.make import NOON, order

ROUNDS = 10


class _OneAtATime:
    """DynamoDB decides conditional writes one after the other; moto, in threads, needs to be told."""

    def __init__(self, client: Any) -> None:
        self._client, self._lock = client, Lock()

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._client, name)
        if name == "get_paginator":
            return real

        def call(**request: Any) -> Any:
            with self._lock:
                return real(**request)

        return call


def test_of_many_workers_at_once_exactly_one_has_the_turn(dynamodb: Any, table: str) -> None:
    store = OrderStore(_OneAtATime(dynamodb), table)
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
