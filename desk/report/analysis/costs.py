"""What entries cost, and what they saved against the old way."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal

from desk.report.analysis.document import Bar, Costs, CostSection, Minute, OldBrackets, OldWay, Saved
from desk.report.analysis.estimates import average, bps, histogram, quantiles
from desk.report.analysis.trades import ZERO, Trade
from repeg.domain.metrics.listed import TARGETS, Metric
from repeg.domain.reasons import Reason, Status

CENT_PARTS = Decimal("0.0001")
NONE = "none"
ALL = "all"
# What a market order would have bought in spite of.
_FOR_ITS_PRICE = frozenset({Reason.SLIPPAGE_EXCEEDED, Reason.STOP_THROUGH, Reason.RISK_REWARD_TOO_LOW})

Point = tuple[Trade, Decimal, Decimal]
"""A trade, what it cost in basis points, and of how many dollars."""


def dollars(value: Decimal) -> Decimal:
    """To the hundredth of a cent: sums of exact figures, cut once."""
    return value.quantize(CENT_PARTS)


def grouped(trades: Iterable[Trade], name: Callable[[Trade], str | None]) -> dict[str, list[Trade]]:
    """Trades by a name, in order of the names."""
    found: dict[str, list[Trade]] = defaultdict(list)
    for trade in trades:
        found[name(trade) or NONE].append(trade)
    return dict(sorted(found.items()))


def by_slippage(trades: Iterable[Trade]) -> list[Point]:
    """Those that traded against a reference price."""
    return [(each, each.slippage_bps, each.slippage_base) for each in trades if each.slippage_bps is not None]


def by_shortfall(trades: Iterable[Trade]) -> list[Point]:
    """Those that traded, and have a quote of their arrival."""
    return [(each, each.shortfall_bps, each.shortfall_base) for each in trades if each.shortfall_bps is not None]


def costs(name: str, points: Sequence[Point]) -> Costs:
    """What some orders cost."""
    base = sum((base for _, _, base in points), ZERO)
    cost = sum((value * base for _, value, base in points), ZERO) / 10_000
    estimate = average([(value, base) for _, value, base in points])
    spread = quantiles([value for _, value, _ in points])
    return Costs(
        name=name,
        orders=len(points),
        dollars=dollars(base),
        cost_dollars=dollars(cost),
        average_bps=estimate.average,
        low_bps=estimate.low,
        high_bps=estimate.high,
        interval=estimate.method,
        p5_bps=spread and spread.p5,
        p25_bps=spread and spread.p25,
        median_bps=spread and spread.median,
        p75_bps=spread and spread.p75,
        p95_bps=spread and spread.p95,
    )


def cost_section(points: Sequence[Point]) -> CostSection:
    """The same in all, by class, ladder and minute."""
    minutes: dict[int, list[Point]] = defaultdict(list)
    for point in points:
        if point[0].minute is not None:
            minutes[point[0].minute].append(point)
    return CostSection(
        all=costs(ALL, points),
        by_class=_broken(points, lambda trade: trade.symbol_class),
        by_ladder=_broken(points, lambda trade: trade.ladder),
        by_minute=[_minute(at, some) for at, some in sorted(minutes.items())],
        histogram=[
            Bar(low=each.low, high=each.high, orders=each.orders)
            for each in histogram([value for _, value, _ in points])
        ],
    )


def _broken(points: Sequence[Point], name: Callable[[Trade], str | None]) -> list[Costs]:
    found: dict[str, list[Point]] = defaultdict(list)
    for point in points:
        found[name(point[0]) or NONE].append(point)
    return [costs(one, some) for one, some in sorted(found.items())]


def _minute(at: int, points: Sequence[Point]) -> Minute:
    base = sum((base for _, _, base in points), ZERO)
    cost = sum((value * base for _, value, base in points), ZERO)
    return Minute(
        minute=f"{at // 60:02d}:{at % 60:02d}",
        orders=len(points),
        cost_dollars=dollars(cost / 10_000),
        average_bps=bps(cost / base) if base else None,
    )


def against_the_old_way(trades: Sequence[Trade]) -> OldWay:
    """What orders of every kind that are over saved against a market order on arrival."""
    compared = [trade for trade in trades if trade.saved_bps is not None]
    traded = sum(trade.traded > 0 and trade.status.terminal for trade in trades)
    return OldWay(
        all=saved(ALL, compared),
        by_class=[saved(name, some) for name, some in grouped(compared, lambda trade: trade.symbol_class).items()],
        by_day=[saved(name, some) for name, some in grouped(compared, lambda trade: trade.day).items()],
        brackets=_brackets(trades),
        without_quote=traded - len(compared),
    )


def saved(name: str, trades: Sequence[Trade]) -> Saved:
    """What some orders saved."""
    base = sum((trade.saved_base for trade in trades), ZERO)
    estimate = average([(trade.saved_bps or ZERO, trade.saved_base) for trade in trades])

    def of_all(value: Decimal | None) -> Decimal | None:
        return None if value is None else dollars(value * base / 10_000)

    return Saved(
        name=name,
        orders=len(trades),
        dollars=dollars(base),
        saved_dollars=dollars(sum((trade.saved_dollars for trade in trades), ZERO)),
        low_dollars=of_all(estimate.low),
        high_dollars=of_all(estimate.high),
        saved_bps=estimate.average,
        low_bps=estimate.low,
        high_bps=estimate.high,
        interval=estimate.method,
    )


def _brackets(trades: Sequence[Trade]) -> OldBrackets:
    known = [(trade, trade.old) for trade in trades if trade.old]
    entered = [(trade, old) for trade, old in known if trade.traded > 0]
    refused = [old for trade, old in known if trade.status is Status.REJECTED and trade.reason in _FOR_ITS_PRICE]
    left = [(gone.dollars, gone.old_dollars) for trade in trades for gone in trade.left if gone.old_dollars is not None]
    return OldBrackets(
        entered=len(entered),
        risk_reward=_mean([trade.risk_reward for trade, _ in entered if trade.risk_reward is not None]),
        old_risk_reward=_mean([old.risk_reward for _, old in entered if old.risk_reward is not None]),
        below_minimum=sum(_too_low(trade.risk_reward) for trade, _ in entered),
        old_below_minimum=sum(_too_low(old.risk_reward) for _, old in entered),
        refused=len(refused),
        refused_below_minimum=sum(_too_low(old.risk_reward) for old in refused),
        refused_worse_dollars=dollars(sum((old.worse_than_signal for old in refused), ZERO)),
        closed=len(left),
        dollars=dollars(sum((ours for ours, _ in left), ZERO)),
        old_dollars=dollars(sum((old or ZERO for _, old in left), ZERO)),
    )


def _too_low(reward: Decimal | None) -> bool:
    """None: the entry would have stood at or through its stop."""
    return reward is None or reward < TARGETS[Metric.RISK_REWARD_GAUGE].wanted


def _mean(values: Sequence[Decimal]) -> Decimal | None:
    return bps(sum(values, ZERO) / len(values)) if values else None
