"""The CRWD bracket that the tests of entries and protection share, and ways to disturb it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from repeg.domain.order.record import Order
from tests.support.crowd import Crowd
from tests.support.lab import Lab
from tests.support.scenes import by_hand, journal, on_order, send

CRWD: dict[str, Any] = {
    "kind": "bracket",
    "symbol": "CRWD",
    "side": "buy",
    "qty": 25,
    "signal_price": "534.82",
    "stop_loss": "529.47",
    "take_profit": "545.52",
}
"""Risk 5.35, reward 10.70. The limit is 535.09, the cap 535.35. Filled at 534.80: stop 529.45, target 545.50."""
SUBMIT = {"method": "POST", "path": "/v2/orders"}
OCO = SUBMIT | {"order_class": "oco"}
CANCEL = {"method": "DELETE", "path": "/v2/orders/*"}


def crwd(lab: Lab, bid: str = "534.70", ask: str = "534.80", size: int = 500, **options: Any) -> None:
    """The quote of CRWD; by default a bracket fills at 534.80 at once."""
    lab.control.quote("CRWD", bid, ask, size, size, **options)


def bracket(lab: Lab, signal_id: str = "a", **changes: Any) -> Order:
    """Send the CRWD bracket, work it and what it starts to their ends, and audit."""
    order = unchecked(lab, signal_id, **changes)
    lab.check()
    return order


def unchecked(lab: Lab, signal_id: str = "a", **changes: Any) -> Order:
    """As `bracket`, without the audit."""
    send(lab, signal_id, **(CRWD | changes))
    with Crowd(lab) as crowd:
        crowd.work()
    return lab.order(signal_id)


def moves(lab: Lab, event: str, bid: str, ask: str, **options: Any) -> None:
    """CRWD moves when one of its orders meets `event`."""
    on_order(lab, event, bid, ask, **({"symbol": "CRWD", "size": 500} | options))


def halt_on(lab: Lab, event: str, side: str = "buy", resume_after: float | None = None) -> None:
    """Trading in CRWD stops when an order meets `event`, for so many seconds or for good."""
    trigger = {"symbol": "CRWD", "event": event, "side": side}
    lab.control.script({"on": trigger, "symbol": "CRWD", "halt": True})
    if resume_after is not None:
        lab.control.script({"on": trigger, "after": resume_after, "symbol": "CRWD", "halt": False})


def ocos(lab: Lab, event: str = "accepted") -> list[dict[str, Any]]:
    """What happened to OCOs, told by their targets."""
    return [e for e in journal(lab, event=event) if e["order_class"] == "oco" and e["parent_order_id"] is None]


def position(lab: Lab, symbol: str = "CRWD") -> Decimal:
    """Shares in the account by the broker's word."""
    held = {entry["symbol"]: Decimal(entry["qty"]) for entry in by_hand(lab, "GET", "positions")}
    return held.get(symbol, Decimal(0))


def levels(order: Order) -> tuple[str, str]:
    """Stop and target of the record, in cents."""
    return f"{order.guard.stop_loss:.2f}", f"{order.guard.take_profit:.2f}"


def seconds(order: Order) -> float:
    """How long the entry was at the broker."""
    child = order.children[0]
    assert child.closed_at
    return (child.closed_at - child.sent_at).total_seconds()
