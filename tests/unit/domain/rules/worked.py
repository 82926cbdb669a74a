"""An order that is worked along its ladder, and child orders of it that are over."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from repeg.domain.ladder.rungs import LadderName, build_ladder
from repeg.domain.order.children import ChildRecord, ChildStatus
from repeg.domain.order.record import Order
from repeg.domain.reasons import Status
from repeg.domain.settings import Settings
from tests.support.make import NOON, child, order, quote

LADDER = build_ladder(LadderName.BETTER_ORDERS, Settings(), quote())


def working(*rungs: ChildRecord, **fields: object) -> Order:
    ready: dict[str, object] = {
        "status": Status.WORKING,
        "ladder": "better_orders",
        "plan": LADDER,
        "reference_price": Decimal("50.965"),
        "max_slippage_bps": Decimal(20),
        "arrival_bid": Decimal("50.95"),
        "arrival_ask": Decimal("50.98"),
    }
    return order(children=rungs, **(ready | fields))


def closed(number: int = 1, filled: str = "0", price: str | None = None, **fields: object) -> ChildRecord:
    closed: dict[str, object] = {
        "status": ChildStatus.CANCELED,
        "filled_qty": Decimal(filled),
        "avg_fill_price": Decimal(price) if price else None,
        "cancel_requested_at": NOON + timedelta(seconds=2.5),
        "closed_at": NOON + timedelta(seconds=2.6),
    }
    return child(number, **(closed | fields))
