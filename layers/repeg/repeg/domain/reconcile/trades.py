"""The broker's orders and fills against the records: what no record knows, and what it knows otherwise."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from repeg.domain.market.reports import Fill, OrderReport
from repeg.domain.money import plain
from repeg.domain.order.children import ChildRecord, ChildStatus
from repeg.domain.order.protection import ExitReason, Protection
from repeg.domain.order.record import ZERO, Order
from repeg.domain.patience import JOURNAL_SHOWS_AFTER
from repeg.domain.proof.evidence import DUST
from repeg.domain.proof.ours import child_intent, contradiction, in_words, oco_intent
from repeg.domain.reconcile.book import Book, Name
from repeg.domain.reconcile.findings import Finding, What
from repeg.domain.rules.walking import is_exit

_OVER = "is open, and the record has it for over"
_NO_SHARES = "is open, and the record holds no shares"


class Sent(NamedTuple):
    """Which child order or OCO of which order something at the broker is, as the record has it."""

    order: Order
    record: ChildRecord | Protection


def sent_as(order: Order, client_order_id: str) -> ChildRecord | Protection | None:
    """The child order or OCO that was written down under an id, or None."""
    every: tuple[ChildRecord | Protection, ...] = (*order.children, *order.guard.protections)
    return next((each for each in every if each.client_order_id == client_order_id), None)


def stray_orders(book: Book) -> Iterator[Finding]:
    """Open orders of ours that no record knows, or knows as over."""
    for report in book.open_orders.values():
        name = book.ours(report.client_order_id)
        if name is None or name.order_id in book.broken:
            continue
        order = book.orders.get(name.order_id)
        if order is None or not book.is_at_work(order):
            yield from _stray(order, name, report)


def _stray(order: Order | None, name: Name, report: OrderReport) -> Iterator[Finding]:
    known = sent_as(order, report.client_order_id) if order else None
    if order is None or known is None:
        said = "there is no record of its order" if order is None else "its order's record does not have it"
        if order is not None and _is_bygone(order, name):
            yield _about(What.LATE_ORDER, report, name, _OVER, alone=True)
        else:
            yield _about(What.ORPHAN_ORDER, report, name, f"is open, and {said}")
        return
    if not known.status.closed:
        # Of a bracket without shares nobody reads an OCO: it would sell those of somebody else.
        if isinstance(known, Protection) and order.status.terminal and order.unexited_qty <= 0:
            yield _about(What.UNWATCHED_OCO, report, name, _NO_SHARES)
        return
    intent = child_intent(order, known) if isinstance(known, ChildRecord) else oco_intent(order, known)
    wrong = contradiction(intent, report)
    if isinstance(known, ChildRecord):
        # By one false answer of its fill: the broker refuses no stop for shares that it did not buy, if there are own.
        if not wrong and report.filled_qty + DUST < known.filled_qty:
            detail = f"is open, and the record has {plain(known.filled_qty)} filled"
            # What an exit sold is booked on brackets already: an operator sees to that.
            yield _about(What.UNFILLED, report, name, detail, alone=is_exit(order) or not order.status.terminal)
            if not is_exit(order):
                return
        # On other terms it is somebody else's: to take it back would cancel an order that is not ours.
        yield _about(What.LATE_ORDER, report, name, _OVER, alone=bool(wrong) or not order.status.terminal)
    elif order.unexited_qty > 0 and not wrong:
        yield _about(What.UNRECORDED_EXIT, report, name, _OVER)
    else:
        yield _about(What.UNWATCHED_OCO, report, name, _NO_SHARES)


def _about(what: What, report: OrderReport, name: Name, detail: str, *, alone: bool = False) -> Finding:
    return Finding(
        what=what,
        symbol=report.symbol,
        order_id=name.order_id,
        name=report.client_order_id,
        detail=f"{in_words(report)} {detail}",
        alone=alone,
    )


def _is_bygone(order: Order, name: Name) -> bool:
    """True for one that the record only counts any more."""
    return name.number <= (order.bygone.written if name.kind == "e" else order.guard.ocos)


def unrecorded_fills(book: Book) -> Iterator[Finding]:
    """Shares that the broker's journal has for an order of ours, and its record has not."""
    known = by_broker_id(book.orders.values())
    most: dict[str, Decimal] = {}
    for fill in book.fills:
        most[fill.broker_order_id] = max(fill.filled_qty, most.get(fill.broker_order_id, ZERO))
    for broker_order_id, filled in most.items():
        found = known.get(broker_order_id)
        if found is not None:
            yield from _booked_otherwise(book, found, broker_order_id, filled)
        elif broker_order_id in book.asked:
            yield from _unknown(book, book.asked[broker_order_id])


