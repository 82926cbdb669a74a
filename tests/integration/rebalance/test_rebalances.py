"""Rebalances through real machines, store and adapter, on a real exchange: sells first, buys from what is there."""

from __future__ import annotations

import json
from typing import Any

from repeg.domain.rebalance.record import Rebalance, RebalanceStatus
from tests.support.lab import Lab

PRICES = {
    "TQQQ": ("50.95", "50.98"),
    "SPY": ("500.00", "500.02"),
    "AAPL": ("200.00", "200.02"),
    "QQQ": ("400.00", "400.02"),
}


def market(lab: Lab, **held: Any) -> None:
    """The usual prices, and what the account holds."""
    for symbol, (bid, ask) in PRICES.items():
        lab.control.quote(symbol, bid, ask, 5000, 5000)
    for symbol, qty in held.items():
        lab.control.position(symbol, qty, PRICES[symbol][0])


def rebalance(lab: Lab, targets: dict[str, Any], signal_id: str = "r", **more: Any) -> Rebalance:
    """Send a rebalance, and work it to its end."""
    lab.intake.accept(json.dumps({"signal_id": signal_id, "kind": "rebalance", "targets": targets} | more))
    lab.work()
    lab.check()
    return lab.rebalance(signal_id)


def test_a_book_becomes_another_and_cash_is_never_short(lab: Lab) -> None:
    market(lab, AAPL=100, QQQ=50)
    lab.control.account(cash="0")
    done = rebalance(lab, {"TQQQ": "0.6", "SPY": "0.4"})
    assert done.status is RebalanceStatus.DONE
    assert not done.residual
