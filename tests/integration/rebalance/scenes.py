"""Books, rebalances, and what became of them."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from repeg.domain.order.record import Order
from repeg.domain.rebalance.record import Rebalance
from tests.support.lab import Lab

PRICES = {
    "TQQQ": ("50.95", "50.98"),
    "SPY": ("500.00", "500.02"),
    "AAPL": ("200.00", "200.02"),
    "QQQ": ("400.00", "400.02"),
}


def market(lab: Lab, **shares: Any) -> None:
    """The usual prices, and what the account holds."""
    for symbol, (bid, ask) in PRICES.items():
        lab.control.quote(symbol, bid, ask, 5000, 5000)
    for symbol, qty in shares.items():
        lab.control.position(symbol, qty, PRICES[symbol][0])


def send(lab: Lab, targets: dict[str, Any], signal_id: str = "r", **more: Any) -> None:
    """Deliver a rebalance to intake."""
    lab.intake.accept(json.dumps({"signal_id": signal_id, "kind": "rebalance", "targets": targets} | more))


def rebalance(
    lab: Lab, targets: dict[str, Any], signal_id: str = "r", strangers: bool = False, **more: Any
) -> Rebalance:
    """Send a rebalance, work it and its legs to their ends, and audit."""
    send(lab, targets, signal_id, **more)
    lab.work()
    lab.check(strangers=strangers)
    return lab.rebalance(signal_id)


def legs(lab: Lab) -> list[Order]:
    """The orders of all legs."""
    return [order for order in lab.orders.newest() if order.rebalance_id]


def held(lab: Lab) -> dict[str, Decimal]:
    """Shares in the account."""
    return {position.symbol: position.qty for position in lab.broker.urgent().positions()}


def cash(lab: Lab) -> Decimal:
    """Cash in the account."""
    return lab.broker.urgent().account().cash


def why(done: Rebalance) -> dict[str, str]:
    """What is left, and why."""
    return {left.symbol: left.why for left in done.residual}
