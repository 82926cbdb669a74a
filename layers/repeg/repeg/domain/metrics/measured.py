"""What is measured of an order, a rebalance and a sweep: lines, each with values and what they are broken down by."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from repeg.domain.metrics.figures import Mark, gauges, is_no_order
from repeg.domain.metrics.listed import BREAKDOWNS, BROKEN_DOWN, Metric
from repeg.domain.models import direction
from repeg.domain.money import BPS, plain
from repeg.domain.order.children import ChildStatus
from repeg.domain.order.record import ZERO, Order
from repeg.domain.patience import END_TOLD_FOR
from repeg.domain.reasons import Status

if TYPE_CHECKING:
    from repeg.domain.rebalance.record import Rebalance  # what works orders does not pay for reading it

Value = Decimal | int | float

# By docs/performance.md, which has it measured: an order at once costs three transitions and $0.000035 for all else.
TRANSITION_DOLLARS = Decimal("0.000025")
TRANSITIONS_PER_EXECUTION = 3
TRANSITIONS_PER_WAIT = 3
OTHER_DOLLARS = Decimal("0.000035")
OTHER_DOLLARS_PER_WAIT = Decimal("0.000012")
# Each child order before the last is waited for and cancelled; one that rests longer is looked at once more.
TRANSITIONS_PER_REPEG, TRANSITIONS_PER_LONG_REPEG = 5, 8
LONG_SECONDS = 3
OTHER_DOLLARS_PER_REPEG = Decimal("0.00003")


REFUSED, NOT_FOUND, TOO_MANY_REQUESTS, SERVER_ERROR = 400, 404, 429, 500
# Of a storm the first say enough, and the line stays short.
FAILURES_NAMED = 5


class Line(NamedTuple):
    """Values that are told together. Each carries the stack's name; with `by`, once for each of these instead."""

    values: Mapping[Metric, Value | list[Value]]
    by: Mapping[str, str] = {}
    about: Mapping[str, str] = {}
    """What the line is about: to be found in the log by, no dimension."""


def lines_of(order: Order) -> tuple[Line, ...]:
    """What an order that is over tells: once for the stack, once by ladder, class of symbol, outcome and reason."""
    if is_no_order(order):
        return ()
    about = {"order_id": order.order_id, "signal_id": order.signal_id, "symbol": order.symbol, "kind": order.kind}
    about["filled_qty"] = plain(order.filled_qty)
    by = zip(BREAKDOWNS, (order.terms.ladder, order.terms.symbol_class, order.status, order.reason), strict=True)
    whole = _counted(order) | _priced(order)
    parted = {metric: value for metric, value in whole.items() if metric in BROKEN_DOWN}
    return Line(whole, about=about), Line(parted, {name: str(value) for name, value in by if value}, about)


def _counted(order: Order) -> dict[Metric, Value]:
    sent, older = order.sent, order.bygone
    status = order.status
    return {
        Metric.ORDERS: 1,
        Metric.ORDERS_FILLED: int(status is Status.FILLED),
        Metric.ORDERS_REJECTED: int(status is Status.REJECTED),
        Metric.ORDERS_FAILED: int(status in (Status.FAILED, Status.UNWOUND)),
        Metric.REPEGS: order.repegs,
        Metric.MARKET_FALLBACKS: int(order.market_fallback),
        Metric.CHILD_ORDERS: older.sent + len(sent),
        Metric.CHILD_ORDERS_CANCELLED: older.cancelled + sum(child.status is ChildStatus.CANCELED for child in sent),
        Metric.CHILD_ORDERS_FILLED: older.fills + sum(child.filled_qty > 0 for child in sent),
        Metric.CAP_BREACHES: int(order.result.cap_breached),
        Metric.ESTIMATED_COST: estimated_cost(order),
    }


def estimated_transitions(order: Order) -> int:
    """States that its executions entered, about: how often a step was tried again is not known."""
    waits = TRANSITIONS_PER_WAIT * order.run.waits_since_start
    older = TRANSITIONS_PER_LONG_REPEG * order.bygone.sent
    walked = sum(
        TRANSITIONS_PER_LONG_REPEG if child.patience > LONG_SECONDS else TRANSITIONS_PER_REPEG
        for child in order.sent[:-1]
    )
    return TRANSITIONS_PER_EXECUTION * order.run.executions + waits + older + walked


def estimated_cost(order: Order) -> Decimal:
    """What AWS charges for an order, in dollars, about."""
    repegs = order.bygone.sent + max(0, len(order.sent) - 1)
    other = OTHER_DOLLARS + OTHER_DOLLARS_PER_WAIT * order.run.waits_since_start + OTHER_DOLLARS_PER_REPEG * repegs
    return TRANSITION_DOLLARS * estimated_transitions(order) + other


def _priced(order: Order) -> dict[Metric, Value]:
    """What there is to say of prices and times, of an order that bought or sold."""
    result = order.result
    found: dict[Metric, Value | None] = {
        Metric.SLIPPAGE_BPS: result.slippage_bps,
        Metric.SLIPPAGE_PERCENT: None if result.slippage_bps is None else result.slippage_bps / 100,
        Metric.SHORTFALL_BPS: result.shortfall_bps,
        Metric.EFFECTIVE_SPREAD_BPS: None if result.shortfall_bps is None else abs(result.shortfall_bps) * 2,
        Metric.PRICE_IMPROVEMENT_BPS: price_improvement_bps(order),
        Metric.SECONDS_TO_FILL: result.seconds_to_fill if order.filled_qty else None,
        Metric.RISK_REWARD: order.guard.risk_reward if order.filled_qty else None,
        Metric.BARE_SECONDS: _bare_seconds(order),
    }
    return {metric: value for metric, value in found.items() if value is not None}