def unshown_fills(
    orders: Iterable[Order], fills: Iterable[Fill], since: datetime, now: datetime
) -> Iterator[tuple[Order, ChildRecord]]:
    """Child orders of orders that are over, whose filled shares the journal of fills, whole from `since` on, lacks."""
    shown: dict[str, Decimal] = {}
    for fill in fills:
        shown[fill.broker_order_id] = max(fill.filled_qty, shown.get(fill.broker_order_id, ZERO))
    for order in orders:
        for child in order.children if order.status.terminal else ():
            if child.replaced or child.closed_at is None or not since <= child.closed_at <= now - JOURNAL_SHOWS_AFTER:
                continue
            # The last fill tells of all: of one that was filled it was its end, of any other some time before that.
            begun = child.closed_at if child.status is ChildStatus.FILLED else child.first_sent_at or child.sent_at
            if begun >= since and child.filled_qty > shown.get(child.broker_order_id or "", ZERO) + DUST:
                yield order, child


def made_up_fills(book: Book) -> Iterator[Finding]:
    """Shares that a record has as filled, and neither the journal nor a read by id; what is open is found as such."""
    if book.fills_since is None:
        return
    for order, child in unshown_fills(book.orders.values(), book.fills, book.fills_since, book.now):
        report = book.asked.get(child.broker_order_id or "")
        if report is None or report.broker_order_id in book.open_orders or book.is_at_work(order):
            continue
        if not contradiction(child_intent(order, child), report) and report.filled_qty + DUST < child.filled_qty:
            detail = f"{in_words(report)} is {report.broker_status}, the record has {plain(child.filled_qty)} filled"
            yield Finding(
                what=What.UNFILLED,
                symbol=order.symbol,
                order_id=order.order_id,
                name=child.client_order_id,
                detail=detail,
                alone=is_exit(order),
            )


def by_broker_id(orders: Iterable[Order]) -> dict[str, Sent]:
    """Orders at the broker that records name, legs and bygone takers among them."""
    found: dict[str, Sent] = {}
    for order in orders:
        for child in order.children:
            found |= {child.broker_order_id: Sent(order, child)} if child.broker_order_id else {}
        for oco in order.guard.protections:
            ids = (oco.broker_order_id, oco.stop_order_id, *(gone.source for gone in oco.exits))
            found |= {each: Sent(order, oco) for each in ids if each}
    return found


def _booked_otherwise(book: Book, found: Sent, broker_order_id: str, filled: Decimal) -> Iterator[Finding]:
    order, record = found
    if book.is_at_work(order) or book.exit_at_work(order.symbol):
        return
    if isinstance(record, Protection):
        booked = sum((gone.qty for gone in record.exits if gone.source == broker_order_id), ZERO)
        # What an operator, or proof of a sale, has made up for since then would be taken off twice.
        if record.status.closed and _made_up_for(order, record):
            return
        what, alone = What.UNRECORDED_EXIT, order.unexited_qty <= 0
    else:
        booked = record.filled_qty
        # Of one that is not over its next execution reads the open child: it is one without an execution.
        what, alone = What.UNRECORDED_FILL, False
        if not order.status.terminal:
            return
    # An OCO whose target was replaced counts on, or anew: what all of its orders took is what counts then.
    all_exits = record.exited_qty if isinstance(record, Protection) else ZERO
    if filled > max(booked, all_exits) + DUST:
        detail = f"{record.client_order_id} took {plain(filled)} {order.symbol}, the record has {plain(booked)}"
        yield Finding(
            what=what,
            symbol=order.symbol,
            order_id=order.order_id,
            name=record.client_order_id,
            detail=detail,
            alone=alone,
        )


def _made_up_for(order: Order, oco: Protection) -> bool:
    """True when shares of the order were taken off, or counted anew, after an OCO was over, whoever took them."""
    over = oco.closed_at or oco.placed_at
    counted = any(change.change or change.ratio != 1 for change in order.care.adjustments if change.at >= over)
    return counted or any(gone.reason is ExitReason.OUTSIDE and gone.at >= over for gone in order.guard.exits)


def _unknown(book: Book, report: OrderReport) -> Iterator[Finding]:
    name = book.ours(report.client_order_id)
    if name is None or name.order_id in book.broken:
        return
    order = book.orders.get(name.order_id)
    if order is None:
        yield _about(What.ORPHAN_ORDER, report, name, "filled, and there is no record of its order")
        return
    known = sent_as(order, report.client_order_id)
    if book.is_at_work(order) or (known is None and _is_bygone(order, name)):
        return
    if known is None:
        yield _about(What.ORPHAN_ORDER, report, name, "filled, and its order's record does not have it")
    # Whose fate is open is looked for by who works on the order.
    elif not known.status.closed:
        return
    elif isinstance(known, ChildRecord) and report.filled_qty > known.filled_qty + DUST:
        alone = not order.status.terminal or bool(contradiction(child_intent(order, known), report))
        yield _about(What.UNRECORDED_FILL, report, name, f"; the record has {plain(known.filled_qty)}", alone=alone)
    elif isinstance(known, Protection) and report.filled_qty > known.exited_qty + DUST:
        yield _about(What.UNRECORDED_EXIT, report, name, f"; the record has {plain(known.exited_qty)}", alone=True)
