"""The end-of-day summary: the day's orders in one event, which is mailed as the alerts are."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from repeg.domain.market.reports import TradingDay
from repeg.domain.metrics.figures import mark_of
from repeg.domain.order.record import Order
from repeg.domain.rebalance.planned import Residual
from repeg.domain.schedule.runs import Outcome, ScheduledRun
from repeg.domain.schedule.summary import Missing, early_close, is_of, is_of_week, sum_up
from repeg.domain.schedule.times import day_of
from repeg.events import SUMMARY
from repeg.schedules.runner import Bench, Decided, Done, Job

# What came on the eve of a long weekend may have waited until today.
LOOK_BACK = timedelta(days=5)
MOST_ORDERS = 5000
MOST_REBALANCES = 50


def _decide(bench: Bench, session: TradingDay, run_id: str) -> Decided:
    return Decided(None)


def _perform(bench: Bench, session: TradingDay, run: ScheduledRun) -> Done:
    worker = bench.worker
    holding, unread = worker.orders.several(worker.orders.holding_shares())
    recent, left = list(_recent(bench, session.date, unread)), list(_residuals_of(bench, session.date, unread))
    orders = (order for order in recent if is_of(order, session.date))
    week = [mark for order in recent if is_of_week(order, session.date) and (mark := mark_of(order))]
    missing = Missing(unread=tuple(sorted(unread)), only_newest=MOST_ORDERS if len(recent) >= MOST_ORDERS else None)
    summary = sum_up(session.date, orders, holding.values(), left, early_close(session.closes_at), week, missing)
    line = summary.line()
    # The day first: a phone shows little more than that of a mail.
    message = worker.stack.line(f"{session.date:%a %d %b}", line, "repeg orders")
    worker.publisher.publish(SUMMARY, {**summary.view(), "message": message})
    return Done(Outcome.SUMMED_UP, line)


SUMMING_UP = Job(_decide, _perform)


def _recent(bench: Bench, day: date, unread: dict[str, str]) -> Iterator[Order]:
    """Orders that may be of the day or its week, the newest first; `unread` gets those that cannot be read."""
    for order in bench.worker.orders.newest(MOST_ORDERS, unread):
        if day_of(order.created_at) < day - timedelta(days=day.weekday()) - LOOK_BACK:
            return
        yield order


def _residuals_of(bench: Bench, day: date, unread: dict[str, str]) -> Iterator[Residual]:
    """What the day's rebalances left undone: of several, what each of them did."""
    for rebalance in bench.rebalances.newest(MOST_REBALANCES, unread):
        if day_of(rebalance.created_at) < day - LOOK_BACK:
            return
        ended = rebalance.completed_at
        if ended and day_of(ended) == day and not rebalance.wanted.dry_run:
            yield from rebalance.residual
