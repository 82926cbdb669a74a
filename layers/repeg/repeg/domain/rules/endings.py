"""What a child order's end means for its order, and how an order ends: tables of which the first row that fits decides.

They are printed into docs/order-life.md.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import NamedTuple

from repeg.domain.market.reports import OrderReport, OrderStatus
from repeg.domain.order.children import ChildRecord, ChildStatus
from repeg.domain.order.record import Order
from repeg.domain.reasons import HELD_BACK, Reason, Status


class Onward(StrEnum):
    """What an order does once its child order is over."""

    OVER = "no more is sent; what is owed to its shares follows"
    ENDS = "no more is sent, for the reason named"
    PAUSES = "the next child order, after a pause"
    GOES_ON = "the next child order"


class ChildOver(NamedTuple):
    """What follows where nothing before it fits; `when` is the same in words, `detail` what the event says."""

    onward: Onward
    fits: Callable[[Order, ChildRecord], object]
    when: str
    reason: Reason | None = None
    detail: str = ""


CHILD_OVER = (
    ChildOver(Onward.OVER, lambda order, child: order.remaining_qty <= 0, "the order is filled"),
    # Before anything that went wrong with the child order: the exit that took over sees to the shares.
    ChildOver(Onward.OVER, lambda order, child: order.close.superseded_by, "an exit took over"),
    ChildOver(
        Onward.ENDS,
        lambda order, child: child.lost,
        "the broker had it, and knows it no more",
        Reason.BROKER_UNAVAILABLE,
        "the broker does not know the child order any more",
    ),
    # As a cancel from outside: a wish, not to be fought.
    ChildOver(
        Onward.ENDS,
        lambda order, child: child.replaced,
        "somebody replaced it",
        Reason.CANCELLED_OUTSIDE,
        "the child order was replaced from outside",
    ),
    ChildOver(
        Onward.ENDS,
        # The wish to end the order came before, or its word would go by how the broker took it.
        lambda order, child: child.cancel_alarmed and order.reason in (None, Reason.CANCEL_STUCK),
        "its cancel was stuck, and nothing else ends the order",
        Reason.CANCEL_STUCK,
        "the cancel took more than 30 s",
    ),
    ChildOver(Onward.OVER, lambda order, child: order.reason is Reason.CANCELLED, "a cancel took it back"),
    ChildOver(
        Onward.ENDS,
        lambda order, child: child.status is ChildStatus.EXPIRED,
        "it expired",
        Reason.MARKET_CLOSED,
        "the child order expired at the close",
    ),
    # Before rejected and cancelled: an exit does not end for what became of one child order, its shares would stay
    # bare.
    ChildOver(
        Onward.PAUSES,
        lambda order, child: order.must_complete and _ended_by_others(child),
        "others ended it, and its order must complete",
    ),
    ChildOver(
        Onward.ENDS,
        lambda order, child: child.status is ChildStatus.REJECTED,
        "the exchange rejected it",
        Reason.BROKER_REJECTED,
        "the exchange rejected the order after accepting it",
    ),
    # Taken as a wish: to go on with the next rung would be to fight the operator.
    ChildOver(
        Onward.ENDS,
        lambda order, child: child.status is ChildStatus.CANCELED and child.cancel_requested_at is None,
        "somebody cancelled it",
        Reason.CANCELLED_OUTSIDE,
        "the child order was cancelled from outside",
    ),
    ChildOver(Onward.PAUSES, lambda order, child: _ended_by_others(child), "it ended before anybody asked for it"),
    ChildOver(Onward.GOES_ON, lambda order, child: True, "its patience was over, and it was cancelled"),
)


def child_over(order: Order, child: ChildRecord) -> ChildOver:
    """What follows for an order whose child order is over for good."""
    return next(row for row in CHILD_OVER if row.fits(order, child))


def ends_short(report: OrderReport) -> bool:
    """True when a child order is said to be over, or replaced, and not filled: worth a second read, whoever ended it.

    By one false answer of that kind a sale that was filled was sent again. That we cancelled it ourselves tells that it
    is over, not how many shares were filled before. What it was replaced by is booked, and cancelled, in its place.
    """
    short = (OrderStatus.CANCELED, OrderStatus.EXPIRED, OrderStatus.REJECTED, OrderStatus.REPLACED)
    return report.status in short


def by_both(report: OrderReport, again: OrderReport) -> OrderReport:
    """What two answers come to, of which the first had the order end short: not over while they tell of other fills."""
    alike = (again.filled_qty, again.replaced_by) == (report.filled_qty, report.replaced_by)
    if not ends_short(again) or alike:
        return again
    # Which of them is false is not known. The fewer shares are certain, and what is certain is never taken back.
    fewer: OrderReport = min(report, again, key=lambda each: each.filled_qty)
    return fewer.changed(status=OrderStatus.PENDING)


def short_by_both(one: OrderReport, other: OrderReport) -> bool:
    """True when two answers tell of the same fills, and both have the order at work, or both over without the rest.

    One that was filled in between is another order at the second look: then nothing is known against its fill.
    """
    same = (one.filled_qty, one.replaced_by, one.replaces) == (other.filled_qty, other.replaced_by, other.replaces)
    filled = OrderStatus.FILLED in (one.status, other.status)
    return same and one.status.terminal is other.status.terminal and not filled


def _ended_by_others(child: ChildRecord) -> bool:
    return child.status is ChildStatus.REJECTED or child.cancel_requested_at is None


# --- how it ends ---


class Told(StrEnum):
    """Reasons that differ from order to order."""

    NOTED = "what its ladder ended for"
    CUT = "what less was worked for, if anything"


class Ending(NamedTuple):
    """A status where nothing before it fits, and the reason that is reported; `when` is the same in words."""

    status: Status
    fits: Callable[[Order], object]
    when: str
    told: Told | Reason = Told.NOTED
    if_none: Reason | None = None


NO_FAILURE = (
    Reason.HELD_BY_PROTECTION,
    Reason.HELD_BY_OTHER_ORDER,
    Reason.NOT_FRACTIONABLE,
    Reason.NOTIONAL_TOO_SMALL,
    *sorted(HELD_BACK),
)
"""Why the rest of what had to be traded was not: nothing went wrong, and trying on would not help, or is not wanted."""

ENDINGS = (
    # Before all that is about shares: an instruction trades none.
    Ending(
        Status.DONE,
        lambda order: order.is_instruction and order.guard.settled and order.reason is None,
        "an instruction was carried out",
    ),
    Ending(Status.UNWOUND, lambda order: _is_left(order), "a bracket left all that it bought"),
    # Before all that reads as harmless: shares may still be held that nobody wanted.
    Ending(Status.FAILED, lambda order: order.unwind.failed, "a bracket tried to leave, and did not end flat"),
    # Before `filled`, which would read as a position that is held: the exit sells it.
    Ending(
        Status.SUPERSEDED,
        lambda order: order.terms.bracket and order.close.superseded_by,
        "an exit took over a bracket, whatever was filled",
        Reason.SUPERSEDED,
    ),
    # Before `filled` as well: shares without a stop are no success. Outside a session they were asked for so.
    Ending(
        Status.FAILED,
        lambda order: order.unguarded_qty > 0 and not order.terms.outside_session,
        "shares are without protection, in a session",
        if_none=Reason.PROTECTION_FAILED,
    ),
    # Before `filled`: ended so, a close left shares that no record knew.
    Ending(
        Status.FAILED,
        lambda order: order.reason is Reason.ACCOUNT_DISAGREES,
        "an exit sold what it saw, and the account shows more that nothing explains",
    ),
    Ending(
        Status.FILLED,
        lambda order: _is_filled(order) and order.remaining_qty < 0,
        "more was filled than was asked for",
        Reason.OVERFILLED,
    ),
    Ending(
        Status.FILLED,
        lambda order: _is_filled(order) and order.terms.cut in (None, Reason.CUT_TO_POSITION),
        "all that was asked for was filled, or all that was held",
        Told.CUT,
    ),
    Ending(
        Status.PARTIALLY_FILLED,
        lambda order: _is_filled(order),
        "all was filled that could be worked of what was asked for",
        Told.CUT,
    ),
    Ending(Status.SUPERSEDED, lambda order: order.close.superseded_by, "an exit took over", Reason.SUPERSEDED),
    Ending(Status.FAILED, lambda order: order.run.securing, "it was secured after a failure"),
    Ending(Status.FAILED, lambda order: _had_to_complete(order), "it had to complete, and something kept it from that"),
    Ending(Status.PARTIALLY_FILLED, lambda order: order.filled_qty > 0, "a part was filled"),
    Ending(
        Status.REJECTED,
        lambda order: not order.sent or _was_refused(order),
        "nothing was sent, or one that was refused",
    ),
    Ending(Status.UNFILLED, lambda order: True, "nothing was filled"),
)


def ending(order: Order) -> tuple[Status, Reason | None]:
    """Status and reason of an order that is over."""
    row = next(row for row in ENDINGS if row.fits(order))
    if isinstance(row.told, Reason):
        return row.status, row.told
    return row.status, (order.terms.cut if row.told is Told.CUT else order.reason or row.if_none)


def _is_left(order: Order) -> bool:
    return order.terms.bracket is not None and order.unwind.wanted and order.unexited_qty <= 0


def _is_filled(order: Order) -> bool:
    return order.terms.requested_qty is not None and order.remaining_qty <= 0 < order.filled_qty


def _had_to_complete(order: Order) -> bool:
    sent = bool(order.sent) and not _was_refused(order)
    return sent and order.must_complete and order.reason not in NO_FAILURE


def _was_refused(order: Order) -> bool:
    return len(order.sent) == 1 and order.sent[0].status is ChildStatus.REJECTED
