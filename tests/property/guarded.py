"""A bracket that bought all it should, and what guards it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from repeg.domain.order.bracket import Bracket, Levels
from repeg.domain.order.children import ChildStatus
from repeg.domain.order.protection import Protection, ProtectionStatus
from repeg.domain.order.record import Order
from repeg.domain.reasons import Status
from tests.support.make import NOON, child, order

LEVELS = Levels(stop=Decimal(45), target=Decimal(60))
BRACKET = Bracket(
    side="buy", signal_price=Decimal(51), stop_loss=LEVELS.stop, take_profit=LEVELS.target, anchor="signal"
)
FULL = Decimal(100)


def oco(status: ProtectionStatus, qty: Decimal) -> Protection:
    return Protection(
        client_order_id="ord-1-p1", broker_order_id="oco-1", qty=qty, levels=LEVELS, status=status, placed_at=NOON
    )


def bought(**fields: Any) -> Order:
    """A bracket that bought all it should, guarded."""
    filled = child(status=ChildStatus.FILLED, filled_qty=FULL, avg_fill_price=Decimal(50))
    known = {"kind": "bracket", "bracket": BRACKET, "children": (filled,), "status": Status.WORKING}
    return order(**(known | {"protections": (oco(ProtectionStatus.LIVE, FULL),)} | fields))
