"""Fills that the broker shows without a price: levels are never computed from what is missing."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from repeg.domain.models import direction
from repeg.domain.money import plain
from repeg.domain.order.children import ChildRecord
from repeg.domain.order.record import ZERO, Order
from repeg.domain.order.reservation import Priority
from repeg.worker.worker import Worker


def priced(worker: Worker, order: Order) -> Order:
    """The order with a price for each of its fills, as far as there is one to be had.

    Its child orders were read again for as long as a price may lag, and that was told. What the account says that the
    position cost is what this order paid, if the position is its alone and nothing has left.
    """
    missing = [child for child in order.children if child.filled_qty > 0 and not child.avg_fill_price]
    try:
        position = worker.broker_for(Priority.URGENT).position(order.symbol)
        # The average of a shared position mixes in what others paid: a stop measured from it would be nobody's.
        alone = all(other.order_id == order.order_id for other in worker.orders.holding(order.symbol))
    except Exception as error:  # whatever it is, it must not keep protection from being sent
        worker.log.error(f"the account cannot be asked what it paid: {error}", order_id=order.order_id)
        return order
    held = position.qty * direction(order.trading_side) if position else ZERO
    whole = held == order.filled_qty == order.unexited_qty
    if position is None or not missing or not alone or not whole:
        return order
    known = [child for child in order.children if child not in missing and child.avg_fill_price]
    paid = sum((child.filled_qty * (child.avg_fill_price or ZERO) for child in known), ZERO)
    price = (position.avg_entry_price * held - paid) / sum((child.filled_qty for child in missing), ZERO)
    return _at(worker, order, missing, price) if price > 0 else order


def _at(worker: Worker, order: Order, missing: Sequence[ChildRecord], price: Decimal) -> Order:
    for child in missing:
        order = order.with_child(child.changed(avg_fill_price=price))
    return worker.note(order, f"filled at {plain(price)} by what the position cost: the order shows no price")
