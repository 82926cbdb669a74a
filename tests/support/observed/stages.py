"""Every record that the store writes, held to the table of an order's life."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from repeg.domain.order.record import Order
from repeg.domain.rules.life import Stage, stage_of
from repeg.domain.rules.moves import MOVES
from repeg.store.orders import OrderStore
from repeg.store.rebalances import RebalanceStore

KNOWN = {(move.before, after) for move in MOVES for after in move.after}
BEGINS = {Stage.WAITING, Stage.UNTOLD}
"""A record is new, or was refused as it came in."""


class Trail:
    """The stage at which each record was written last, and every move that the table does not have."""

    def __init__(self) -> None:
        self._last: dict[tuple[str, str], Stage] = {}
        self.unknown: set[str] = set()

    def follow(self, patch: pytest.MonkeyPatch) -> None:
        """Look at every record that a store writes from now on."""
        self._after(patch, "accept", lambda given, answer: () if answer[0] else given[:1])
        self._after(patch, "record", lambda given, answer: given)
        self._after(patch, "add_leg", lambda given, answer: given[1:], RebalanceStore)
        for name in ("save", "finish", "adopt"):
            self._after(patch, name, lambda given, answer: answer[:1])
        self._after(patch, "save_with", lambda given, answer: (*answer, given[1]))

    def _after(
        self, patch: pytest.MonkeyPatch, name: str, written: Callable[[Any, Any], Any], of: type = OrderStore
    ) -> None:
        real = getattr(of, name)

        def call(store: Any, *given: Any, **more: Any) -> Any:
            answer = real(store, *given, **more)
            for order in written(given, (answer,)):
                if isinstance(order, Order):
                    self._see(store._table, order)
            return answer

        patch.setattr(of, name, call)

    def _see(self, table: str, order: Order) -> None:
        stage = stage_of(order)
        before = self._last.get((table, order.order_id))
        if before is None and stage not in BEGINS:
            self.unknown.add(f"begins as {stage}")
        if before not in (None, stage) and (before, stage) not in KNOWN:
            self.unknown.add(f"from {before} to {stage}")
        self._last[table, order.order_id] = stage
