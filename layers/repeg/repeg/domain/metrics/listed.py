"""Every metric that the stack emits: what it is, in which unit, and how it is read.

The alarms of template.yaml, its dashboard, docs/metrics.md and `repeg metrics` are held to this list.
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

NAMESPACE = "Repeg"
SERVICE = "service"
"""The dimension of every metric: the stack's name. Alarms watch metrics that carry no other."""


class Unit(StrEnum):
    """Units as CloudWatch calls them; ratios, dollars and basis points have none there."""

    COUNT = "Count"
    PERCENT = "Percent"
    SECONDS = "Seconds"
    MILLISECONDS = "Milliseconds"
    NONE = "None"


class Metric(StrEnum):
    """The names."""

    SLIPPAGE_GAUGE = "AverageSlippagePercent"
    REJECTION_GAUGE = "RejectionRatePercent"
    RISK_REWARD_GAUGE = "AverageRiskReward"
    FILL_GAUGE = "FillRatePercent"

    SIGNALS = "Signals"
    SIGNALS_REFUSED = "SignalsRefused"
    ALERTS = "Alerts"

    ORDERS = "Orders"
    ORDERS_FILLED = "OrdersFilled"
    ORDERS_REJECTED = "OrdersRejected"
    ORDERS_FAILED = "OrdersFailed"
    SLIPPAGE_BPS = "SlippageBps"
    SLIPPAGE_PERCENT = "SlippagePercent"
    SHORTFALL_BPS = "ShortfallBps"
    EFFECTIVE_SPREAD_BPS = "EffectiveSpreadBps"
    PRICE_IMPROVEMENT_BPS = "PriceImprovementBps"
    RISK_REWARD = "RiskReward"
    SECONDS_TO_FILL = "SecondsToFill"
    REPEGS = "Repegs"
    MARKET_FALLBACKS = "MarketFallbacks"
    CHILD_ORDERS = "ChildOrders"
    CHILD_ORDERS_CANCELLED = "ChildOrdersCancelled"
    CHILD_ORDERS_FILLED = "ChildOrdersFilled"
    BARE_SECONDS = "BareSeconds"
    CAP_BREACHES = "CapBreaches"
    ESTIMATED_COST = "EstimatedCost"

    FUNCTION_ERRORS = "FunctionErrors"

    BROKER_CALLS = "BrokerCalls"
    BROKER_ERRORS = "BrokerErrors"
    BROKER_UNANSWERED = "BrokerUnanswered"
    BROKER_THROTTLED = "BrokerThrottled"
    BROKER_LATENCY = "BrokerLatency"
    REQUESTS_LEFT = "RequestsLeft"

    OPEN_ORDERS = "OpenOrders"
    BARE_POSITIONS = "BarePositions"
    PAST_STOP_POSITIONS = "PastStopPositions"
    STUCK_CANCELS = "StuckCancels"
    DRIFT = "Drift"
    INTAKE_PAUSED = "IntakePaused"
    MISSED_RUNS = "MissedRuns"

    REBALANCES = "Rebalances"
    REBALANCE_DRIFT = "RebalanceDriftPercent"
    REBALANCE_RESIDUALS = "RebalanceResiduals"


BREAKDOWNS = ("ladder", "symbol_class", "outcome", "reason")
"""The other dimensions that there are: each has few values."""
BROKEN_DOWN = frozenset({Metric.ORDERS, Metric.SLIPPAGE_BPS, Metric.SECONDS_TO_FILL})
"""Metrics that are told by each of them, besides."""


class Target(NamedTuple):
    """What a figure is held to, and where its alarm goes off."""

    wanted: Decimal
    alarm: Decimal
    above: bool
    """Whether the trouble lies above the level, or below it."""
    itself: bool = False
    """Whether the target itself is as wanted."""

    def met(self, value: Decimal) -> bool:
        """True when a value is as wanted."""
        if value == self.wanted:
            return self.itself
        return value < self.wanted if self.above else value > self.wanted

    def alarms(self, value: Decimal) -> bool:
        """True when a value is beyond the level of its alarm."""
        return value > self.alarm if self.above else value < self.alarm


class About(NamedTuple):
    """How a metric is read: `statistic` of `unit`, and what it says."""

    unit: Unit
    statistic: str
    says: str
    gauge: bool = False
    """Told by the sweep, as it stands in that minute; what is as it should be is not told again and again."""
    target: Target | None = None


def _count(says: str) -> About:
    return About(Unit.COUNT, "Sum", says)


def _bps(says: str) -> About:
    return About(Unit.NONE, "Average", says)


def _standing(says: str) -> About:
    return About(Unit.COUNT, "Maximum", says, gauge=True)


def _figure(unit: Unit, says: str, target: Target) -> About:
    return About(unit, "Average", says, gauge=True, target=target)


