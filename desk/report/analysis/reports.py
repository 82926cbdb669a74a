"""From orders to the report: a look at all of them for their figures, and one more at a few, to be drawn."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from desk.report.analysis.costs import against_the_old_way, by_shortfall, by_slippage, cost_section, costs, dollars
from desk.report.analysis.document import Counts, Period, Report, Step, TargetLine, Timeline
from desk.report.analysis.trades import ZERO, Trade, trade_of
from desk.report.analysis.working import cloud, ends, exits, fallbacks, fills, rungs
from repeg.domain.metrics.figures import Figure, Mark, figures
from repeg.domain.metrics.listed import LISTED, Metric
from repeg.domain.order.record import Order

SHOWN = 6
"""Orders that are drawn at either end."""
_PLACES = Decimal("0.0001")

Details = Callable[[Sequence[str]], Mapping[str, Order]]
"""Orders by their ids, those that there are."""


class Span(NamedTuple):
    """Which orders a report is about: created from `since` on, before `until` (market time); None: no bound."""

    since: datetime | None = None
    until: datetime | None = None
    strategy: str | None = None

    def holds(self, order: Order) -> bool:
        """True for an order that it is about."""
        return (
            (self.since is None or order.created_at >= self.since)
            and (self.until is None or order.created_at < self.until)
            and self.strategy in (None, order.strategy)
        )


def report_over(
    orders: Iterable[Order], details: Details, span: Span, unread: Mapping[str, str] | None = None
) -> Report:
    """The report over those of `orders` that the span holds; `unread` has what proves unreadable on the way."""
    # One after the other: ten thousand records at once would be a hundred times what their figures are.
    trades = [trade_of(order) for order in orders if span.holds(order)]
    # In one order, whichever the store has: what is drawn by chance, and who comes first of equals, stays the same.
    found = report_of(sorted(trades, key=lambda trade: (trade.created_at, trade.order_id)), details, span)
    return found.changed(unread=sorted(unread or ()))


def report_of(trades: Sequence[Trade], details: Details, span: Span) -> Report:
    """The report over trades."""
    orders = [trade for trade in trades if not trade.instruction]
    over = [trade for trade in orders if trade.status.terminal]
    entries = [trade for trade in over if not trade.exit]
    ranked = sorted((trade for trade in over if trade.shortfall_bps is not None), key=lambda t: t.shortfall_dollars)
    worst = ranked[-SHOWN:][::-1]
    best = ranked[: min(SHOWN, len(ranked) - len(worst))]
    drawn = details([trade.order_id for trade in (*best, *worst)])
    return Report(
        period=_period(orders, span),
        targets=target_lines([trade.mark for trade in over if trade.mark]),
        counts=_counts(orders, len(entries)),
        slippage=cost_section(by_slippage(entries)),
        shortfall=cost_section(by_shortfall(entries)),
        leaving=costs("exits", by_shortfall(trade for trade in over if trade.exit)),
        fills=fills(entries),
        rungs=rungs(over),
        fallbacks=fallbacks(over),
        ends=ends(entries),
        exits=exits(orders),
        old_way=against_the_old_way(over),
        cloud=cloud(trades, len(orders)),
        best=[_timeline(trade, drawn[trade.order_id]) for trade in best if trade.order_id in drawn],
        worst=[_timeline(trade, drawn[trade.order_id]) for trade in worst if trade.order_id in drawn],
        unread=[],
    )


def _period(trades: Sequence[Trade], span: Span) -> Period:
    created = [trade.created_at for trade in trades]
    return Period(
        since=span.since,
        until=span.until,
        strategy=span.strategy,
        first=min(created, default=None),
        last=max(created, default=None),
    )


_NAMES = {
    Figure.SLIPPAGE: "average slippage",
    Figure.REJECTED: "rejected",
    Figure.RISK_REWARD: "reward for the risk",
    Figure.FILLED: "filled within 60 s",
}


def target_lines(marks: Sequence[Mark]) -> list[TargetLine]:
    """The four figures over all these marks, each beside its target."""
    found = figures(marks).gauges()
    about = {
        Figure.SLIPPAGE: sum(mark.slippage_bps is not None for mark in marks),
        Figure.REJECTED: len(marks),
        Figure.RISK_REWARD: sum(mark.risk_reward is not None for mark in marks),
        Figure.FILLED: sum(mark.sent for mark in marks),
    }
    return [_target(figure, found.get(figure), about[figure]) for figure in Figure]


def _target(figure: Figure, value: Decimal | None, orders: int) -> TargetLine:
    metric = LISTED[Metric(figure.value)]
    target = metric.target
    if target is None:
        raise ValueError(f"{figure} has no target")
    unit = "%" if metric.unit.value == "Percent" else ""
    way = ("at most" if target.itself else "below") if target.above else ("at least" if target.itself else "above")
    return TargetLine(
        metric=figure.value,
        name=_NAMES[figure],
        wanted=f"{way} {target.wanted} {unit}".rstrip(),
        level=target.wanted,
        unit=unit,
        measured=None if value is None else value.quantize(_PLACES),
        # Judged before it is cut: 0.10004 is not below 0.1.
        ok=None if value is None else target.met(value),
        orders=orders,
    )


def _counts(trades: Sequence[Trade], entries: int) -> Counts:
    return Counts(
        orders=len(trades),
        open=sum(not trade.status.terminal for trade in trades),
        entries=entries,
        sent=sum(trade.sent > 0 for trade in trades),
        traded=sum(trade.filled for trade in trades),
        traded_dollars=dollars(sum((trade.traded for trade in trades), ZERO)),
        by_status=dict(Counter(trade.status.value for trade in trades).most_common()),
    )


def _timeline(trade: Trade, order: Order) -> Timeline:
    terms = order.terms
    return Timeline(
        order_id=order.order_id,
        signal_id=order.signal_id,
        symbol=order.symbol,
        side=order.side,
        kind=order.kind,
        strategy=order.strategy,
        ladder=trade.ladder,
        status=order.status.value,
        reason=order.reason.value if order.reason else None,
        created_at=order.created_at,
        filled_qty=order.filled_qty,
        price=None if order.avg_fill_price is None else order.avg_fill_price.quantize(Decimal("0.000001")),
        reference_price=terms.reference_price,
        arrival_bid=terms.arrival_bid,
        arrival_ask=terms.arrival_ask,
        shortfall_bps=None if trade.shortfall_bps is None else trade.shortfall_bps.quantize(_PLACES),
        shortfall_dollars=dollars(trade.shortfall_dollars),
        saved_dollars=dollars(trade.saved_dollars),
        seconds_to_fill=trade.seconds,
        steps=[
            Step(
                rung=child.rung,
                type=child.type,
                limit_price=child.limit_price,
                qty=child.qty,
                filled_qty=child.filled_qty,
                price=child.avg_fill_price,
                bid=child.bid,
                ask=child.ask,
                sent_at=child.sent_at,
                closed_at=child.closed_at,
                status=child.status.value,
            )
            for child in order.sent
        ],
    )
