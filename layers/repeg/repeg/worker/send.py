"""The one way to send: the intent is saved, then sent while it is fresh, and what comes of it is never dropped.

Three locks keep a worker that stalls from sending what another has ruled out. An intent is sent only within seconds of
its save; later it must be saved anew, which a worker that lost the order cannot. "Never sent" is concluded only when
no sender can live any more. And who holds the broker's answer, and finds that the order was taken away meanwhile,
answers for what was sent: the record knows of it, or it is taken back, recorded and told.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

from repeg.broker.port import Accepted, Ambiguous, Denied, InTime, SubmitOutcome, Throttled
from repeg.domain.market.reports import OrderReport
from repeg.domain.order.children import ChildRecord, ChildStatus
from repeg.domain.order.protection import Protection, ProtectionStatus
from repeg.domain.order.record import ZERO, Order
from repeg.domain.order.reservation import Priority, emptied
from repeg.domain.order.sending import in_time, may_arrive_for
from repeg.domain.patience import CANCEL_LOOKS_SECONDS, FOLD_TRIES, READ_BACKOFF_SECONDS, backoff
from repeg.domain.proof.leaving import booked_late
from repeg.domain.proof.ours import Intent, child_intent, contradiction
from repeg.domain.reasons import Reason
from repeg.domain.rules.life import is_being_left
from repeg.domain.rules.walking import is_exit
from repeg.errors import (
    BudgetExhausted,
    CredentialsRefused,
    OperatorError,
    RetryError,
    SentTooLate,
    StaleExecution,
    StoreConflict,
)
from repeg.worker.lookup import ended_by_both
from repeg.worker.worker import Worker


def send(
    worker: Worker, intent: Intent, save: Callable[[datetime], Order], submit: Callable[[InTime], SubmitOutcome]
) -> tuple[Order, SubmitOutcome]:
    """Save the intent, then send it once. `save` is told the wall time by which the intent's age counts."""
    saved_wall = worker.time.wall()
    # Saved first: from its send on the broker may hold the order, whatever becomes of us.
    order = save(saved_wall)
    outcome = outcome_of(lambda: submit(lambda: in_time(saved_wall, worker.time.wall())))
    wrong = contradiction(intent, outcome.report, just_sent=True) if isinstance(outcome, Accepted) else None
    return order, Ambiguous(f"the answer tells of {wrong}") if wrong else outcome


def outcome_of(send_once: Callable[[], SubmitOutcome]) -> SubmitOutcome:
    """Send once. Trouble before anything was sent reads as throttled, refused keys as denied."""
    try:
        return send_once()
    except BudgetExhausted as error:
        return Throttled(error.wait_seconds)
    except SentTooLate as error:
        return Throttled(0.0, str(error))
    except (CredentialsRefused, OperatorError) as error:
        return Denied(Reason.MISCONFIGURED, str(error))
    except RetryError as error:
        return Throttled(1.0, str(error))


def wait_for_sender(worker: Worker, record: ChildRecord | Protection, looks: int) -> int | None:
    """Market seconds until it is worth looking again for an intent that may still be sent; None when it cannot be."""
    left = may_arrive_for(record.saved_wall, worker.time.wall(), heard_wall=record.all_heard_wall)
    if not left:
        return None
    return min(backoff(READ_BACKOFF_SECONDS, looks), math.ceil(left * worker.time.speed))


@contextmanager
def answering_for(worker: Worker, order: Order, sent: ChildRecord | Protection, report: OrderReport) -> Iterator[None]:
    """Whatever is done with an accepted order in here: when it shows that the order was taken away, nothing is lost."""
    try:
        yield
    except (StaleExecution, StoreConflict):
        try:
            answer_for(worker.on_behalf_of(None), order.order_id, sent, report)
        except Exception as error:  # the alert is all that is left
            told = f"{sent.client_order_id} ({report.broker_order_id}) was sent and is in no record"
            worker.alert(order, f"{told}: {error}; {worker.stack.by_hand(order.symbol)}")
        raise


def answer_for(worker: Worker, order_id: str, sent: ChildRecord | Protection, report: OrderReport) -> None:
    """Fold what arrived after it was given up: guarded shares keep their OCO, anything else is taken back; reported."""
    order = _read(worker, order_id)
    if _is_known(order, sent, report):
        return
    if isinstance(sent, Protection):
        # On what terms it is wanted now, the record knows; which of them arrived, the report.
        sent = next((each for each in order.guard.protections if each.client_order_id == sent.client_order_id), sent)
        sent = sent.as_sent(report)
    wanted = isinstance(sent, Protection) and order.bare_qty >= sent.qty and not is_being_left(order)
    # Taken back before it is recorded: nobody waits for it, and with every moment more of it may fill.
    report = report if wanted else _take_back(worker, report)
    # Whoever has the order writes it at the same time: the record is read anew, never written over.
    for attempt in range(FOLD_TRIES):
        try:
            known = _with_sent(worker, order, sent, report, wanted)
            # First: once the order knows of what was sent, nobody asks again whose shares it took.
            _book_late(worker, known)
            worker.orders.save(known)
            _count_late(worker, order, known)
            break
        except (StaleExecution, StoreConflict):
            if attempt + 1 == FOLD_TRIES:
                raise
            order = _read(worker, order_id)
            if _is_known(order, sent, report):
                return
    filled = report.filled_qty + sum((leg.filled_qty for leg in report.legs), ZERO)
    if filled or not (wanted or report.status.terminal):
        unsure = f"its cancel is not confirmed; {worker.stack.by_hand(order.symbol)}"
        over = report.status if report.status.terminal else unsure
        took = f"{filled} {order.symbol}" if filled else f"{order.symbol}, nothing filled"
        worker.alert(order, f"{sent.client_order_id} arrived after it was given up: {took}, {over}")


