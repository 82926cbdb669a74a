"""RebalancePortfolio: plans a rebalance, places its legs, sells before buys, and records what came of it."""

from __future__ import annotations

from typing import Any

from repeg.telemetry import invoked
from repeg.wiring.connection import broker
from repeg.wiring.rebalancing import take_rebalance_step


@invoked
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """`{"order_id", "execution", "error"}` -> `{"route", "seconds"}`."""
    return take_rebalance_step(event, broker)
