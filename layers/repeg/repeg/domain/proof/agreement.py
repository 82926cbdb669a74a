"""What follows for the record from a look at the account: they agree, they do not, or shares and levels are others."""

from __future__ import annotations

from datetime import datetime

from repeg.domain.order.adjustments import Adjustment, Seen
from repeg.domain.order.guarding import at_levels, guarded_anew
from repeg.domain.order.record import Order

DISAGREES = "disagrees"
"""What the operator is alerted to while they do not agree."""


def agreed(order: Order, seen: Seen | None) -> Order:
    """The order once record and account agree; `seen` is what the account shows then."""
    return undisputed(order).with_care(seen=seen).no_longer(DISAGREES)


def seen_as(order: Order, seen: Seen) -> Order:
    """The order with what the account showed, and what explained it; whether it is in dispute stays as it was."""
    return order.with_care(seen=seen)


def undisputed(order: Order) -> Order:
    """The order as it is traded by itself again: nothing about it is in dispute."""
    return order.with_care(frozen="", doubted_at=None)


def doubted(order: Order, now: datetime) -> Order:
    """The order that the account does not fit, since the first look that found it so."""
    return order.with_care(doubted_at=order.care.doubted_at or now)


def frozen(order: Order, why: str) -> Order:
    """The order as nothing is traded for it by itself; the reason that was found first stands."""
    return order.with_care(frozen=order.care.frozen or why)


def holding_now(order: Order, change: Adjustment, seen: Seen | None) -> Order:
    """The order with another number of shares and other levels, at which they are protected anew at once."""
    order = order.with_care(adjustments=(*order.care.adjustments, change))
    return agreed(guarded_anew(order, change.levels, change.at), seen)


def changed_while_left(order: Order, changes: tuple[Adjustment, ...]) -> Order:
    """The order with what became of its shares while the order that exits them was at work."""
    order = order.with_care(adjustments=(*order.care.adjustments, *changes))
    return at_levels(order, changes[-1].levels) if changes else order