def _book_late(worker: Worker, leaving: Order) -> None:
    """What an exit that is over took late leaves the brackets whose shares it was; to book again changes nothing."""
    if not is_exit(leaving) or not leaving.status.terminal or leaving.filled_qty <= 0:
        return
    holding = worker.orders.holding(leaving.symbol)
    known = {bracket.order_id: bracket for bracket in holding}
    for sold in booked_late(leaving, holding):
        if sold.guard.exits != known[sold.order_id].guard.exits:
            worker.save_exits(known[sold.order_id], worker.note(sold, f"{leaving.order_id} left shares of it late"))


def _count_late(worker: Worker, before: Order, after: Order) -> None:
    """What an entry that is over took late counts for the limits of its day; right behind the write of its record."""
    if not before.status.terminal:
        return
    try:
        worker.orders.settle_late(before, after, worker.now(after))
    except Exception as error:  # the comparison of the book counts it
        worker.log.error(f"what was filled late is not counted yet: {error}", order_id=after.order_id)


def _read(worker: Worker, order_id: str) -> Order:
    order = worker.orders.get(order_id)
    if order is None:
        raise LookupError(f"{order_id} has no record")
    return order


def _is_known(order: Order, sent: ChildRecord | Protection, report: OrderReport) -> bool:
    """True when whoever has the order now knows of what was sent, or will find it: its intent is still open."""
    records: tuple[ChildRecord | Protection, ...] = (*order.children, *order.guard.protections)
    record = next((each for each in records if each.client_order_id == sent.client_order_id), None)
    if record is None:
        return False
    return record.broker_order_id is not None or not record.status.closed


def _take_back(worker: Worker, report: OrderReport) -> OrderReport:
    """Cancel, and read until it is over or patience is."""
    broker = worker.broker_for(Priority.URGENT)
    for pause in CANCEL_LOOKS_SECONDS:
        try:
            broker.cancel(report.broker_order_id)
            worker.sleep(pause)
            report = ended_by_both(worker, broker.order(report.broker_order_id) or report)
        except (RetryError, OperatorError) as error:
            worker.log.info(f"could not take {report.client_order_id} back yet: {error}")
        if report.status.terminal:
            break
    return report


def _with_sent(
    worker: Worker, order: Order, sent: ChildRecord | Protection, report: OrderReport, wanted: bool
) -> Order:
    """The order with what was sent in its record: a child order as it ended, an OCO that still has shares to guard."""
    now = worker.now(order)
    if isinstance(sent, ChildRecord):
        asked = {"status": ChildStatus.CANCELING, "cancel_requested_at": now}
        # What was reserved for it comes back by itself: whoever took the order away may have given it back.
        known, _ = emptied(sent.changed(**asked).reported(report, now))
        order = order.with_child(known)
    elif wanted:
        found = {"broker_order_id": report.broker_order_id, "status": ProtectionStatus.SENT}
        order = order.with_protection(sent.changed(**found))
    else:
        asked = {"status": ProtectionStatus.CANCELING, "cancel_requested_at": now}
        order = order.with_protection(sent.changed(**asked).reported(report, now, worker.session_open(order)))
    detail = f"{sent.client_order_id} arrived after it was given up: {report.broker_status}, {report.filled_qty} filled"
    return worker.note(order, detail)


def take_in(worker: Worker, order_id: str, client_order_id: str, report: OrderReport) -> OrderReport | None:
    """A child order that an order which is over has for closed, and that the broker shows otherwise: taken, and told.

    Cancelled if it rests, and booked as it ended, which is returned; None if somebody works on the order again, or it
    was no order of ours.
    """
    order = _read(worker, order_id)
    child = next((each for each in order.children if each.client_order_id == client_order_id), None)
    if child is None or not (order.status.terminal and child.status.closed):
        return None
    if child.broker_order_id is None:
        answer_for(worker, order_id, child, report)
        return None
    # By the id that the record has: an answer about another order would be booked as this one's.
    if report.broker_order_id != child.broker_order_id or contradiction(child_intent(order, child), report):
        worker.alert(
            order,
            f"{client_order_id} is {report.broker_status} at the broker, and not as it was written down: nothing of it "
            f"is booked or cancelled; {worker.stack.by_hand(order.symbol)}",
        )
        return None
    report = report if report.status.terminal else _take_back(worker, report)
    known = child.reported(report, worker.now(order))
    if not known.status.closed:
        worker.alert(
            order, f"{client_order_id} is at work, the record has it for over, and its cancel is not confirmed"
        )
    elif known.filled_qty > child.filled_qty:
        more = f"{known.filled_qty - child.filled_qty} {order.symbol} more than were recorded"
        booked = worker.note(order.with_child(known), f"{client_order_id} filled {more}")
        # Loses against whoever writes the order at this moment; the next comparison finds what is left.
        _book_late(worker, booked)
        worker.orders.save(booked)
        _count_late(worker, order, booked)
        worker.alert(order, f"{client_order_id} filled {more}; they are booked now")
    return report