def arrival_touch(order: Order) -> Decimal | None:
    """The price that a market order would have met on arrival: the ask of a buy, the bid of a sell."""
    return order.terms.arrival_ask if order.side == "buy" else order.terms.arrival_bid


def price_improvement_bps(order: Order) -> Decimal | None:
    """The average price against the touch on arrival; + is better. None: nothing filled, or no quote."""
    touch, price = arrival_touch(order), order.avg_fill_price
    return (
        None if not touch or not price or order.side is None else direction(order.side) * (touch - price) / touch * BPS
    )


def _bare_seconds(order: Order) -> Decimal | None:
    """From the end of a bracket's entry to the first OCO that was written down to be sent; without one, to its end."""
    placed = [oco.first_placed_at or oco.placed_at for oco in order.guard.protections]
    closed = [child.closed_at for child in order.sent if child.closed_at and child.filled_qty > 0]
    if order.kind != "bracket" or not closed:
        return None
    # The longest time of all is that of shares which nothing ever guarded.
    until = min(placed) if placed else _left_at(order)
    return max(ZERO, Decimal(str((until - max(closed)).total_seconds()))) if until else None


def _left_at(order: Order) -> datetime | None:
    """When the last share of it left; while some are there, when the order itself was over."""
    return order.exit_at if order.exit_at and order.unexited_qty <= 0 else order.completed_at


def line_of_rebalance(rebalance: Rebalance) -> Line:
    """What a rebalance tells that is over."""
    off = [abs(left.drift) for left in rebalance.residual]
    values: dict[Metric, Value] = {
        Metric.REBALANCES: 1,
        Metric.REBALANCE_RESIDUALS: len(off),
        Metric.REBALANCE_DRIFT: max(off, default=ZERO) * 100,
    }
    return Line(values, about={"rebalance_id": rebalance.rebalance_id, "signal_id": rebalance.signal_id})


class Call(NamedTuple):
    """A request to the broker as it went."""

    milliseconds: float
    status: int | None
    """None: it was not answered."""
    left: int | None = None
    """Trading requests that the broker says are left of the minute's."""
    what: str = ""
    """Its method and path."""

    @property
    def served(self) -> bool:
        """True when it was answered, if only by a no: neither by an error of the broker's own, nor not at all."""
        return self.status is not None and self.status < SERVER_ERROR

    @property
    def failed(self) -> bool:
        """True when it was refused or not answered; that a thing is not there is an answer."""
        return self.status is None or (self.status >= REFUSED and self.status != NOT_FOUND)


def line_of_calls(calls: Sequence[Call]) -> Line:
    """What the requests of one invocation tell."""
    unanswered = sum(call.status is None for call in calls)
    left = [call.left for call in calls if call.left is not None]
    values: dict[Metric, Value | list[Value]] = {
        Metric.BROKER_CALLS: len(calls),
        Metric.BROKER_ERRORS: unanswered + sum((call.status or 0) >= SERVER_ERROR for call in calls),
        Metric.BROKER_UNANSWERED: unanswered,
        Metric.BROKER_THROTTLED: sum(call.status == TOO_MANY_REQUESTS for call in calls),
        Metric.BROKER_LATENCY: [call.milliseconds for call in calls],
    }
    failed = [f"{call.what}: {call.status or 'no answer'}" for call in calls if call.failed]
    about = {"failed": ", ".join(failed[:FAILURES_NAMED])} if failed else {}
    return Line(values | ({Metric.REQUESTS_LEFT: min(left)} if left else {}), about=about)


class Standing(NamedTuple):
    """How things stand, as a sweep found them; None where it could not see."""

    open_orders: int | None = None
    bare: int | None = None
    past_stop: int | None = None
    drift: int | None = None
    stuck_cancels: int | None = None
    missed_runs: int | None = None
    intake_paused: bool | None = None

    def seen(self) -> dict[Metric, int]:
        """What was seen, by metric."""
        found = {
            Metric.OPEN_ORDERS: self.open_orders,
            Metric.BARE_POSITIONS: self.bare,
            Metric.PAST_STOP_POSITIONS: self.past_stop,
            Metric.DRIFT: self.drift,
            Metric.STUCK_CANCELS: self.stuck_cancels,
            Metric.MISSED_RUNS: self.missed_runs,
            Metric.INTAKE_PAUSED: self.intake_paused,
        }
        # A zero for what nobody looked at would end an alarm whose trouble lasts.
        return {metric: int(value) for metric, value in found.items() if value is not None}


def line_of_sweep(standing: Standing, newest: Sequence[Mark], before: Collection[str]) -> Line:
    """What a sweep tells: what there is, what is over since, and the figures that enough orders stand behind.

    `before` names what was there lately. A metric is billed by the hours in which it was told: of what is
    as it should be, minute after minute, nothing is told.
    """
    told: dict[Metric, Value] = {metric: n for metric, n in standing.seen().items() if n or metric.value in before}
    return Line(told | {Metric(figure.value): value for figure, value in gauges(newest).items()})


def left_standing(standing: Standing, before: Mapping[str, datetime], now: datetime) -> dict[str, datetime]:
    """What the next sweep tells the end of: what there is, what could not be looked at, and what is over of late.

    By metric: when it was last there, in market time.
    """
    # Told once, the end could fall into the minute of the last bad count, whose maximum it does not change: an alarm
    # that waits for the next count would ring for ever.
    # What was there in a future that was set back was there a moment ago.
    lately = {name: min(at, now) for name, at in before.items() if now - at <= END_TOLD_FOR}
    seen = standing.seen()
    there = (metric.value for metric in Metric if seen.get(metric, metric.value in before))
    return lately | dict.fromkeys(there, now)
