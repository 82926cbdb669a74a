"""Where the machine goes next: each route is the name of a state of rebalance_portfolio."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class RebalanceRoute(StrEnum):
    """States that a step may lead to. A test compares the names with the definition."""

    PLAN_REBALANCE = "PlanRebalance"
    WAIT_TO_PLAN = "WaitToPlan"
    SELL_FIRST = "SellFirst"
    WAIT_FOR_SELLS = "WaitForSells"
    BUY_FROM_CASH = "BuyFromCash"
    WAIT_FOR_BUYS = "WaitForBuys"
    DONE = "Done"


class Onward(NamedTuple):
    """The next state, and for a Wait how many whole seconds."""

    route: RebalanceRoute
    seconds: int = 0
