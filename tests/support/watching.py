"""What tests of the sweep's care do to a position: move the market, cancel its protection, sell it by hand."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from repeg.domain.order.record import Order
from tests.support.lab import Lab
from tests.support.leaving import hold
from tests.support.scenes import by_hand

OCO = {"method": "POST", "path": "/v2/orders", "order_class": "oco"}
LACKING = {"code": 40310000, "message": "insufficient qty available for order (requested: 100, available: 0)"}


def moves(lab: Lab, bid: str, size: int = 2000) -> None:
    """The market is at `bid`, three cents wide, and a second passes."""
    lab.control.quote("TQQQ", bid, str(Decimal(bid) + Decimal("0.03")), size, 2000)
    lab.sleep(1)


def exited(lab: Lab) -> list[dict[str, Any]]:
    """Exits that were published."""
    return [detail for kind, detail in lab.bus.events if kind == "Position Exited"]


def cancel_protection(lab: Lab, order: Order) -> None:
    """Somebody cancels a bracket's OCO."""
    by_hand(lab, "DELETE", f"orders/{order.protective_order_id}")
    lab.sleep(0.5)


def sell_by_hand(lab: Lab, qty: int) -> None:
    """Somebody sells shares."""
    sale = {"symbol": "TQQQ", "qty": qty, "side": "sell", "type": "market", "time_in_force": "day"}
    by_hand(lab, "POST", "orders", sale)
    lab.sleep(0.5)


def lapse(lab: Lab, **signal: Any) -> Order:
    """A position whose protection somebody cancelled."""
    order = hold(lab, **signal)
    cancel_protection(lab, order)
    return order
