"""The last look before a send: the operator's word, and the limits. Exits pass without being looked at."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from botocore.exceptions import BotoCoreError, ClientError

from repeg.broker.port import Denied, Throttled
from repeg.domain.case import Case
from repeg.domain.counters import Bound, Entry, day_of, impossible
from repeg.domain.halt import MISSING, UNREADABLE, Scope, refusal
from repeg.domain.limits import (
    bounds_of,
    entry_of,
    is_counted,
    is_held_to_limits,
    needs_book,
    refused,
    waits_for_losses,
)
from repeg.domain.order.children import ChildRecord
from repeg.domain.order.record import Order
from repeg.domain.order.reservation import Counted
from repeg.domain.order.verdicts import Refusal
from repeg.domain.reasons import Reason
from repeg.errors import BudgetExhausted, OperatorError, RetryError
from repeg.worker.book import book_for, fresh_book
from repeg.worker.worker import Worker

EXPOSURE_PAUSE_SECONDS = 5
"""Between looks at what entries at work come to."""
LOSSES_PAUSE_SECONDS = 5
"""Between looks at what a strategy lost: the sweep tells it, once a minute."""


def with_counted(worker: Worker, order: Order, child: ChildRecord) -> Order:
    """The order as it is saved before it is counted: whoever ends it knows what to give back.

    `order` is without the child order that is about to be sent.
    """
    counted = order.sending.counted
    # What was put off until the next session counts on the day of its send.
    if not is_held_to_limits(order) or (counted and counted.day == day_of(worker.now(order))):
        return order
    try:
        case = _case(worker, order.with_sending(counted=None), child, None)
    # By what cannot be read nothing is sent, as the look below finds. Raised here, behind the reservation and before
    # any save, it would lose the requests that were set aside.
    except (OperatorError, RetryError):
        return order
    entry = entry_of(case) if is_counted(case) else None
    return order.with_sending(counted=Counted(day=day_of(case.now), notional=entry.notional)) if entry else order


def held_back(worker: Worker, order: Order, child: ChildRecord, last: Decimal | None) -> Denied | Throttled | None:
    """Why nothing may be sent, or not now; None: it is sent now or not at all.

    `order` is as it was saved, without the child order; `last` the last trade in dollars, if it is recent and known.
    """
    halt = worker.halt(order)
    # What nobody said nobody knows of.
    if halt in (MISSING, UNREADABLE):
        worker.alert(order, halt.sentence)
    if halt:
        return _denied(refusal(halt))
    if not is_held_to_limits(order):
        return None
    try:
        return _held_to_limits(worker, order, _case(worker, order, child, last))
    except BudgetExhausted as error:
        return Throttled(error.wait_seconds)
    # What cannot be read admits nothing: the one mistake that costs no money.
    except (RetryError, OperatorError, ClientError, BotoCoreError) as error:
        sent = "no more of it is sent" if order.sent else "nothing was sent"
        worker.alert(order, f"limits cannot be held against {order.symbol}: {error}; {sent}")
        return Denied(Reason.RISK_UNREADABLE, str(error))


def stopped_by(worker: Worker, order: Order) -> Reason | None:
    """What forbids a second send of what may not have arrived: a word that is in force, or a limit that said so."""
    halt = worker.halt(order)
    return refusal(halt).reason if halt else order.sending.stopped


def taken_back(worker: Worker, order: Order) -> Refusal | None:
    """The cancel that an order is to end by which ends by itself: who sent it was told that it ends by that."""
    # It came while a child order was being sent, and there was no next one to be held back.
    halt = worker.halt(order)
    return refusal(halt) if halt and halt.scope is Scope.ORDER else None


def _case(worker: Worker, order: Order, child: ChildRecord, last: Decimal | None) -> Case:
    settings = worker.settings()
    aged = settings.max_signal_age_seconds or settings.strategy_limits
    session = worker.session_of(order) if aged and order.ask.when_closed == "next_open" else None
    return Case(
        order=order,
        child=child,
        settings=settings,
        now=worker.now(order),
        opened_at=session.opens_at if session else None,
        last=last,
    )


def _held_to_limits(worker: Worker, order: Order, case: Case) -> Denied | Throttled | None:
    fresh = True
    if needs_book(case):
        book, fresh = book_for(worker, order)
        case = case.changed(book=book)
    found = refused(case)
    # By what may have changed since, nobody is refused.
    if found and not fresh and found.reason in _BY_BOOK:
        case = case.changed(book=fresh_book(worker, order))
        fresh, found = True, refused(case)
    # By the last book that was looked at: another one may lack them.
    if waits_for_losses(case) and (found is None or found.reason in _BY_BOOK):
        return Throttled(LOSSES_PAUSE_SECONDS, f"what {order.strategy} lost today is not known yet")
    if found:
        return _denied(found)
    if not is_counted(case):
        return None
    entry = entry_of(case)
    if entry is None:
        return Denied(Reason.RISK_UNREADABLE, "nobody knows what it may cost")
    # A limit was set since the record was written, or could not be read then: nobody would know what to give back.
    if order.sending.counted is None:
        return Throttled(0, "a limit counts it from now on")
    bound = _count(worker, order, case, entry)
    if bound and bound.reason is Reason.RISK_GROSS_EXPOSURE and not fresh:
        case = case.changed(book=fresh_book(worker, order))
        bound = _count(worker, order, case, entry)
    if bound is None:
        return None
    if bound.reason is Reason.RISK_GROSS_EXPOSURE and _others_at_work(worker, order, case):
        # What they filled counts twice, as their own and as a position, until they are over.
        return Throttled(EXPOSURE_PAUSE_SECONDS, f"entries are at work; {bound.detail}")
    return Denied(bound.reason, bound.detail)


_BY_BOOK = (Reason.RISK_POSITION, Reason.RISK_DAILY_LOSS, Reason.RISK_UNREADABLE)


def _count(worker: Worker, order: Order, case: Case, entry: Entry) -> Bound | None:
    bounds = bounds_of(case, entry)
    # Nothing is written for what no counter would admit.
    return impossible(bounds) or worker.orders.count_entry(_day(order, case), entry, bounds)


def _day(order: Order, case: Case) -> date:
    return order.sending.counted.day if order.sending.counted else day_of(case.now)


def _others_at_work(worker: Worker, order: Order, case: Case) -> bool:
    return bool(worker.orders.counters(day_of(case.now)).entries.keys() - {order.order_id})


def _denied(found: Refusal) -> Denied:
    return Denied(found.reason, found.detail)
