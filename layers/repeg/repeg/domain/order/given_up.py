"""What was given up for never sent may still show at the broker: looked for twice, minutes later, and never again."""

from __future__ import annotations

from datetime import datetime

from repeg.domain.order.children import ChildRecord, ChildStatus
from repeg.domain.order.protection import Protection, ProtectionStatus
from repeg.domain.order.record import Order
from repeg.domain.patience import LATE_LOOKS

Given = ChildRecord | Protection


def given_up(order: Order) -> tuple[Given, ...]:
    """Child orders and OCOs, oldest first, of which nobody knows that the broker never had them."""
    children = (child for child in order.children if child.status is ChildStatus.NEVER_SENT)
    ocos = (oco for oco in order.guard.protections if oco.status is ProtectionStatus.REFUSED)
    every: tuple[Given, ...] = (*children, *ocos)
    # Only a send without an answer can show late: an entry that a broker in trouble worked off after more than a minute
    # was 100 shares that nobody guarded or knew of.
    return tuple(each for each in every if each.ambiguous)


def is_looked_for(order: Order) -> bool:
    """True while a look at something that was given up is still to come."""
    return any(each.late_looks < len(LATE_LOOKS) for each in given_up(order))


def may_yet_show(order: Order) -> ChildRecord | None:
    """The newest child order that is over by the record and may be at work all the same; None: there is no such."""
    sought = given_up(order) if is_looked_for(order) else ()
    return next((child for child in reversed(order.children) if child.lost or child in sought), None)


def to_look_for(order: Order, now: datetime) -> Given | None:
    """What is to be looked for now, or None."""
    return next((each for each in given_up(order) if _is_due(each, now)), None)


def _is_due(given: Given, now: datetime) -> bool:
    if given.late_looks >= len(LATE_LOOKS) or given.closed_at is None:
        return False
    return now - given.closed_at >= LATE_LOOKS[given.late_looks]


def looked_for(order: Order, given: Given) -> Order:
    """The order after one more look that found nothing."""
    seen = given.changed(late_looks=given.late_looks + 1)
    return order.with_child(seen) if isinstance(seen, ChildRecord) else order.with_protection(seen)
