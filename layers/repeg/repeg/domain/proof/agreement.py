"""What follows for the record from a look at the account: they agree, they do not, or shares and levels are others."""

from __future__ import annotations

from datetime import datetime, timedelta

from repeg.domain.order.adjustments import Adjustment, Seen
from repeg.domain.order.bracket import Levels
from repeg.domain.order.guarding import at_levels, exits_due, guarded_anew
from repeg.domain.order.protection import ExitReason
from repeg.domain.order.record import ZERO, Order
from repeg.domain.reasons import Reason
from repeg.domain.rules.bracket_exit import levels_of
from repeg.domain.rules.refusals import SHARES_LACK

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


# --- exits that an adjust moves ---

_KEEPS_LEVELS = SHARES_LACK | {Reason.BROKER_UNAVAILABLE}
"""Refusals of an OCO that say nothing about its levels: the old ones would fare no better."""


def exits_moved(order: Order, levels: Levels, adjust: Order, now: datetime) -> Order:
    """The order as its exits lie at other levels by the word of `adjust`; it goes back should they be refused."""
    last = last_move(order)
    change = Adjustment(
        why="adjust",
        detail=f"moved by {adjust.signal_id}",
        change=ZERO,
        levels=levels,
        at=_behind_all(order, now),
        by=adjust.order_id,
        before=(last.before if last else None) or levels_of(order),
        meant=adjust.ask.force,
    )
    return _with_move(order, change, now)


def exits_put_back(order: Order, reason: Reason, now: datetime) -> Order | None:
    """The order at the levels of before, as an OCO at those of an adjust was refused; None: that is no reason to."""
    move = last_move(order)
    if move is None or move.before is None or reason in _KEEPS_LEVELS:
        return None
    if move.meant and reason is Reason.STOP_THROUGH:
        return None
    back = move.changed(levels=move.before, before=None, refused=reason, at=_behind_all(order, now))
    return _with_move(order, back, now)


def exits_stand(order: Order) -> Order:
    """The order once an OCO at its levels is at work: there is no way back to those of before."""
    move = last_move(order)
    if move is None or move.before is None:
        return order
    return order.with_care(adjustments=(*order.care.adjustments[:-1], move.changed(before=None)))


def exits_as_they_were(order: Order) -> Order:
    """The order once its shares are gone: at the levels of before, if nothing ever stood at those of a move.

    One that was meant, and that its position was exited for, stands.
    """
    move = last_move(order)
    if move is None or move.before is None or (move.meant and order.exit_reason == ExitReason.UNWIND):
        return order
    if any(oco.placed_at >= move.at and oco.exits for oco in order.guard.protections):
        return exits_stand(order)
    back = move.changed(levels=move.before, before=None, refused=Reason.NO_POSITION)
    return at_levels(order, move.before).with_care(adjustments=(*order.care.adjustments[:-1], back))


def last_move(order: Order) -> Adjustment | None:
    """The adjust that the levels are from, or None."""
    last = order.care.adjustments[-1] if order.care.adjustments else None
    return last if last and last.why == "adjust" else None


def exits_are_moving(order: Order) -> bool:
    """True from the word of an adjust until an OCO at its levels, or again at those of before, is at work."""
    return last_move(order) is not None and order.needs_care


def _with_move(order: Order, move: Adjustment, now: datetime) -> Order:
    # In place of the move before it, which changed no share: a stop that trails for weeks must not fill the record.
    known = order.care.adjustments[:-1] if last_move(order) else order.care.adjustments
    return exits_due(order.with_care(adjustments=(*known, move)), move.levels, now)


def _behind_all(order: Order, now: datetime) -> datetime:
    """A moment after every OCO so far: by a clock that lags an old one would pass for new, and stay."""
    placed = max((oco.placed_at for oco in order.guard.protections), default=now)
    return max(now, placed + timedelta(microseconds=1))
