"""What signals became, whichever it is: orders, and rebalances with their legs."""

from __future__ import annotations

from typing import Any

from desk.stack.connection import Connection
from repeg.domain.order.record import Order
from repeg.domain.order.views import order_view
from repeg.domain.rebalance.record import Rebalance, is_rebalance
from repeg.domain.rebalance.views import rebalance_view
from repeg.store.orders import OrderStore
from repeg.store.rebalances import RebalanceStore

View = dict[str, Any]
Record = Order | Rebalance


class Records:
    """Orders and rebalances of one stack, read only."""

    def __init__(self, dynamodb: Any, table: str) -> None:
        self.orders = OrderStore(dynamodb, table)
        self.rebalances = RebalanceStore(dynamodb, table)

    def find(self, record_or_signal_id: str) -> Record | None:
        """An order or a rebalance by its own or its signal's id, or None."""
        known = self._get(record_or_signal_id)
        claim = None if known else self.orders.claim_of(record_or_signal_id)
        return self._get(claim.order_id) if claim else known

    def with_legs(self, rebalance: Rebalance) -> View:
        """The rebalance's view, with those of its legs that were placed as `orders`."""
        view = rebalance_view(rebalance)
        placed, _ = self.orders.several(view["legs"])
        return view | {"orders": [order_view(placed[leg]) for leg in view["legs"] if leg in placed]}

    def _get(self, record_id: str) -> Record | None:
        # A signal may be called so, too: then nothing is found, and its claim is asked for.
        return self.rebalances.get(record_id) if is_rebalance(record_id) else self.orders.get(record_id)


def records_of(connection: Connection) -> Records:
    """Those of the stack."""
    return Records(connection.dynamodb, connection.table)


def view_of(record: Record) -> View:
    """The view that the contract names."""
    return rebalance_view(record) if isinstance(record, Rebalance) else order_view(record)
