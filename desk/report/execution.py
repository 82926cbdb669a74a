"""The execution report: how much was filled, what it cost, what was refused and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

View = dict[str, Any]
BPS = Decimal(10_000)
ZERO = Decimal(0)


@dataclass(frozen=True)
class ExecutionReport:
    """Figures over orders that are over. Slippage in bps: + is cost, weighted by dollars at reference prices."""

    orders: int
    worked: int
    filled: int
    fill_rate: Decimal | None
    """Dollars filled of the dollars of all orders that were worked, both at reference prices, 0 to 1."""
    dollars: Decimal
    average_slippage_bps: Decimal | None
    slippage_dollars: Decimal
    average_seconds: Decimal | None
    repegs: int
    market_fallbacks: int
    reasons: dict[str, int]
    """How often each reason ended an order, the most frequent first."""


def execution_report(views: Iterable[View]) -> ExecutionReport:
    """The report over these orders."""
    orders = list(views)
    worked = [order for order in orders if order["rungs"]]
    priced = [order for order in worked if order["avg_fill_price"]]
    wanted = sum((_at_reference(order, order["requested_qty"]) for order in worked), ZERO)
    got = sum((_at_reference(order, order["filled_qty"]) for order in worked), ZERO)
    measured = [order for order in priced if order["slippage_bps"] is not None]
    base = sum((_at_reference(order, order["filled_qty"]) for order in measured), ZERO)
    cost = sum((_slippage_dollars(order) for order in measured), ZERO)
    seconds = [Decimal(order["seconds_to_fill"]) for order in priced if order["seconds_to_fill"] is not None]
    reasons = Counter(order["reason"] for order in orders if order["reason"])
    return ExecutionReport(
        orders=len(orders),
        worked=len(worked),
        filled=sum(order["status"] == "filled" for order in orders),
        fill_rate=got / wanted if wanted else None,
        dollars=sum((Decimal(order["filled_qty"]) * Decimal(order["avg_fill_price"]) for order in priced), ZERO),
        average_slippage_bps=cost / base * BPS if base else None,
        slippage_dollars=cost,
        average_seconds=sum(seconds, ZERO) / len(seconds) if seconds else None,
        repegs=sum(order["repegs"] for order in orders),
        market_fallbacks=sum(order["market_fallback"] for order in orders),
        reasons=dict(reasons.most_common()),
    )


def _at_reference(order: View, qty: str) -> Decimal:
    """Dollars of a quantity at the reference price; an exit without a quote has only its fills to go by."""
    return Decimal(qty) * Decimal(order["reference_price"] or order["avg_fill_price"] or 0)


def _slippage_dollars(order: View) -> Decimal:
    return _at_reference(order, order["filled_qty"]) * Decimal(order["slippage_bps"]) / BPS
