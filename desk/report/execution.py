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
_STOOD = {"live", "canceling", "done", "gone"}
MARKET_REFUSALS = {"slippage_exceeded", "stop_through", "risk_reward_too_low"}


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


@dataclass(frozen=True)
class BracketReport:
    """Figures over brackets that entered by limit. Slippage in bps of the signals' prices: + is cost, by dollars."""

    sent: int
    """Entries that reached the market."""
    entered: int
    protected: int
    """Entries whose protection stood at the broker."""
    fill_rate: Decimal | None
    """Dollars filled of the dollars sent, both at the signals' prices, 0 to 1."""
    average_slippage_bps: Decimal | None
    average_risk_reward: Decimal | None
    lowest_risk_reward: Decimal | None
    """From what was really paid, over entries that were filled."""
    refused: int
    """Signals that were not sent since the market had moved, or that it does not reward enough."""
    refusal_rate: Decimal | None
    exits: dict[str, int]
    """How often shares left for each reason."""
    unwind_cost: Decimal


def execution_report(views: Iterable[View]) -> ExecutionReport:
    """The report over these orders."""
    orders = list(views)
    worked = [order for order in orders if order["rungs"]]
    priced = [order for order in worked if order["avg_fill_price"]]
    wanted = sum((_at_reference(order, order.get("working_qty") or order["requested_qty"]) for order in worked), ZERO)
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


def bracket_report(views: Iterable[View]) -> BracketReport:
    """The report over the brackets among these orders, but for those that entered the old way, by market order."""
    brackets = [order for order in views if order["kind"] == "bracket" and order["ladder"] == "smart_limit"]
    sent = [order for order in brackets if order["rungs"]]
    entered = [order for order in sent if order["avg_fill_price"]]
    refused = [order for order in brackets if not order["rungs"] and order["reason"] in MARKET_REFUSALS]
    wanted = sum((_at_reference(order, order["requested_qty"]) for order in sent), ZERO)
    got = sum((_at_reference(order, order["filled_qty"]) for order in entered), ZERO)
    cost = sum((_slippage_dollars(order) for order in entered if order["slippage_bps"] is not None), ZERO)
    ratios = [Decimal(order["risk_reward"]) for order in entered if order["risk_reward"] is not None]
    judged = len(sent) + len(refused)
    return BracketReport(
        sent=len(sent),
        entered=len(entered),
        protected=sum(any(oco["status"] in _STOOD for oco in order["protections"]) for order in entered),
        fill_rate=got / wanted if wanted else None,
        average_slippage_bps=cost / got * BPS if got else None,
        average_risk_reward=sum(ratios, ZERO) / len(ratios) if ratios else None,
        lowest_risk_reward=min(ratios, default=None),
        refused=len(refused),
        refusal_rate=Decimal(len(refused)) / judged if judged else None,
        exits=dict(Counter(gone["reason"] for order in entered for gone in order["exits"]).most_common()),
        unwind_cost=sum((Decimal(order["unwind_cost"] or 0) for order in entered), ZERO),
    )


def _at_reference(order: View, qty: str) -> Decimal:
    """Dollars of a quantity at the reference price; an exit without a quote has only its fills to go by."""
    return Decimal(qty) * Decimal(order["reference_price"] or order["avg_fill_price"] or 0)


def _slippage_dollars(order: View) -> Decimal:
    return _at_reference(order, order["filled_qty"]) * Decimal(order["slippage_bps"]) / BPS
