"""Folding the broker's reports into the record, and which state comes next."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import NamedTuple

from repeg.domain.market.reports import OrderReport, OrderStatus
from repeg.domain.money import plain, quoted
from repeg.domain.order.children import ChildRecord, Doubt
from repeg.domain.order.closing import protecting_first
from repeg.domain.order.course import decided, due_at, to_be_assessed
from repeg.domain.order.guarding import nothing_to_guard
from repeg.domain.order.record import ZERO, Order
from repeg.domain.order.reservation import REQUESTS_PER_PROTECTION, Priority, emptied, reserving
from repeg.domain.order.verdicts import Refusal
from repeg.domain.patience import LOOKS_APART_SECONDS
from repeg.domain.proof.ours import child_intent
from repeg.domain.reasons import Reason
from repeg.domain.routes import Next, Route
from repeg.domain.rules.endings import ChildOver, Onward, child_over, ends_short
from repeg.domain.rules.life import is_restoring, is_withdrawn, ladder_over, needs_no_care
from repeg.domain.rules.timing import bare_for_long
from repeg.domain.rules.walking import (
    is_exit,
    is_overdue,
    patience_left,
    pause_after_rejected,
)
from repeg.errors import CredentialsRefused, OperatorError, RetryError
from repeg.worker.leftover import seen_flat
from repeg.worker.lookup import ended_by_both, successor_of
from repeg.worker.take_down import take_down
from repeg.worker.worker import Worker


class Reading(NamedTuple):
    """What a read of a child order came to: whether the broker answered, and the report if it knows the order."""

    answered: bool
    report: OrderReport | None


def reason_of(error: RetryError) -> Reason:
    """Why an order ends that the broker let wait for too long."""
    return Reason.MISCONFIGURED if isinstance(error, CredentialsRefused) else Reason.BROKER_UNAVAILABLE


def read_child(worker: Worker, child: ChildRecord, read: Callable[[], OrderReport | None]) -> Reading:
    """Read a child order; that it cannot be read now is no verdict about it."""
    try:
        return Reading(True, read())
    except (RetryError, OperatorError) as error:
        worker.log.info(f"could not read {child.client_order_id}: {error}")
        return Reading(False, None)


def fold(worker: Worker, order: Order, child: ChildRecord, report: OrderReport | None) -> Order:
    """The order with `report` folded into `child`, not yet saved."""
    if report is None or (report.symbol, report.side) != (order.symbol, order.trading_side):
        return order.with_child(child)
    report = ended_by_both(worker, report)
    # Seen of Alpaca (github.com/alpacahq/Alpaca-API/issues/275). The successor trades on whether it is named or not.
    if report.status is OrderStatus.REPLACED and report.replaced_by is None:
        report = _with_successor(worker, order, child, report)
    if ends_short(report) and not report.replaces and report.filled_qty < child.filled_qty:
        child = _fewer(worker, order, child, report)
    known = child.reported(report, worker.now(order))
    if known.replaced and not child.replaced:
        worker.alert(order, f"{child.client_order_id} was replaced from outside; its successor is followed")
    order = _told_of_doubt(worker, order, known)
    surplus = order.with_child(known).remaining_qty
    if order.terms.requested_qty is not None and surplus < min(ZERO, order.remaining_qty):
        more = f"overfilled: {plain(-surplus)} {order.symbol} more than asked for ({child.client_order_id})"
        worker.alert(order, f"{more}; {worker.stack.by_hand(order.symbol)}")
    if (known.filled_qty, known.status) != (child.filled_qty, child.status):
        price = f" at {quoted(known.avg_fill_price)}" if known.avg_fill_price else ""
        detail = f"{child.client_order_id} {known.status}: {known.filled_qty}/{known.qty}{price}"
        order = worker.note(order, detail)
    return order.with_child(known)


def _fewer(worker: Worker, order: Order, child: ChildRecord, report: OrderReport) -> ChildRecord:
    """A child order that is over with fewer shares than one answer before had; a third one, ten seconds later, decides.

    Shares that were seen to be filled stay filled for as long as answers are known to lag, and not for longer.
    """
    # Taken off sooner, what a close had sold was sold again, out of own shares, and what an entry bought was bare and
    # in no record. Kept for good, shares that one answer made up were guarded, beside own shares by those.
    worker.sleep(LOOKS_APART_SECONDS)
    broker_order_id = report.broker_order_id
    again = read_child(worker, child, lambda: worker.broker_for(Priority.URGENT).order(broker_order_id)).report
    follows = again is not None and ends_short(again) and again.filled_qty <= report.filled_qty
    told = f"{child.client_order_id} is over with {plain(report.filled_qty)} {order.symbol} filled, by"
    before = f"one before had {plain(child.filled_qty)}, and the record"
    if follows:
        worker.alert(order, f"{told} three answers; {before} follows the three")
        return child.unfilled()
    worker.alert(order, f"{told} two answers; {before} does: {worker.stack.by_hand(order.symbol)}")
    return child


def _with_successor(worker: Worker, order: Order, child: ChildRecord, report: OrderReport) -> OrderReport:
    """An order that was replaced by one which it does not name: the list may show which says whose place it took."""
    try:
        found = successor_of(worker, order.symbol, report.broker_order_id, child_intent(order, child).written_at)
    except (RetryError, OperatorError) as error:
        worker.log.info(f"the successor of {child.client_order_id} could not be looked for: {error}")
        return report
    return report.changed(replaced_by=found.broker_order_id) if found else report


_DOUBTS = {
    Doubt.PRICE: "was filled, and the broker tells no price: nothing is measured from it",
    Doubt.QUANTITY: "is filled, the broker says, with fewer shares than it was for",
    Doubt.SUCCESSOR: "was replaced from outside, and the broker does not say by what: its fate is unknown",
}


def _told_of_doubt(worker: Worker, order: Order, child: ChildRecord) -> Order:
    if child.doubt is None:
        return order.no_longer("figures")
    if not child.doubt_lasts:
        return order
    locked = "" if child.status.closed else f"; {order.symbol} stays locked"
    detail = f"{child.client_order_id} ({child.broker_order_id}) {_DOUBTS[child.doubt]}{locked}"
    return worker.alert_lasting(order, "figures", detail)


def proceed(worker: Worker, order: Order, child: ChildRecord) -> Next:
    """Save, and go where the child order's state leads: on with the ladder, to the end, or to another wait."""
    if child.status.closed:
        return after_close(worker, order, child)
    if is_withdrawn(order):
        worker.orders.save(order)
        return Next(Route.CANCEL_ORDER)
    if child.doubt_lasts and order.bare_qty > 0:
        worker.orders.save(order)
        return Next(Route.PROTECT_POSITION)
    if child.doubt:
        return worker.wait(order, Route.WAIT_FOR_FILL, child.doubt_pause)
    patience = patience_left(child, worker.now(order))
    # Saved before the pause: whoever takes over from a worker that dies in it knows of the fill.
    order = due_at(tell_overdue(worker, order), worker.wall_in(patience.sleep_seconds + patience.seconds))
    order = worker.orders.save(order)
    worker.sleep(patience.sleep_seconds)
    if patience.seconds == 0:
        return Next(Route.CANCEL_ORDER)
    return Next(Route.WAIT_OUT_PATIENCE if patience.then_cancel else Route.WAIT_FOR_FILL, patience.seconds)


