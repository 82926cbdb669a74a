"""What open orders keep from others: buying power and shares."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal

from desk.exchange.market.model import ZERO, Order

Amount = Callable[[Order], Decimal]


def claimed(orders: Iterable[Order], amount: Amount) -> Decimal:
    """Sum of an amount over the orders; of an order and the one about to replace it, the larger counts."""
    by_id = {order.id: order for order in orders}
    total = ZERO
    for order in by_id.values():
        if order.replaces in by_id:
            continue
        successor = by_id.get(order.replaced_by) if order.replaced_by is not None else None
        total += max(amount(order), amount(successor) if successor is not None else ZERO)
    return total


def reserved(orders: Iterable[Order]) -> Decimal:
    """Buying power (dollars) tied up."""
    return claimed(orders, lambda order: order.reserved)


def held(orders: Iterable[Order]) -> Decimal:
    """Shares of the position kept for exits."""
    return claimed(orders, lambda order: order.holding)
