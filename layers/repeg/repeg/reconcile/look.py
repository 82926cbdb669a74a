"""Both sides read: three trading requests for the broker's, more on a wild day, a few queries for the store's."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import islice

from repeg.broker.port import MOST_FILLS
from repeg.care.survey import Survey, list_executions
from repeg.domain.market.reports import Fill, OrderReport
from repeg.domain.order.children import ChildRecord
from repeg.domain.order.record import Order
from repeg.domain.order.reservation import Priority
from repeg.domain.reconcile.book import Book, Queue, name_of
from repeg.domain.reconcile.trades import by_broker_id, unshown_fills
from repeg.domain.rules.life import is_told
from repeg.errors import RetryError
from repeg.reconcile.counters import Counters
from repeg.reconcile.day import read_day

NEWEST = 100
"""Records that a look reads for each 100 fills, beside those that hold or owe something."""
FILLED_WITHIN = timedelta(minutes=10)
"""The time whose fills a look compares: those since the last comparison, and since the one before should that fail."""
ASKED = 10
"""Orders behind fills that no record names which one look asks for: one trading request each."""


@dataclass
class Records:
    """Records read so far, and what is wrong with those that cannot be read."""

    orders: dict[str, Order] = field(default_factory=dict)
    broken: dict[str, str] = field(default_factory=dict)


def look(survey: Survey, counters: Counters, token: str, strangers: set[str]) -> Book:
    """The book as it stands; the survey has the broker's side after that, for who acts on it.

    `strangers` are orders that are known not to be ours, and become more.

    Raises:
        RetryError, OperatorError: the broker or the store could not be read; nothing follows from that.
    """
    fills = _list_broker(survey)
    # After the broker's side: whatever it shows of ours was written down before it was sent.
    store, records = survey.worker.orders, Records()
    to_do, listed = frozenset(store.to_do()), frozenset(store.holding_shares())
    shown = [report.client_order_id for report in (survey.open_orders or {}).values()]
    newest = store.newest_ids(NEWEST * max(1, math.ceil(len(fills) / NEWEST)))
    _read(survey, records, {*to_do, *listed, *store.given_up(), *newest, *_named(shown)})
    asked = _ask(survey, fills, records, strangers)
    _read(survey, records, _named(report.client_order_id for report in asked.values()))
    queues = _queues(survey, records)
    # Behind the lines: who stands in one is not over by its record, unless it ended in between.
    _read(survey, records, {each for queue in queues.values() for each in (queue.holder, *queue.waiting) if each})
    _list_quotes(survey, records.orders.values())
    since = max(survey.now - FILLED_WITHIN, fills[-1].at) if len(fills) >= MOST_FILLS else survey.now - FILLED_WITHIN
    asked |= _ask_again(survey, unshown_fills(records.orders.values(), fills, since, survey.now))
    return Book(
        now=survey.now,
        wall=survey.worker.time.wall(),
        positions=survey.positions or {},
        open_orders=survey.open_orders or {},
        fills=fills,
        asked=asked,
        quotes={each: quote for each in survey.quotes if (quote := survey.quote(each))},
        session=survey.session,
        orders=records.orders,
        broken=records.broken,
        running=_running(survey, records.orders.values()),
        listed=listed,
        to_do=to_do,
        queues=queues,
        counters=counters.read(),
        day=read_day(survey),
        token=token,
        fills_since=since,
    )


def _list_broker(survey: Survey) -> tuple[Fill, ...]:
    worker = survey.worker
    # A comparison can wait: it leaves alone what is kept for exits.
    broker = worker.broker_for(Priority.ROUTINE)
    since = survey.now - FILLED_WITHIN
    positions, open_orders, fills = broker.positions(), broker.open_orders(), broker.newest_fills(since)
    if len(fills) >= MOST_FILLS and fills[-1].at >= since:
        worker.log.error(f"the {len(fills)} newest fills were compared, those before {fills[-1].at:%H:%M:%S} UTC not")
    survey.positions = {position.symbol: position for position in positions}
    survey.open_orders = {report.broker_order_id: report for report in open_orders}
    survey.session = worker.time.calendar(broker, survey.now).session_at(survey.now)
    return fills


def _list_quotes(survey: Survey, orders: Iterable[Order]) -> None:
    """Quotes of what is held: they cost no trading request, and are done without where there are none to be had."""
    worker = survey.worker
    symbols = {order.symbol for order in orders if order.unexited_qty > 0}
    try:
        if symbols:
            survey.quotes = worker.broker_for(Priority.ROUTINE).quotes(
                symbols | worker.settings_of_exits.feed_witnesses
            )
    except RetryError as error:
        worker.log.info(f"stops are not compared with the market: {error}")


def _read(survey: Survey, records: Records, ids: Collection[str]) -> None:
    """Read what of these was not read yet."""
    wanted = sorted(set(ids) - records.orders.keys() - records.broken.keys())
    if wanted:
        orders, broken = survey.worker.orders.several(wanted)
        records.orders |= orders
        records.broken |= broken


def _named(client_order_ids: Iterable[str]) -> set[str]:
    return {found.order_id for each in client_order_ids if (found := name_of(each))}


def _ask(survey: Survey, fills: Iterable[Fill], records: Records, strangers: set[str]) -> dict[str, OrderReport]:
    """Orders behind fills that no record names: most are somebody else's, of which nothing is to be found."""
    shown = survey.open_orders or {}
    legs = {leg.broker_order_id for report in shown.values() for leg in report.legs}
    known = {*by_broker_id(records.orders.values()), *shown, *legs, *strangers}
    unknown = list(dict.fromkeys(fill.broker_order_id for fill in fills if fill.broker_order_id not in known))
    found = {}
    for broker_order_id in unknown[:ASKED]:
        report = survey.worker.broker_for(Priority.ROUTINE).order(broker_order_id)
        if report and name_of(report.client_order_id):
            found[broker_order_id] = report
        else:
            strangers.add(broker_order_id)
    strangers &= {fill.broker_order_id for fill in fills}
    return found


def _ask_again(survey: Survey, unshown: Iterable[tuple[Order, ChildRecord]]) -> dict[str, OrderReport]:
    """Orders whose records have filled what the journal does not show: it lags, or one answer made their fill up."""
    found: dict[str, OrderReport] = {}
    for _, child in islice(unshown, ASKED):
        report = survey.worker.broker_for(Priority.ROUTINE).order(child.broker_order_id or "")
        found |= {report.broker_order_id: report} if report else {}
    return found


def _queues(survey: Survey, records: Records) -> dict[str, Queue]:
    """The lines of all symbols that anything is known of."""
    symbols = {order.symbol for order in records.orders.values()} | (survey.positions or {}).keys()
    symbols |= {report.symbol for report in (survey.open_orders or {}).values()}
    lines = {symbol: survey.worker.orders.line(symbol) for symbol in sorted(symbols)}
    return {symbol: Queue(line.holder, tuple(each for each, _ in line.waiting)) for symbol, line in lines.items()}


def _running(survey: Survey, orders: Iterable[Order]) -> frozenset[str]:
    """Orders whose executions run; those that owe something are asked for one by one where the list lacks them."""
    list_executions(survey)
    asks = [(order, survey.listed_as_running if is_told(order) else survey.running) for order in orders]
    return frozenset(order.order_id for order, runs in asks if runs(order))
