"""What becomes of the shares that a bracket bought: guarded or bare, to be seen to, put off, or to be left.

`domain/order/course.py` says the like of the order itself.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from repeg.domain.order.bracket import Levels
from repeg.domain.order.course import went_on
from repeg.domain.order.protection import Protection
from repeg.domain.order.record import ZERO, Order

# --- guarded or bare ---


def at_levels(order: Order, levels: Levels) -> Order:
    """The order with its stop and its target."""
    return order.with_guard(stop_loss=levels.stop, take_profit=levels.target)


def covered(order: Order) -> Order:
    """The order once every whole share is guarded or exited: what was tried before, and waited for, is over."""
    whole = order.unexited_qty >= 1
    protected = whole or (order.guard.protected if order.unexited_qty <= 0 else None)
    protected = protected and order.guard.lent <= 0
    order = order.with_guard(protected=protected, refusals=0, key_waits=0)
    return order.with_care(due_at=None, tries=0, waits_until=None)


def found_guarded(order: Order) -> Order:
    """The order whose shares the sweep finds guarded, after all."""
    return order.with_guard(protected=True).with_care(due_at=None, tries=0)


def unguarded(order: Order) -> Order:
    """The order once its shares are known to be without protection."""
    return order.with_guard(protected=False)


def nothing_to_guard(order: Order) -> Order:
    """The order once it holds no whole share any more."""
    return order.with_guard(protected=None)


def never_placed(order: Order, oco: Protection) -> Order:
    """The order without an OCO that the broker certainly has not: its id is used again."""
    others = tuple(each for each in order.guard.protections if each.client_order_id != oco.client_order_id)
    return order.with_guard(protections=others, ocos=order.guard.ocos - 1)


def without_guards_of_nothing(order: Order) -> Order:
    """The order, where nothing is filled, without OCOs that the broker refused: there was nothing to be guarded."""
    if order.filled_qty > 0:
        return order
    # One that may arrive yet is looked for.
    kept = tuple(oco for oco in order.guard.protections if oco.worked or oco.ambiguous)
    return order.with_guard(protections=kept)


def taken_down(order: Order) -> Order:
    """The order once its protection is down: how often the broker refused one says nothing about the next."""
    return unguarded(order).with_guard(refusals=0)


def lent_to(order: Order, close: Order, qty: Decimal) -> Order:
    """The order while a close sells so many of its shares: the others are guarded beside that."""
    return order.with_guard(lent=qty, lent_to=close.order_id)


def lent_no_more(order: Order) -> Order:
    """The order once no close sells its shares: what is left of them is to be guarded.

    How often an OCO was refused beside the sale says nothing about one behind it.
    """
    return order.with_guard(lent=ZERO, lent_to="", refusals=0)


def refused_once_more(order: Order) -> Order:
    """The order after one more OCO in a row that the broker did not take."""
    return order.with_guard(refusals=order.guard.refusals + 1)


def ended_by_us(order: Order) -> bool:
    """True when its newest OCO was cancelled by us: nobody ended that by hand, to sell the shares."""
    newest = next((oco for oco in reversed(order.guard.protections) if oco.worked), None)
    return newest is not None and newest.cancel_requested_at is not None


# --- seen to, or due ---


def seen_to(order: Order) -> Order:
    """The order once what it bought is protected or exited, or the operator was alerted that it is neither."""
    return order.with_guard(settled=True)


def to_be_seen_to(order: Order) -> Order:
    """The order as its shares are to be seen to afresh."""
    return order.with_guard(settled=False, refusals=0)


def lost_protection(order: Order, restored_at: datetime) -> Order:
    """The order whose shares the sweep finds bare; it has them protected again at `restored_at` (market time)."""
    return unguarded(order).with_care(due_at=restored_at)


def guarded_anew(order: Order, levels: Levels, now: datetime) -> Order:
    """The order as its shares are protected anew at once, at other levels."""
    # How long the market was past the old stop says nothing about the new one.
    order = unguarded(at_levels(order, levels))
    return order.with_care(past_stop_since=None, due_at=now, tries=0)


def exits_due(order: Order, levels: Levels, now: datetime) -> Order:
    """The order as its exits are due at other levels, at once; until they are cancelled the old ones guard."""
    # That an unwind failed one day says nothing about the market of another: it is exited again if it must be.
    order = to_be_seen_to(at_levels(order, levels)).with_unwind(failed=False)
    return order.with_care(past_stop_since=None, due_at=now, tries=0)


def due_at_once(order: Order, now: datetime) -> Order:
    """The order as what is due of it does not wait out its pause."""
    return order.with_care(due_at=now) if order.care.due_at else order


def taken_up_again(order: Order, next_try: datetime) -> Order:
    """The order as an execution is started to see to its shares; should that die, `next_try` is when another is."""
    again = to_be_seen_to(order).with_unwind(failed=False)
    return went_on(again.with_care(due_at=next_try, tries=order.care.tries + 1))


def tried_in_vain(order: Order) -> Order:
    """The order after one more try that left shares bare."""
    return unguarded(order).with_care(tries=order.care.tries + 1)


def put_off(order: Order, until: datetime | None) -> Order:
    """The order of whose shares nothing can be done until then: the open, or another day."""
    return order.with_care(waits_until=until)


def due_again(order: Order) -> Order:
    """The order once the time has come that it was put off to."""
    return order.with_care(waits_until=None)


def watched_no_more(order: Order) -> Order:
    """The order by an operator's word that its shares are not its matter any more."""
    return seen_to(nothing_to_guard(order)).with_care(due_at=None)


# --- to be left ---


def to_be_left(order: Order) -> Order:
    """The order as its position is exited: it is past its stop, or not worth holding."""
    return went_on(unguarded(order).with_unwind(wanted=True))


def not_left(order: Order) -> Order:
    """The order once an unwind ended, and shares are still held."""
    return went_on(order.with_unwind(wanted=False, failed=True))
