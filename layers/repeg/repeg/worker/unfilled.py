"""Fills that one answer made up: the account does not show them, and two more answers have the order short of them."""

from __future__ import annotations

from repeg.domain.market.reports import OrderReport
from repeg.domain.money import plain
from repeg.domain.order.children import ChildRecord
from repeg.domain.order.course import arrived_after_all, decided, waits_no_more
from repeg.domain.order.guarding import nothing_to_guard, without_guards_of_nothing
from repeg.domain.order.record import Order
from repeg.domain.order.reservation import Priority
from repeg.domain.patience import LINGER_SECONDS, LOOKS_APART_SECONDS
from repeg.domain.proof.ours import child_intent, contradiction
from repeg.domain.reasons import Reason
from repeg.domain.routes import Next, Route
from repeg.domain.rules.endings import short_by_both
from repeg.domain.rules.life import Stage, stage_of
from repeg.domain.rules.walking import concluded, is_exit
from repeg.errors import OperatorError, RetryError
from repeg.worker.lookup import ended_by_both
from repeg.worker.outcome import proceed
from repeg.worker.send import take_in
from repeg.worker.take_down import take_down
from repeg.worker.worker import Worker

UNFILLED = "unfilled"


def goes_on_unfilled(worker: Worker, order: Order) -> Next | None:
    """Where an order at work goes on whose fill was made up; None: nobody can say that it was.

    For who finds that the account lacks what it bought, or shows what it sold: two requests for each child order.
    """
    for child in order.children:
        report = _short(worker, order, child) if child.filled_qty > 0 else None
        if report:
            order = _as_shown(worker, order, child, report)
            again = without_guards_of_nothing(waits_no_more(order.with_guard(refusals=0)))
            if stage_of(again) is Stage.SECURING:
                # Looked at as a rung, what an order that is being ended has at the market would rest out its patience.
                worker.orders.save(again)
                return Next(Route.SECURE_POSITION)
            return proceed(worker, again, again.children[-1])
    return None


def settle(worker: Worker, order_id: str, client_order_id: str, report: OrderReport) -> None:
    """A child order that the broker shows otherwise than the record of an order that is over: taken in, and told.

    What it filled less than the record has is taken off, once nothing of it is at work any more.
    """
    over = take_in(worker, order_id, client_order_id, report)
    order = worker.orders.get(order_id)
    child = next((each for each in order.children if each.client_order_id == client_order_id), None) if order else None
    # What an exit sold is booked on brackets: whose shares those are the operator decides, who is told.
    if order is None or child is None or over is None or not over.status.terminal or is_exit(order):
        return
    over = ended_by_both(worker, over)
    known = child.unfilled().reported(over, worker.now(order))
    corrected = order.with_child(known)
    if not known.status.closed or known.filled_qty >= child.filled_qty:
        return
    corrected = concluded(decided(corrected, Reason.FILL_TIMEOUT), order.completed_at or worker.now(order))
    told = f"{_shown(order, child, over)}, and the record follows the two"
    if corrected.unexited_qty < 0:
        took = f"{plain(-corrected.unexited_qty)} {order.symbol} that it did not buy"
        told += f"; its exits took {took}, of the account's own: see to them"
    worker.alert(order, told)
    order = worker.orders.save(worker.note(corrected, told))
    # Placed for shares that nobody bought, it would sell somebody's own; with none left nobody looks at it again.
    if order.surplus_protection:
        order, _ = take_down(worker, order, order.guard.protections)
    kept = without_guards_of_nothing(order if order.unexited_qty >= 1 else nothing_to_guard(order))
    if kept != order:
        worker.orders.save(kept)


def _short(worker: Worker, order: Order, child: ChildRecord) -> OrderReport | None:
    """What two answers, read now, agree that the child order has filled, if it is less than was booked of it."""
    if child.broker_order_id is None:
        return None
    broker = worker.broker_for(Priority.URGENT)
    try:
        first = broker.order(child.broker_order_id)
        if not _is_less(order, child, first):
            return None
        # What is at work is read on before anything follows of it; behind what is over the next order is sent at once.
        worker.sleep(LOOKS_APART_SECONDS if first and first.status.terminal else LINGER_SECONDS)
        second = broker.order(child.broker_order_id)
    except (RetryError, OperatorError) as error:
        worker.log.info(f"{child.client_order_id} could not be read again: {error}")
        return None
    return second if first and second and short_by_both(first, second) else None


def _is_less(order: Order, child: ChildRecord, report: OrderReport | None) -> bool:
    if report is None or contradiction(child_intent(order, child), report):
        return False
    return child.unfilled().reported(report, child.sent_at).filled_qty < child.filled_qty


def _as_shown(worker: Worker, order: Order, child: ChildRecord, report: OrderReport) -> Order:
    known = child.unfilled().reported(report, worker.now(order))
    told = f"{_shown(order, child, report)}, and the record follows the two"
    noted = worker.note(worker.alert_lasting(order, UNFILLED, told), told)
    return arrived_after_all(noted, known)


def _shown(order: Order, child: ChildRecord, report: OrderReport) -> str:
    booked, seen = plain(child.filled_qty), plain(report.filled_qty)
    known = f"{child.client_order_id} is {report.broker_status} with {seen} {order.symbol} filled, by two answers"
    return f"{known}; one before had {booked}"
