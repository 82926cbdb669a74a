"""What happens to an order on its way: it waits, is worked on, is decided about, and ends.

Steps say what happened; what that changes in the record is said here, and what a record comes to is read in
`domain/rules/life.py`.
"""

from __future__ import annotations

from datetime import datetime

from repeg.domain.order.children import ChildRecord
from repeg.domain.order.closing import selling_on
from repeg.domain.order.record import Order
from repeg.domain.order.verdicts import WaitingFor
from repeg.domain.reasons import Reason, Status

NOT_ASSESSED = "not assessed"
"""The alert of an exit that cannot even be looked at; a look that goes through ends it."""

# --- waiting ---


def lives_until(order: Order, expires_at: datetime | None) -> Order:
    """The order as it expires then, in market time, should it still wait; None: never."""
    return order.with_run(expires_at=expires_at)


def awaiting(order: Order, what: WaitingFor) -> Order:
    """The order as it begins to wait for `what`, or waits on for it."""
    return order.with_run(waits_for=what, waits=order.run.waits if order.run.waits_for is what else 0)


def waited(order: Order, due_wall: datetime) -> Order:
    """The order as it is sent into one more wait; its execution goes on at `due_wall` (wall time)."""
    run = order.run
    counted = order.with_run(waits=run.waits + 1, waits_since_start=run.waits_since_start + 1)
    return due_at(counted, due_wall)


def due_at(order: Order, due_wall: datetime) -> Order:
    """The order as its execution goes on at `due_wall` (wall time), whatever it waits for."""
    return order.with_run(due_wall=due_wall)


def went_on(order: Order) -> Order:
    """The order as it does something else than before: its next wait is the first in a row."""
    return order.with_run(waits=0)


def waits_no_more(order: Order) -> Order:
    """The order once it sees what it waited for."""
    return order.with_run(waits_for=None)


def to_be_assessed(order: Order) -> Order:
    """The order as nothing more is sent of it before it is assessed anew."""
    return order.changed(status=Status.WAITING)


def parked(order: Order, until: datetime | None) -> Order:
    """The order as it waits to be assessed anew, and lets later ones of its symbol pass until an open, if any."""
    return to_be_assessed(order).with_run(parked_until=until)


# --- being worked on ---


def under_way(order: Order) -> Order:
    """The order once it is released: it waits for nothing, and child orders of it may be sent."""
    return order.changed(status=Status.WORKING).with_run(waits_for=None, waits=0, parked_until=None)


def assessed(order: Order) -> Order:
    """The order after a look that went through: failures before it do not count any more."""
    return broker_answered(order).with_run(secure_rounds=0).no_longer(NOT_ASSESSED)


def broker_answered(order: Order) -> Order:
    """The order once the broker answered a call for it."""
    return order.with_sending(broker_failures=0)


def broker_failed(order: Order) -> Order:
    """The order after one more call that the broker did not answer."""
    return order.with_sending(broker_failures=order.sending.broker_failures + 1)


def arrived_after_all(order: Order, child: ChildRecord) -> Order:
    """The order with a child order that shows at the broker though it was given up, or nobody knew, as its newest."""
    # It holds the shares: the broker would refuse to protect them beside it.
    return selling_on(order.without_child(child).with_child(child).changed(status=Status.WORKING))


# --- being decided about ---


def decided(order: Order, reason: Reason) -> Order:
    """The order once no more is sent of it, and why."""
    return order.changed(reason=reason)


def superseded(order: Order, by: str, now: datetime) -> Order:
    """The order once the exit `by` took over from it."""
    ending = decided(order, Reason.SUPERSEDED).with_close(superseded_by=by)
    return ending.noted(now, "AssessMarket", f"superseded by {by}")


def taken_back(order: Order, by: str, now: datetime) -> Order:
    """The order once a cancel, the signal `by`, ends it."""
    return decided(order, Reason.CANCELLED).noted(now, "AcceptSignal", f"taken back by {by}")


def being_secured(order: Order, reason: Reason) -> Order:
    """The order once a step kept failing for it: no more is sent, and what is live is cancelled."""
    # What the close put back it protects once its child order is over.
    order = selling_on(order) if order.open_child else order
    return went_on(decided(order, reason)).with_run(securing=True)


def ended(order: Order, status: Status, reason: Reason | None, now: datetime) -> Order:
    """The order as it is over."""
    over = order.changed(status=status, reason=reason, completed_at=now)
    return over.with_run(parked_until=None, waits_for=None)
