"""How orders were worked: fills and their time, rungs, fallbacks, ends, exits, and what the cloud took for it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from decimal import Decimal

from desk.report.analysis.costs import ALL, NONE, dollars
from desk.report.analysis.document import Cloud, End, ExitLine, Exits, Fallbacks, Fills, Reached, RungLine
from desk.report.analysis.estimates import bps, quantiles
from desk.report.analysis.trades import ZERO, Left, Trade
from desk.report.prices import PRICED_ON, REGION, TRANSITION
from repeg.domain.metrics.figures import FILLED_WITHIN_SECONDS
from repeg.domain.reasons import Status

SECONDS = tuple(map(Decimal, ("0.25", "0.5", "1", "2.5", "5", "7.5", "10", "15", "20", "30", "60", "120", "600")))
"""By when entries were filled is told at these."""


def fills(entries: Sequence[Trade]) -> Fills:
    """Of entries that are over."""
    sent = [trade for trade in entries if trade.sent]
    whole = [trade for trade in sent if trade.status is Status.FILLED]
    seconds = [trade.seconds for trade in whole if trade.seconds is not None]
    spread = quantiles(seconds)
    return Fills(
        sent=len(sent),
        filled=len(whole),
        partly=sum(trade.filled and trade.status is not Status.FILLED for trade in sent),
        within_60_s=sum(each <= FILLED_WITHIN_SECONDS for each in seconds),
        p5_seconds=spread and spread.p5,
        p25_seconds=spread and spread.p25,
        median_seconds=spread and spread.median,
        p75_seconds=spread and spread.p75,
        p95_seconds=spread and spread.p95,
        by_seconds=[_reached(limit, seconds, len(sent)) for limit in SECONDS if sent],
    )


def _reached(limit: Decimal, seconds: Sequence[Decimal], sent: int) -> Reached:
    orders = sum(each <= limit for each in seconds)
    return Reached(seconds=limit, orders=orders, share=bps(Decimal(orders) / sent))


def rungs(trades: Sequence[Trade]) -> list[RungLine]:
    """Every rung that an order came to, by ladder."""
    reached: Counter[tuple[str, int]] = Counter()
    filled: dict[tuple[str, int], list[tuple[bool, Decimal]]] = defaultdict(list)
    for trade in trades:
        ladder = trade.ladder or NONE
        reached.update((ladder, rung) for rung in range(1, trade.reached + 1))
        by_rung: dict[int, list[tuple[bool, Decimal]]] = defaultdict(list)
        for part in trade.fills:
            by_rung[part.rung].append((part.market, part.dollars))
        for rung, parts in by_rung.items():
            some = any(market for market, _ in parts), sum((amount for _, amount in parts), ZERO)
            filled[ladder, rung].append(some)
    return [
        RungLine(
            ladder=ladder,
            rung=rung,
            market=any(market for market, _ in filled[ladder, rung]),
            reached=count,
            filled=len(filled[ladder, rung]),
            dollars=dollars(sum((amount for _, amount in filled[ladder, rung]), ZERO)),
        )
        for (ladder, rung), count in sorted(reached.items())
    ]


def fallbacks(trades: Sequence[Trade]) -> Fallbacks:
    """Of orders that are over."""
    return Fallbacks(
        repegs=sum(trade.repegs for trade in trades),
        repegged=sum(trade.repegs > 0 for trade in trades),
        market=sum(trade.market_fallback for trade in trades),
        at_worst=sum(trade.at_worst for trade in trades),
        cap_breached=sum(trade.cap_breached for trade in trades),
    )


def ends(entries: Sequence[Trade]) -> list[End]:
    """Why entries ended as they did, where there is a reason."""
    counted = Counter((trade.status, trade.reason) for trade in entries if trade.reason)
    return [
        End(
            status=status.value,
            reason=reason.value,
            meaning=reason.explanation,
            orders=count,
            share=bps(Decimal(count) / len(entries)),
        )
        for (status, reason), count in counted.most_common()
        if reason
    ]


def exits(trades: Sequence[Trade]) -> Exits:
    """How brackets left."""
    gone = [(trade, left) for trade in trades for left in trade.left]

    def by(name: Callable[[Trade, Left], str | None]) -> list[ExitLine]:
        found: dict[str | None, list[tuple[Trade, Left]]] = defaultdict(list)
        for trade, left in gone:
            found[name(trade, left)].append((trade, left))
        return [_exit_line(one, found[one]) for one in sorted(found, key=lambda one: one or "")]

    return Exits(
        all=_exit_line(ALL, gone),
        by_reason=by(lambda _, left: left.reason),
        by_day=by(lambda _, left: left.day),
        by_strategy=by(lambda trade, _: trade.strategy or None),
        unpriced=sum(trade.unpriced for trade in trades),
        held=sum(trade.held for trade in trades),
        entered=sum(trade.entered for trade in trades),
        protected=sum(trade.entered and trade.protected for trade in trades),
        unwind_cost=dollars(sum((trade.unwind_cost for trade in trades), ZERO)),
    )


def _exit_line(name: str | None, gone: Sequence[tuple[Trade, Left]]) -> ExitLine:
    rewards = [left.reward for _, left in gone if left.reward is not None]
    return ExitLine(
        name=name,
        brackets=len({trade.order_id for trade, _ in gone}),
        exits=len(gone),
        won=sum(left.dollars > 0 for _, left in gone),
        dollars=dollars(sum((left.dollars for _, left in gone), ZERO)),
        reward=bps(sum(rewards, ZERO)) if rewards else None,
    )


def cloud(trades: Sequence[Trade], orders: int) -> Cloud:
    """An estimate, as the metric `EstimatedCost` is, for so many orders and for what was said about them.

    What runs without any order is not in it.
    """
    transitions = sum(trade.transitions for trade in trades)
    for_transitions = transitions * Decimal(repr(TRANSITION))
    total = sum((trade.cost for trade in trades), ZERO)
    parts = Decimal("0.000001")
    return Cloud(
        transitions=transitions,
        transition_dollars=for_transitions.quantize(parts),
        other_dollars=(total - for_transitions).quantize(parts),
        dollars=total.quantize(parts),
        dollars_per_order=(total / orders).quantize(parts) if orders else None,
        priced_on=PRICED_ON,
        region=REGION,
        estimate=True,
    )
