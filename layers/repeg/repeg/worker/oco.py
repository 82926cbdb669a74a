"""Reading and cancelling OCOs: what the broker says of them, folded into the record."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import NamedTuple

from repeg.broker.port import Broker, CancelOutcome
from repeg.domain.market.reports import OrderReport
from repeg.domain.models import opposite
from repeg.domain.order.protection import Protection, ProtectionStatus
from repeg.domain.order.record import Order
from repeg.domain.order.reservation import Priority
from repeg.domain.patience import LINGER_SECONDS, LOOKUP_BACKOFF_SECONDS, PRICE_LAGS_SECONDS
from repeg.domain.proof.answers import agree, one_will_do
from repeg.domain.proof.ours import listed_again, oco_intent
from repeg.errors import BrokerUnavailable, OperatorError, RetryError
from repeg.worker.lookup import listed, look_up, taken
from repeg.worker.send import wait_for_sender
from repeg.worker.worker import Worker

# Each costs a trading request, and answers that name each other would have no end.
MOVES_FOLLOWED = 5
MORE_ANSWERS = 2
"""Where two answers do not agree, a third says which of them is false."""


class Found(NamedTuple):
    """What a look-up by our id came to: whether the broker answered, and the OCO if it knows it."""

    order: Order
    answered: bool
    found: Protection | None
    taken: bool = False
    """The id belongs to an order that is not ours; this OCO is over, and was never there."""


def read_oco(
    worker: Worker,
    order: Order,
    oco: Protection,
    broker: Broker | None = None,
    looks: int = len(LOOKUP_BACKOFF_SECONDS),
    *,
    also: Decimal | None = None,
    again: Callable[[], Broker] | None = None,
    once: bool = False,
) -> tuple[Order, Protection]:
    """The order with the OCO as the broker reports it by id, not yet saved; unchanged when it cannot be read now.

    That the broker does not know it any more is believed after more than `looks` looks. What it took, and that it is
    over, is believed to two answers that agree; `again` connects for the second. `also`: shares that another answer
    says it took. `once`: an end with what is known to be taken is believed to one, as another proof follows.
    """
    broker = broker or worker.broker_for(Priority.URGENT)
    try:
        reports, seen = _read(worker, broker, order, oco)
        if reports and not one_will_do(oco, seen, also, once=once):
            reports, seen = _seconded(worker, again or (lambda: broker), order, oco, (reports, seen))
    except (RetryError, OperatorError) as error:
        worker.log.info(f"could not read {oco.client_order_id}: {error}")
        return order, oco
    if not reports:
        seen = oco.changed(lookups=oco.lookups + 1)
        if seen.lookups > looks:
            look = worker.stack.by_hand(order.symbol)
            worker.alert(order, f"{oco.client_order_id} is unknown to the broker now; {look}")
            seen = seen.changed(status=ProtectionStatus.GONE, closed_at=worker.now(order))
    if (seen.status, seen.exited_qty) != (oco.status, oco.exited_qty):
        order = worker.note(order, _words(seen))
    return order.with_protection(seen), seen


def _seconded(
    worker: Worker,
    connect: Callable[[], Broker],
    order: Order,
    oco: Protection,
    first: tuple[list[OrderReport], Protection],
) -> tuple[list[OrderReport], Protection]:
    """What two answers agree on, of three at most."""
    # By one false answer shares would be taken for sold, and nobody guard them; or guarded twice, and those of somebody
    # else sold with them.
    looks = [first]
    for _ in range(MORE_ANSWERS):
        worker.sleep(LINGER_SECONDS)
        look = _read(worker, connect(), order, oco)
        if any(agree(look[1], other[1]) for other in looks if bool(look[0]) == bool(other[0])):
            return look
        looks.append(look)
    # An OCO that sells meanwhile is another at each look: the fewest shares are certain. Whether it is over is not.
    at_work = [look for look in looks if look[0] and not look[1].status.closed]
    if len(at_work) == len(looks):
        return min(at_work, key=lambda look: look[1].exited_qty)
    raise BrokerUnavailable("each answer tells something else of it")


def _read(worker: Worker, broker: Broker, order: Order, oco: Protection) -> tuple[list[OrderReport], Protection]:
    """What the broker reports of an OCO, nothing if it does not know it; and the OCO brought up to that."""
    reports = _chain(worker, broker, order, oco)
    if not reports:
        # A 404 alone proves nothing, and an OCO that is taken for gone while it lives is placed twice.
        shown = listed(worker, order.symbol, oco.broker_order_id or "", oco_intent(order, oco).written_at)
        reports = [shown] if shown else []
    session, seen = worker.session_of(order), oco
    for report in reports:
        seen = seen.reported(report, worker.now(order), seen.is_due(session, worker.now(order)))
    return reports, seen


def _chain(worker: Worker, broker: Broker, order: Order, oco: Protection) -> list[OrderReport]:
    """An OCO as the broker reports it, and what became of it when somebody replaced its target, oldest first."""
    reports: list[OrderReport] = []
    broker_order_id = oco.broker_order_id or ""
    for _ in range(MOVES_FOLLOWED):
        report = _with_prices(worker, broker, broker.order(broker_order_id))
        if report is None:
            break
        reports.append(_ours(order, _with_moved_legs(broker, _with_stop(broker, oco, report))))
        if report.replaced_by is None:
            break
        broker_order_id = report.replaced_by
    return reports


def _ours(order: Order, report: OrderReport) -> OrderReport:
    """What was reported, if it is about shares that the order's OCOs take, with all of its legs.

    Raises:
        BrokerUnavailable: it is about another order, and tells nothing of ours.
    """
    # Its exits would be booked for shares that are still held, or its legs be cancelled.
    for each in (report, *report.legs):
        if (each.symbol, each.side) != (order.symbol, opposite(order.trading_side)):
            told = f"{each.side} {each.symbol}"
            raise BrokerUnavailable(f"asked for an OCO of {order.symbol}, the answer tells of {told}")
    return report


def _with_prices(worker: Worker, broker: Broker, report: OrderReport | None) -> OrderReport | None:
    # What is booked without its price has no result for ever.
    for pause in PRICE_LAGS_SECONDS:
        if report is None or not report.unpriced:
            break
        worker.sleep(pause)
        report = broker.order(report.broker_order_id)
    return report


def _with_stop(broker: Broker, oco: Protection, report: OrderReport) -> OrderReport:
    """With the stop that was seen before, where the answer lacks it: a target that is over says nothing of it."""
    # Held legs have been missing from answers (github.com/alpacahq/alpaca-trade-api-python/issues/322). A stop that
    # sells outlives its target: taken for gone with it, its shares were sold twice.
    if not report.status.terminal or oco.stop_order_id is None or any(leg.stop_price for leg in report.legs):
        return report
    stop = broker.order(oco.stop_order_id)
    return report.changed(legs=(*report.legs, stop)) if stop else report


def _with_moved_legs(broker: Broker, report: OrderReport) -> OrderReport:
    """With the legs that replaced others and are not listed beside them."""
    listed = {leg.broker_order_id for leg in report.legs}
    moved = [broker.order(leg.replaced_by) for leg in report.legs if leg.replaced_by and leg.replaced_by not in listed]
    return report.changed(legs=(*report.legs, *(leg for leg in moved if leg))) if moved else report


def find_oco(worker: Worker, order: Order, oco: Protection, *, refused: bool = False) -> Found:
    """Look an OCO up by our id, of which nobody knows whether the broker has it.

    With `refused`, this worker was told that the id is taken: nobody else can be sending it.
    """
    intent = oco_intent(order, oco)
    try:
        report, stranger = look_up(worker, intent, listed=oco.lookups + 1 >= len(LOOKUP_BACKOFF_SECONDS))
    except (RetryError, OperatorError) as error:
        worker.log.info(f"could not look up {oco.client_order_id}: {error}")
        return Found(order, False, None)
    # While one of our senders may be under way, ours may still take the id: nothing is concluded before.
    if stranger and (refused or not wait_for_sender(worker, oco, 0)):
        return Found(_taken(worker, order, oco, taken(intent, stranger)), True, None, taken=True)
    if report is None:
        return Found(order, True, None)
    found = oco.as_sent(report).changed(
        broker_order_id=report.broker_order_id,
        status=ProtectionStatus.CANCELING if oco.cancel_requested_at else ProtectionStatus.SENT,
        ambiguous=False,
        lookups=0,
    )
    return Found(order.with_protection(found), True, found)


def _taken(worker: Worker, order: Order, oco: Protection, detail: str) -> Order:
    worker.alert(order, detail)
    gone = {"status": ProtectionStatus.REFUSED, "closed_at": worker.now(order), "ambiguous": False}
    return worker.note(order.with_protection(oco.changed(**gone)), detail)


def read_exits(worker: Worker, bracket: Order, looks: int = len(LOOKUP_BACKOFF_SECONDS)) -> Order:
    """The bracket with what its targets and stops did since anybody looked, and what became of its OCOs; saved."""
    before = bracket
    for oco in bracket.guard.protections:
        if not oco.status.closed and oco.broker_order_id:
            bracket = read_oco(worker, bracket, oco, looks=looks)[0]
    return worker.save_exits(before, bracket)


def read_over(worker: Worker, order: Order, ocos: Iterable[Protection]) -> Order:
    """The order with what OCOs took besides that it has for over, each read by its id; not yet saved."""
    for oco in ocos:
        known, seen = read_oco(worker, order, oco, looks=oco.lookups + 1)
        if seen.status.closed and seen.exited_qty > oco.exited_qty:
            order = known
    return order


def find_lost(worker: Worker, order: Order) -> Order:
    """The order with OCOs that were given up, or believed to be refused or over, and live: something holds the shares.

    By one listing of open orders, and by our id where a send had no answer.
    """
    try:
        order = listed_again(order, worker.broker_for(Priority.URGENT).open_orders())
    except (RetryError, OperatorError) as error:
        worker.log.info(f"open orders are not listed: {error}", order_id=order.order_id)
    for oco in order.guard.protections:
        if oco.status is ProtectionStatus.REFUSED and oco.ambiguous:
            look = find_oco(worker, order, oco)
            order = look.order if look.found else order
    return order


def ask_to_cancel(order: Order, oco: Protection, broker: Broker) -> bool:
    """Ask for the cancel of both legs; False when the broker may not have the wish.

    A target that is over already takes no stop with it: one that was elected, and rests, is cancelled by its own id.
    """
    try:
        outcome = broker.cancel(oco.broker_order_id or "")
        if outcome is CancelOutcome.ALREADY_TERMINAL:
            for leg in _legs_at_work(broker, order, oco):
                outcome = broker.cancel(leg.broker_order_id)
        return outcome is not CancelOutcome.UNCLEAR
    except (RetryError, OperatorError):
        return False


def _legs_at_work(broker: Broker, order: Order, oco: Protection) -> list[OrderReport]:
    """Legs of an OCO that may still trade: one that was not seen before is a leg of it by two answers."""
    report = broker.order(oco.broker_order_id or "")
    legs = [leg for leg in (_ours(order, report).legs if report else ()) if not leg.status.terminal]
    known = {oco.stop_order_id} - {None}
    # By one answer the stop of somebody else was cancelled, as it stood among the legs.
    if any(not known & {leg.broker_order_id, leg.replaces} for leg in legs):
        again = broker.order(oco.broker_order_id or "")
        known |= {leg.broker_order_id for leg in (again.legs if again else ())}
    return [leg for leg in legs if known & {leg.broker_order_id, leg.replaces}]


def _words(oco: Protection) -> str:
    taken = "".join(f", {gone.qty} left at {gone.price} ({gone.reason})" for gone in oco.exits)
    return f"{oco.client_order_id} {oco.status}{taken}"
