"""What tests of the sweep's care do to a position: move the market, cancel its protection, sell it by hand."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from desk.report.truth import trading_calls
from repeg.domain.order.record import Order
from repeg.domain.settings import Settings
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


def limited(lab: Lab, **settings: Any) -> None:
    """Settings with these, floats by their shortest decimal form."""
    exact = {name: Decimal(str(value)) if isinstance(value, float) else value for name, value in settings.items()}
    lab.settings = Settings(**exact)


def calls_since(lab: Lab, mark: int) -> list[str]:
    """Trading requests since a mark of the journal."""
    return trading_calls([entry for entry in lab.control.journal() if mark < entry["seq"]])
