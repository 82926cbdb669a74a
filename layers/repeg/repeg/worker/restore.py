"""The end of a close: what it sold is booked on the brackets it was taken from, the rest is protected again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from repeg.domain.money import plain
from repeg.domain.order.alerts import bare_words
from repeg.domain.order.closing import answers_for, as_before
from repeg.domain.order.course import went_on
from repeg.domain.order.guarding import ended_by_us, lent_no_more, lent_to, seen_to
from repeg.domain.order.protection import ProtectionStatus
from repeg.domain.order.record import Order
from repeg.domain.patience import (
    CARE_GRACE,
    LOOKUP_BACKOFF_SECONDS,
    POSITION_SHOWS_AFTER,
    READ_BACKOFF_SECONDS,
    UNREAD_OCO_PAUSE_SECONDS,
    backoff,
)
from repeg.domain.proof.agreement import exits_are_moving
from repeg.domain.proof.leaving import booked, from_under_ocos, spoken_for
from repeg.domain.routes import Next, Route
from repeg.domain.rules.entered import not_worth_holding
from repeg.domain.rules.life import is_being_left, is_restoring, is_withdrawn, is_withdrawn_by, ladder_over
from repeg.worker.oco import read_exits
from repeg.worker.send import wait_for_sender
from repeg.worker.worker import Worker

Protect = Callable[[Worker, Order], Next]


def restore(worker: Worker, close: Order, protect: Protect) -> Next:
    """Book the sale, then have every bracket whose protection came down protected again, at its own levels."""
    here = worker.on_behalf_of(close)
    holding, waits = _read_where_sold(here, close, _holding(worker, close))
    known = {bracket.order_id: bracket for bracket in holding}
    # Before anything is protected: an OCO for shares that are sold is refused, or takes those of another bracket.
    for sold in booked(close, holding):
        noted = worker.note(sold, f"{close.order_id} left shares of this position")
        here.save_exits(known[sold.order_id], noted)
    # A close that died while it superseded an order does not name it, but the order names the close.
    taken_over = (bracket.order_id for bracket in holding if is_withdrawn_by(bracket, close))
    # Of an adjust that it superseded the old OCO may be down already, and the new one on its way, whatever is left.
    close = answers_for(close, (bracket.order_id for bracket in holding if exits_are_moving(bracket)))
    for order_id in dict.fromkeys((*close.close.released, *taken_over)):
        bracket = worker.orders.get(order_id)
        # What leaves by an order of its own needs its shares free.
        if bracket is None:
            continue
        beside = bool(bracket.guard.lent_to)
        bracket = here.orders.save(lent_no_more(bracket)) if beside else bracket
        if is_being_left(bracket):
            # Past its stop already when it was to be guarded beside the sale.
            if beside:
                _leave_by_itself(worker, close, bracket)
            continue
        if not bracket.status.terminal:
            # Its own execution is still ending it.
            waits.append(1)
            continue
        # The rest of it may be guarded already, and nobody have said so while shares of it were lent.
        unsaid = bracket.unexited_qty >= 1 and bracket.guard.protected is False
        if bracket.care.frozen or not (bracket.needs_care or bracket.odd_qty > 0 or unsaid):
            continue
        # Of what is not worth holding the close goes on to sell what it can; the rest is left once it is over.
        if is_restoring(close) and not_worth_holding(bracket):
            continue
        following = protect(here, bracket)
        if following.route is Route.WAIT_TO_PROTECT:
            waits.append(following.seconds)
        if following.route is Route.DONE:
            waits.append(1)
        if following.route is Route.UNWIND_POSITION:
            _leave_by_itself(worker, close, worker.orders.get(order_id) or bracket)
    if close.open_child:
        # It may still arrive, and holds the shares then: it is looked for between the tries to protect them.
        looks = close.open_child.lookups - len(LOOKUP_BACKOFF_SECONDS)
        pause = min(waits, default=wait_for_sender(worker, close.open_child, max(0, looks)) or 1)
        return worker.wait(close, Route.WAIT_TO_PLACE, pause)
    if waits:
        return worker.wait(close, Route.WAIT_TO_PROTECT, min(waits))
    if is_restoring(close):
        if close.close.tries_in and not is_withdrawn(close):
            return worker.wait(went_on(as_before(close)), Route.WAIT_FOR_MARKET, close.close.tries_in)
        worker.orders.save(as_before(close))
        return Next(Route.ASSESS_MARKET)
    kept = worker.orders.save(seen_to(close))
    return Next(ladder_over(kept))


def guard_beside(worker: Worker, close: Order, protect: Protect) -> None:
    """While a close of a part is at the market, have what it leaves of the brackets protected, at their own levels.

    Their OCOs came down whole, and what is not to be sold has no stop until the close is over.
    """
    if is_restoring(close):
        return
    here, holding = worker.on_behalf_of(close), _holding(worker, close)
    for bracket, sold in zip(holding, spoken_for(close, holding), strict=True):
        ours = bracket.order_id in close.close.released and bracket.status.terminal
        lending = lent_to(bracket, close, sold)
        disputed = bracket.care.frozen or is_being_left(bracket) or not_worth_holding(bracket)
        if ours and lending.needs_care and not disputed and not _pauses(here, lending):
            if _taken_away(lending):
                lost = f"{plain(lending.bare_qty)} {close.symbol} lost their protection"
                here.alert(bracket, f"{lost}; it is restored beside {close.order_id}")
            protect(here, lending)


def _taken_away(bracket: Order) -> bool:
    """True when its newest OCO is over with shares that it did not sell, and it was not we who ended it."""
    newest = next(reversed(bracket.guard.protections), None)
    return newest is not None and newest.status is ProtectionStatus.GONE and not ended_by_us(bracket)


def _pauses(here: Worker, bracket: Order) -> bool:
    """True while it is too early for another OCO: one was refused a moment ago, or somebody is selling by hand."""
    now, newest = here.now(bracket), next(reversed(bracket.guard.protections), None)
    if bracket.care.waits_until and now < bracket.care.waits_until:
        return True
    if newest is None or newest.closed_at is None:
        return False
    if newest.status is ProtectionStatus.REFUSED:
        pause = backoff(READ_BACKOFF_SECONDS, max(0, bracket.guard.refusals - 1))
        return now - newest.closed_at < timedelta(seconds=pause)
    return _taken_away(bracket) and now - newest.closed_at < CARE_GRACE


def _leave_by_itself(worker: Worker, close: Order, bracket: Order) -> None:
    """Have shares exited by an execution of their own: it waits for the turn that the close gives back at its end."""
    # What never was guarded was not worth it: that it is left is told once it is.
    if bracket.guard.protections:
        then = f"neither left nor protected again by {close.order_id}, they are to be exited"
        worker.alert(bracket, f"{bare_words(bracket)}: {then}")
    # For hours it may go on; who waits for its turn asks for it every second. The sweep sees to it behind that.
    if is_restoring(close):
        return
    number = bracket.run.executions + 1
    # Before the start, so that no two executions believe that it is theirs.
    worker.orders.adopt(bracket, worker.executions.arn(bracket.order_id, number))
    worker.executions.start(bracket.order_id, number)


def _holding(worker: Worker, close: Order) -> list[Order]:
    """The symbol's brackets that hold shares, and those of the released that held some, oldest first."""
    holding = worker.orders.holding(close.symbol)
    known = {bracket.order_id for bracket in holding}
    found = (worker.orders.get(order_id) for order_id in close.close.released if order_id not in known)
    gone = [bracket for bracket in found if bracket and bracket.status.terminal and bracket.guard.exits]
    return sorted((*holding, *gone), key=lambda bracket: bracket.created_at)


def _read_where_sold(here: Worker, close: Order, holding: list[Order]) -> tuple[list[Order], list[int]]:
    """The brackets, read where the close sold what their OCOs hold by the record; and the pause, if that did not do.

    Booked by the record as it is, shares that were sold stay in it, and no later sale explains that they are gone.
    """
    if not from_under_ocos(close, holding):
        return holding, []
    holding = [read_exits(here, bracket) for bracket in holding]
    sold = [child.closed_at for child in close.sent if child.filled_qty > 0 and child.closed_at]
    lately = bool(sold) and here.now(close) - max(sold) < POSITION_SHOWS_AFTER
    return holding, [UNREAD_OCO_PAUSE_SECONDS] if lately and from_under_ocos(close, holding) else []