def after_close(worker: Worker, order: Order, child: ChildRecord) -> Next:
    """Save, and go on after a child order is over for good."""
    over = child_over(order, child)
    closed, unused = emptied(child)
    order = order.with_child(closed)
    # Kept for its OCO: in a burst of entries the shares would be bare until the next minute's requests. What a close
    # has taken over it sells itself.
    if order.terms.bracket and child.filled_qty > 0 and not needs_no_care(order):
        kept, unused = unused.split(REQUESTS_PER_PROTECTION) if unused else (None, None)
        order = order.changed(guard=reserving(order.guard, kept))
    # Placed while its cancel hung, for shares that one answer made up: it would sell somebody's own, and nobody looks
    # at an order that ends without a share.
    surplus = order.surplus_protection
    if surplus:
        order, _ = take_down(worker, order, [surplus])
        order = order if order.unexited_qty >= 1 else nothing_to_guard(order)
    following = _onward(worker, order, over)
    # Behind the save: a record that still counted them would give them back twice, and the account send too much.
    worker.give_back(unused)
    return following


def _onward(worker: Worker, order: Order, over: ChildOver) -> Next:
    if over.onward is Onward.PAUSES:
        return wait_to_place(worker, order, pause_after_rejected(order))
    if over.reason:
        return finish(worker, order, Refusal(reason=over.reason, detail=over.detail))
    order = worker.orders.save(seen_flat(worker, order))
    return Next(ladder_over(order) if over.onward is Onward.OVER else Route.PLACE_ORDER)


def finish(worker: Worker, order: Order, ending: Refusal) -> Next:
    """Save why the order ends, and record it."""
    order = worker.orders.save(worker.note(decided(order, ending.reason), ending.detail))
    return Next(ladder_over(order))


def wait_to_place(worker: Worker, order: Order, seconds: int, route: Route = Route.WAIT_TO_PLACE) -> Next:
    """Wait before the next child order. Nothing is at the market meanwhile.

    A close does not leave shares bare for that long: it protects them again, and takes that down for its next try.
    """
    order = tell_overdue(worker, order)
    if order.open_child or not stays_bare(worker, order, seconds):
        return worker.wait(order, route, seconds)
    detail = f"nothing of it is at the market; protected again, and tried again {seconds} s later"
    return protect_first(worker, order, seconds, detail)


def stays_bare(worker: Worker, order: Order, seconds: float) -> bool:
    """True when what a close took protection off would be bare for too long by then, or is being protected again."""
    at_last = worker.now(order) + timedelta(seconds=seconds)
    return order.kind == "close" and (is_restoring(order) or bare_for_long(order, at_last))


def protect_first(worker: Worker, close: Order, seconds: int, detail: str) -> Next:
    """Protect again what a close took down, and go on with the close `seconds` (market time) after that."""
    noted = close if is_restoring(close) else worker.note(close, detail)
    worker.orders.save(protecting_first(to_be_assessed(noted), tries_in=seconds))
    return Next(Route.PROTECT_POSITION)


def tell_overdue(worker: Worker, order: Order) -> Order:
    """An exit that takes longer than two minutes goes on until the close; the operator is alerted meanwhile."""
    if not is_exit(order) or order.remaining_qty <= 0 or not is_overdue(order, worker.now(order)):
        return order
    left = f"{plain(order.remaining_qty)} of {plain(order.remaining_qty + order.filled_qty)} {order.symbol}"
    return worker.alert_lasting(order, "leaving", f"{left} are not left yet; it is tried on until the close")
