"""Whose shares a close sold: those that no bracket held first, then those of the brackets it released, oldest first."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from math import prod

from repeg.domain.market.sessions import EASTERN
from repeg.domain.order.protection import Exit, ExitReason
from repeg.domain.order.record import ZERO, Order
from repeg.domain.patience import POSITION_SHOWS_AFTER
from repeg.domain.proof.agreement import undisputed
from repeg.domain.rules.life import is_being_ended
from repeg.domain.rules.walking import sees_to_protection


def gives_way(holder: Order) -> bool:
    """True for an order whose turn a position that is past its stop may take: an entry that nobody ends yet."""
    # Not an adjust: it is over in a second, and superseded it would leave another bracket's shares bare.
    return not (sees_to_protection(holder) or is_being_ended(holder))


def booked(close: Order, holding: Sequence[Order]) -> list[Order]:
    """The brackets among `holding` (oldest first) that lost shares to `close`, each with that exit.

    Those that it took down may be among them though they hold no more: what others took of them it did not sell.
    Booking again changes nothing: an exit counts once for each close.
    """
    before, taken = _taken(close, holding, close.filled_qty)
    changed = []
    flat = (
        close.filled_qty > 0
        and close.ask.qty is None
        and close.close.position_before is not None
        and close.filled_qty >= close.close.position_before
    )
    for order, known in zip(before, holding, strict=True):
        if order.care.frozen and flat:
            # Which shares of the record the account's were is in dispute; that none is left is not.
            gone = exit_by(close, order, order.unexited_qty).changed(price=None)
            changed.append(undisputed(order.with_exit(gone)))
            continue
        qty = min(_loose(order), taken)
        taken -= qty
        after = order.with_exit(exit_by(close, order, qty)) if qty > 0 else order
        if after.guard.exits != known.guard.exits:
            changed.append(after)
    return changed


def spoken_for(close: Order, holding: Sequence[Order], offered: Decimal | None = None) -> list[Decimal]:
    """Shares that a close sold, or may still sell, of each of `holding` (oldest first): in the order of the booking.

    `offered`: what it has at the market, in place of all that it may still sell.
    """
    before, taken = _taken(close, holding, close.filled_qty + (close.remaining_qty if offered is None else offered))
    shares = []
    for order in before:
        shares.append(min(_loose(order), taken))
        taken -= shares[-1]
    return shares


def from_under_ocos(close: Order, holding: Sequence[Order]) -> Decimal:
    """Shares that a close sold of `holding`, and that by the record OCOs hold: one of these is over, and was not read.

    The broker sells nothing that an open order holds.
    """
    before, taken = _taken(close, holding, close.filled_qty)
    loose = sum((min(_loose(order), order.unexited_qty) for order in before), ZERO)
    return max(ZERO, min(taken, sum((order.unexited_qty for order in before), ZERO)) - loose)


def _taken(close: Order, holding: Sequence[Order], sold: Decimal) -> tuple[list[Order], Decimal]:
    """The brackets as they were before this close, and how many of the shares that it sold were theirs."""
    # A worker that dies in between books the same once more, not on top.
    before = [_without(order, close.order_id) for order in holding]
    theirs = sum((order.unexited_qty + _left_since(order, close) for order in before), ZERO)
    free = max(ZERO, (close.close.position_before or ZERO) - theirs)
    return before, max(ZERO, sold - free)


def _left_since(order: Order, close: Order) -> Decimal:
    """Shares of a bracket that others, or its OCO, took after the close saw the position: they were the bracket's then.

    Not counted, as many of those that the close sold would be taken for shares that no bracket held.
    """
    seen, others = close.care.seen, (ExitReason.OUTSIDE, ExitReason.TARGET, ExitReason.STOP)
    gone = (each for each in order.all_exits if each.reason in others and seen and each.at > seen.at)
    return sum((each.qty for each in gone), ZERO)


def booked_late(leaving: Order, holding: Sequence[Order]) -> list[Order]:
    """The brackets that lost shares to an exit which is over, and sold more since; each with that exit.

    `holding`: the brackets of the symbol that still hold shares, oldest first. What an OCO holds nobody can have sold.
    """
    if leaving.kind == "close":
        return [_undisputed(order) for order in booked(leaving, holding)]
    found = next((order for order in holding if order.order_id == leaving.ask.parent_id), None)
    if found is None:
        return []
    before = _without(found, leaving.order_id)
    qty = min(_loose(before), leaving.filled_qty)
    return [_undisputed(before.with_exit(exit_by(leaving, before, qty)))] if qty > 0 else []


def _undisputed(order: Order) -> Order:
    """The account shows none of its shares, and it holds none now: that they were missing is explained."""
    return undisputed(order) if order.unexited_qty <= 0 else order


def sold_by_others(holding: Sequence[Order], missing: Decimal, now: datetime) -> list[Order]:
    """The brackets among `holding` (oldest first) whose shares are gone, each with that exit.

    `missing` is how many shares the account holds fewer than the records say. What an OCO still guards is there, and
    what was bought a moment ago may only not show yet.
    """
    changed = []
    for order in holding:
        qty = min(_loose(order), missing)
        if qty > 0 and not filled_lately(order, now):
            changed.append(order.with_exit(left_by_others(order, qty, now)))
            missing -= qty
    return changed


def filled_lately(order: Order, now: datetime) -> bool:
    """True while it is no proof of a sale that the account does not show what the order bought.

    An OCO that worked is proof that the account showed what was bought before it.
    """
    fills = [child.closed_at for child in order.children if child.filled_qty > 0 and child.closed_at]
    shown = (oco for oco in order.guard.protections if oco.worked and not oco.unwanted)
    if not fills or any(oco.placed_at >= max(fills) for oco in shown):
        return False
    return now - max(fills) < POSITION_SHOWS_AFTER


def bare_by_record(order: Order) -> datetime | None:
    """Since when shares are bare, by the record alone: their last OCO was over, or they were bought without one.

    None when it does not tell. Sweeps that died saw nothing, and one that comes every minute sees it late.
    """
    worked = [oco for oco in order.guard.protections if oco.worked]
    if any(not oco.status.closed for oco in worked):
        return None
    if worked:
        return max((oco.closed_at for oco in worked if oco.closed_at), default=None)
    return min((child.closed_at for child in order.children if child.filled_qty > 0 and child.closed_at), default=None)


def left_by_others(order: Order, qty: Decimal, now: datetime) -> Exit:
    """Shares that somebody else sold (or bought back), at a price that is not known."""
    # Without a price, though the order that took them may have one: which of its shares were the bracket's is an
    # attribution, not a fact.
    source = f"{order.order_id}-outside{len(order.guard.exits) + 1}"
    return Exit(source=source, reason=ExitReason.OUTSIDE, qty=qty, price=None, at=now)


def _loose(order: Order) -> Decimal:
    """Shares that no OCO holds that the broker is known to have had: what a sale can have taken.

    An OCO of which only the intent is known holds nothing back: that shares were sold is a fact, the intent is not.
    """
    return order.unexited_qty - sum((oco.covers for oco in order.guard.protections if oco.worked), ZERO)


def _without(order: Order, source: str) -> Order:
    return order.with_guard(exits=tuple(gone for gone in order.guard.exits if gone.source != source))


def exit_by(close: Order, bracket: Order, qty: Decimal) -> Exit:
    """Shares that a close or an unwind took of a bracket, whose splits the record has."""
    at = max(child.closed_at or child.sent_at for child in close.sent)
    reason = ExitReason.CLOSE if close.kind == "close" else ExitReason.UNWIND
    whole = _whole(close, bracket, qty)
    return Exit(source=close.order_id, reason=reason, qty=qty, price=close.avg_fill_price, at=at, whole=whole)


def _whole(close: Order, bracket: Order, qty: Decimal) -> Decimal | None:
    """What the shares are in those of today, where the close sold some on a day before a split; else None."""
    sold = [(child.filled_qty, _day(child.closed_at or child.sent_at)) for child in close.sent if child.filled_qty]
    # By the day: a split is in force from an open on, and booked some time after it.
    last = max((day for _, day in sold), default=date.min)
    splits = [(day, each.ratio) for each in bracket.care.adjustments if (day := _day(each.at)) <= last]
    todays = sum((shares * prod(ratio for day, ratio in splits if on < day) for shares, on in sold), ZERO)
    listed = sum((shares for shares, _ in sold), ZERO)
    return qty * todays / listed if listed and todays != listed else None


def _day(at: datetime) -> date:
    return at.astimezone(EASTERN).date()
