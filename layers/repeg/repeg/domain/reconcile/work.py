"""Who works on what: executions, turns, places in line, reservations and counters against the records."""

from __future__ import annotations

from collections.abc import Iterator

from repeg.domain.money import plain
from repeg.domain.order.record import ZERO, Order
from repeg.domain.patience import COMPARED_AFTER, MAX_WAITS_PER_EXECUTION
from repeg.domain.reconcile.book import Book, Day
from repeg.domain.reconcile.findings import Finding, What
from repeg.domain.rules.life import is_told, trades_when_over

LIMITS = "limits"


def work(book: Book) -> Iterator[Finding]:
    """Orders that nobody works on, and what is held by who works no more."""
    yield from _unreadable(book)
    yield from _without_execution(book)
    yield from _lines(book)
    yield from _reservations(book)
    for counter in book.counters:
        if counter.kept != counter.counted:
            detail = f"{counter.name} says {plain(counter.kept)}, its parts add up to {plain(counter.counted)}"
            yield Finding(what=What.COUNTER, name=counter.name, detail=detail)
    if book.day:
        yield from _of_the_day(book, book.day)


def _of_the_day(book: Book, day: Day) -> Iterator[Finding]:
    for order_id in sorted(day.kept.entries.keys() - day.counted.entries.keys()):
        order = book.orders.get(order_id)
        if order and order.status.terminal and not book.is_at_work(order):
            yield _finding(What.STALE_RESERVATION, order, "it counts as an entry at work, and is over", name=LIMITS)
    # An entry is counted right after that was written down; whoever is held up between makes the sums differ.
    if day.kept.entries.keys() != day.counted.entries.keys():
        return
    for name in sorted(day.kept.totals.keys() | day.counted.totals.keys()):
        kept, counted = day.kept.totals.get(name, ZERO), day.counted.totals.get(name, ZERO)
        if kept != counted:
            detail = f"today's {name} are counted as {plain(kept)}, the records come to {plain(counted)}"
            # With the figures: only the same difference, in two looks, is one.
            yield Finding(what=What.COUNTER, name=f"{LIMITS}: {name} {plain(kept)}/{plain(counted)}", detail=detail)


def _unreadable(book: Book) -> Iterator[Finding]:
    for order_id, problem in sorted(book.broken.items()):
        yield Finding(what=What.UNREADABLE, order_id=order_id, detail=problem)


def _without_execution(book: Book) -> Iterator[Finding]:
    for order_id in sorted(book.to_do):
        order = book.orders.get(order_id)
        if order is None or is_told(order) or book.is_at_work(order) or not _is_overdue(book, order):
            continue
        stands = f"it is {order.status}, and its outcome was not published" if order.status.terminal else order.status
        detail = f"{stands}; execution {order.run.executions} does not run"
        yield _finding(What.NO_EXECUTION, order, detail)


def _is_overdue(book: Book, order: Order) -> bool:
    """False for one that came a moment ago, or that a full execution has just handed to the next."""
    run = order.run
    if book.wall - order.ask.received_wall < COMPARED_AFTER:
        return False
    handed_on = run.waits_since_start >= MAX_WAITS_PER_EXECUTION and run.due_wall is not None
    return not handed_on or book.wall - (run.due_wall or book.wall) >= COMPARED_AFTER


def _lines(book: Book) -> Iterator[Finding]:
    for symbol, queue in sorted(book.queues.items()):
        if queue.holder and queue.holder not in book.broken:
            holder = book.orders.get(queue.holder)
            if holder is None or _let_go(book, holder):
                said = "has no record" if holder is None else "is over, and nobody works on it"
                detail = f"{queue.holder} has the turn of {symbol}, and {said}"
                yield Finding(what=What.DEAD_TURN, symbol=symbol, order_id=queue.holder, detail=detail)
        for order_id in queue.waiting:
            order = book.orders.get(order_id)
            if order_id not in book.broken and (order is None or order.status.terminal):
                said = "has no record" if order is None else f"is {order.status}"
                detail = f"{order_id} stands in the line of {symbol}, and {said}"
                yield Finding(what=What.DEAD_PLACE, symbol=symbol, order_id=order_id, detail=detail)
        yield from _without_place(book, symbol, queue.waiting)


def _let_go(book: Book, holder: Order) -> bool:
    return holder.status.terminal and not trades_when_over(holder) and not book.is_at_work(holder)


def _without_place(book: Book, symbol: str, waiting: tuple[str, ...]) -> Iterator[Finding]:
    for order in book.orders.values():
        # An unwind trades on the turn of its bracket.
        stands = order.symbol == symbol and not order.status.terminal and not order.ask.parent_id
        if stands and order.order_id not in waiting:
            yield _finding(What.NO_PLACE, order, f"it is {order.status}, and stands in no line")


def _reservations(book: Book) -> Iterator[Finding]:
    for order in book.orders.values():
        at = order.completed_at
        over = is_told(order) and at is not None and book.now - at >= COMPARED_AFTER
        if not over or book.is_at_work(order):
            continue
        left = sum(child.reserved.left for child in order.children if child.reserved)
        left += order.guard.reserved.left if order.guard.reserved and not order.needs_care else 0
        if left:
            yield _finding(What.STALE_RESERVATION, order, f"{left} requests are reserved for it, and it is over")


def _finding(what: What, order: Order, detail: str, name: str = "") -> Finding:
    return Finding(what=what, symbol=order.symbol, order_id=order.order_id, name=name, detail=detail)