_PERCENT, _RATIO = Unit.PERCENT, Unit.NONE
_SLIPPAGE = Target(wanted=Decimal("0.10"), alarm=Decimal("0.15"), above=True)
_REJECTED = Target(wanted=Decimal(10), alarm=Decimal(20), above=True)
_RISK_REWARD = Target(wanted=Decimal(2), alarm=Decimal("1.8"), above=False, itself=True)
_FILLED = Target(wanted=Decimal(90), alarm=Decimal(80), above=False)

LISTED: dict[Metric, About] = {
    Metric.SLIPPAGE_GAUGE: _figure(_PERCENT, "Slippage of the last 50 entries, by dollars; + is cost", _SLIPPAGE),
    Metric.REJECTION_GAUGE: _figure(_PERCENT, "Entries rejected, of the last 50", _REJECTED),
    Metric.RISK_REWARD_GAUGE: _figure(_RATIO, "Reward for the risk, of the last 50 brackets that bought", _RISK_REWARD),
    Metric.FILL_GAUGE: _figure(_PERCENT, "Entries filled within 60 s, of the last 50 sent, refused or not", _FILLED),
    Metric.SIGNALS: _count("Messages taken from the queue: signals of orders and of rebalances"),
    Metric.SIGNALS_REFUSED: _count("Messages that were refused; they lie in the dead-letter queue"),
    Metric.ALERTS: _count("Alerts raised"),
    Metric.ORDERS: _count("Orders that ended, of every kind"),
    Metric.ORDERS_FILLED: _count("... all of it filled"),
    Metric.ORDERS_REJECTED: _count("... without an order at the broker"),
    Metric.ORDERS_FAILED: _count("... in trouble: a person looks at what is left"),
    Metric.SLIPPAGE_BPS: _bps("Average price against the reference price, in basis points; + is cost"),
    Metric.SLIPPAGE_PERCENT: About(_PERCENT, "Average", "The same in percent"),
    Metric.SHORTFALL_BPS: _bps("Average price against the mid on arrival, in basis points; + is cost"),
    Metric.EFFECTIVE_SPREAD_BPS: _bps("Twice the distance of the average price from the mid on arrival, in bps"),
    Metric.PRICE_IMPROVEMENT_BPS: _bps("Average price against the touch on arrival, in basis points; + is better"),
    Metric.RISK_REWARD: About(_RATIO, "Average", "Reward for the risk of a bracket as entered, from what was paid"),
    Metric.SECONDS_TO_FILL: About(Unit.SECONDS, "Average", "From the first child order to the last fill, market time"),
    Metric.REPEGS: _count("Limits sent after an order's first"),
    Metric.MARKET_FALLBACKS: _count("Orders that a market order had to finish"),
    Metric.CHILD_ORDERS: _count("Child orders that reached the broker"),
    Metric.CHILD_ORDERS_CANCELLED: _count("... and were cancelled, in whole or with a rest"),
    Metric.CHILD_ORDERS_FILLED: _count("... and filled, in whole or in part"),
    Metric.BARE_SECONDS: About(Unit.SECONDS, "Maximum", "From a bracket's last fill to its first OCO, else to its end"),
    Metric.CAP_BREACHES: _count("Orders whose average price lies beyond their cap"),
    Metric.ESTIMATED_COST: About(Unit.NONE, "Sum", "What AWS charges for an order, in dollars, by the price list"),
    Metric.FUNCTION_ERRORS: _count("Invocations that ended in an error or a time-out; most are tried again"),
    Metric.BROKER_CALLS: _count("Requests to the broker, for trading and market data"),
    Metric.BROKER_ERRORS: _count("... answered by an error of the broker's own (5xx), or not at all"),
    Metric.BROKER_UNANSWERED: _count("... not answered at all: time-outs and broken connections"),
    Metric.BROKER_THROTTLED: _count("... refused for their rate (429)"),
    Metric.BROKER_LATENCY: About(Unit.MILLISECONDS, "Average", "Time that the broker took to answer"),
    Metric.REQUESTS_LEFT: About(Unit.COUNT, "Minimum", "Trading requests left in the minute, as the broker last told"),
    Metric.OPEN_ORDERS: _standing("Orders that are not over"),
    Metric.BARE_POSITIONS: _standing("Brackets that hold shares which nothing guards, though something should"),
    Metric.PAST_STOP_POSITIONS: _standing("Brackets past their stop, with their shares still there"),
    Metric.STUCK_CANCELS: _standing("Orders that wait for a cancel which the broker does not confirm"),
    Metric.DRIFT: _standing("What differs between broker and records: shares, orders, fills, turns, counters"),
    Metric.INTAKE_PAUSED: _standing("1 while no signal is taken from the queue"),
    Metric.MISSED_RUNS: _standing("Runs of schedules that were due and are not on record"),
    Metric.REBALANCES: _count("Rebalances that ended"),
    Metric.REBALANCE_DRIFT: About(_PERCENT, "Maximum", "The largest distance from its target that a rebalance left"),
    Metric.REBALANCE_RESIDUALS: _count("Legs that rebalances left undone"),
}  # fmt: skip

TARGETS = {metric: about.target for metric, about in LISTED.items() if about.target}
