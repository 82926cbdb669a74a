"""The account for a limit or a bracket's entry: as it was seen a moment ago, or asked for anew."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from repeg.broker.port import Broker
from repeg.domain.book import BOOK_IS_FRESH, Book, Held, book_of, taken_over, traded_lately
from repeg.domain.counters import day_of
from repeg.domain.limits import looks_at_account
from repeg.domain.loss import PaidIn
from repeg.domain.market.reports import Position
from repeg.domain.order.record import ZERO, Order
from repeg.domain.patience import POSITION_LAG
from repeg.errors import BudgetExhausted, RetryError
from repeg.worker.worker import Worker

LONGEST_BREAK = timedelta(days=10)
"""Longer than the market was closed in a row for a lifetime (six days, in September 2001)."""
_FLAT = Held(qty=ZERO, value=ZERO)


class Seen(NamedTuple):
    """The book as it was read for an order, and when an order of ours last traded its symbol."""

    order_id: str
    book: Book | None
    traded: tuple[datetime, ...]
    known: bool = True
    """False: the table did not tell."""


def seen_book(worker: Worker, order: Order) -> Seen:
    """The book as it is kept; what cannot be read is none. Read once for an order, however often it is asked for."""
    # While an order has its symbol's turn nobody else trades it.
    if isinstance(worker.seen, Seen) and worker.seen.order_id == order.order_id:
        return worker.seen
    try:
        seen = Seen(order.order_id, *worker.orders.book_and_trades(order.symbol))
    except Exception as error:  # it only spares requests: the broker is asked instead
        worker.log.info(f"the book cannot be read: {error}", order_id=order.order_id)
        seen = Seen(order.order_id, None, (), known=False)
    worker.seen = seen
    return seen


def shown_position(worker: Worker, order: Order) -> Held | None:
    """The symbol's position by the book, if that is certain to show all that we traded; None: ask the broker."""
    seen = seen_book(worker, order)
    if seen.book is None or not seen.book.shows(seen.traded, worker.now(order)):
        return None
    return seen.book.positions.get(order.symbol, _FLAT)


def position_by_listing(worker: Worker, order: Order) -> Held | None:
    """The symbol's position by a look at all of them, kept for the entries of the next minute; None: read it by itself.

    It costs the one trading request that reading it by itself does.

    Raises:
        BudgetExhausted, OperatorError: the broker could not be asked.
    """
    seen, now = seen_book(worker, order), worker.now(order)
    # Lists lag: of a symbol that we traded a moment ago the position is read. And where a limit is measured by the
    # account, one without its worth would take the place of the book that its entries are held against.
    if not seen.known or traded_lately(seen.traded, now) or looks_at_account(worker.settings()):
        return None
    try:
        book = book_of(now, worker.broker_for(order).positions())
    except BudgetExhausted:
        raise
    except RetryError as error:  # one of others that cannot be read is no reason to send nothing in this one
        worker.log.info(f"positions cannot be listed: {error}", order_id=order.order_id)
        return None
    try:
        worker.orders.keep_book(book)
    except Exception as error:  # the next entry lists them itself
        worker.log.info(f"the book was not kept: {error}", order_id=order.order_id)
    return book.positions.get(order.symbol, _FLAT)


def book_for(worker: Worker, order: Order) -> tuple[Book, bool]:
    """The account to hold an order against, and whether it was asked for just now.

    Raises:
        RetryError, OperatorError: the broker could not be asked.
    """
    seen, now = seen_book(worker, order), worker.now(order)
    book = seen.book
    if book is None or book.equity is None or not book.lasts(now) or _lacks_deposits(worker, book, now):
        return fresh_book(worker, order), True
    if book.shows(seen.traded, now):
        return book, False
    _let_it_show(worker, now, seen.traded)
    held = _held(worker.broker_for(order).position(order.symbol))
    return book.changed(positions=book.positions | {order.symbol: held}), False


def fresh_book(worker: Worker, order: Order) -> Book:
    """The account as the broker tells it now, or told somebody a few seconds ago: two trading requests.

    Raises:
        RetryError, OperatorError: the broker could not be asked.
    """
    traded = seen_book(worker, order).traded
    # Of fifty legs that doubt the book at once one asks.
    kept, now = worker.orders.book(), worker.now(order)
    fresh = kept and kept.equity is not None and kept.shows(traded, now) and now - kept.at <= BOOK_IS_FRESH
    if kept and fresh and not _lacks_deposits(worker, kept, now):
        return kept
    _let_it_show(worker, now, traded)
    broker = worker.broker_for(order)
    book = look_at_account(worker, broker, now, kept)
    if _lacks_deposits(worker, book, now):
        # The first of the day, before any sweep; or the sweep asked in vain.
        book = book.changed(paid_in=paid_in_since_close(broker, now))
    worker.orders.keep_book(book)
    return book


def _lacks_deposits(worker: Worker, book: Book, now: datetime) -> bool:
    """True when a loss is to be held against it, and it is not known what was paid in or out."""
    return bool(worker.settings().max_daily_loss) and not (book.paid_in and book.paid_in.counts(now))


def paid_in_since_close(broker: Broker, now: datetime) -> PaidIn:
    """Deposits less withdrawals since the last session's close, which equity is compared with: two trading requests.

    Raises:
        RetryError, OperatorError: the broker could not be asked.
    """
    today = day_of(now)
    # Not of today alone: on Good Friday banks work and the market does not, and cash is moved on Saturdays.
    sessions = broker.calendar(today - LONGEST_BREAK, today - timedelta(days=1))
    last = sessions[-1].date if sessions else today - timedelta(days=1)
    return PaidIn(at=now, dollars=broker.paid_in(last, today))


def look_at_account(worker: Worker, broker: Broker, now: datetime, kept: Book | None) -> Book:
    """A look at positions and account, beside the entries that were over before it.

    What is not asked for at each look is taken over from `kept`, the book as it was, if that is of the same day.

    Raises:
        RetryError, OperatorError: the broker could not be asked.
    """
    day = day_of(now)
    # Counted before the positions are listed: what ends in between then counts twice, and never not at all.
    counters = worker.orders.counters(day)
    _let_it_show(worker, now, (counters.settled_at,) if counters.settled_at else ())
    book = book_of(now, broker.positions(), broker.account(), day, counters.settled)
    return taken_over(book, kept)


def _held(position: Position | None) -> Held:
    return Held(qty=position.qty, value=position.market_value) if position else _FLAT


def _let_it_show(worker: Worker, now: datetime, traded: tuple[datetime, ...]) -> None:
    """A position shows a trade within a second: of what was traded just now it would know nothing."""
    lags = [at + POSITION_LAG - now for at in traded if timedelta(0) <= now - at < POSITION_LAG]
    if lags:
        worker.sleep(max(lags).total_seconds())
