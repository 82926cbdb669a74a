"""CancelOrder: a cancel is a request. The rung is over only when the child order is terminal by id."""

from __future__ import annotations

from collections.abc import Callable

from repeg.broker.port import Broker, CancelOutcome
from repeg.domain.market.reports import OrderReport
from repeg.domain.order.children import ChildRecord, ChildStatus
from repeg.domain.order.course import decided, went_on
from repeg.domain.order.record import Order
from repeg.domain.patience import CANCEL_BACKOFF_SECONDS, LINGER_SECONDS, LOOKUP_BACKOFF_SECONDS, backoff
from repeg.domain.proof.ours import child_intent
from repeg.domain.reasons import Reason
from repeg.domain.routes import Next, Route
from repeg.domain.rules.walking import cancel_is_stuck
from repeg.errors import OperatorError, RetryError
from repeg.steps.beside import guard_rest
from repeg.steps.keep import keep_resting
from repeg.worker.lookup import listed, look_up
from repeg.worker.outcome import Reading, after_close, fold, read_child
from repeg.worker.worker import Worker


def cancel(worker: Worker, order: Order) -> Next:
    """Ask for the cancel (again while it stays unclear), then read until the order is terminal."""
    child = order.open_child
    if child is None or child.broker_order_id is None:
        return Next(Route.PLACE_ORDER)
    # A new order at the same price would stand last in the queue, and cost three trading requests more.
    kept = keep_resting(worker, order, child)
    if kept:
        return kept
    order, child = request_cancel(worker, order, child)
    if child.status.closed:
        return after_close(worker, order, child)
    # A cancel can hang until the next open (forum.alpaca.markets/t/813): what is filled is not left bare behind it.
    if (child.cancel_alarmed or child.doubt_lasts) and order.bare_qty > 0:
        worker.orders.save(order)
        return Next(Route.PROTECT_POSITION)
    guard_rest(worker, order)
    if child.doubt:
        return worker.wait(order, Route.WAIT_FOR_CANCEL, child.doubt_pause)
    return worker.wait(order, Route.WAIT_FOR_CANCEL, backoff(CANCEL_BACKOFF_SECONDS, order.run.waits))


def request_cancel(worker: Worker, order: Order, child: ChildRecord) -> tuple[Order, ChildRecord]:
    """Record the wish, send it, and read the child order by id a moment later."""
    first = child.cancel_requested_at is None
    if first or child.cancel_unclear or cancel_is_stuck(child, worker.now(order)):
        connect, child = worker.drawing(child)
        # Saved before it is sent: else, if we die in between, our own cancel would pass for somebody else's, which ends
        # the ladder. Unclear until the answer is in, so that whoever takes over asks again.
        if first:
            wish = {"status": ChildStatus.CANCELING, "cancel_requested_at": worker.now(order), "cancel_unclear": True}
            child = child.changed(**wish)
            order = worker.orders.save(went_on(order).with_child(child))
        outcome = _ask(connect, child)
        # A 404 may be false, of an order that rests on: then nobody has the wish.
        unclear = outcome in (CancelOutcome.UNCLEAR, CancelOutcome.UNKNOWN_ORDER)
        child = child.changed(cancel_unclear=unclear)
        # Alpaca's 204 says that the wish arrived, not that the order is cancelled: it may still fill.
        if outcome is CancelOutcome.REQUESTED:
            worker.sleep(LINGER_SECONDS)
        if first and outcome is CancelOutcome.ALREADY_TERMINAL:
            # It was over before we asked: if it turns out to be cancelled, somebody else cancelled it.
            child = child.changed(cancel_requested_at=None)
    connect, child = worker.drawing(child)
    look = read_child(worker, child, lambda: connect().order(child.broker_order_id or ""))
    order = fold(worker, order, child, look.report)
    child = order.children[-1]
    if look.answered and look.report is None:
        return _missing(worker, order, child)
    return _alarm(worker, order, child, look)


def _ask(connect: Callable[[], Broker], child: ChildRecord) -> CancelOutcome:
    try:
        return connect().cancel(child.broker_order_id or "")
    except (RetryError, OperatorError):
        return CancelOutcome.UNCLEAR


def _missing(worker: Worker, order: Order, child: ChildRecord) -> tuple[Order, ChildRecord]:
    """The broker had the order and now says that there is none: believed after several looks, by either id."""
    look = read_child(worker, child, lambda: _anywhere(worker, order, child))
    if look.report or not look.answered:
        order = fold(worker, order, child, look.report)
        return order, order.children[-1]
    child = child.changed(lookups=child.lookups + 1)
    if child.lookups > len(LOOKUP_BACKOFF_SECONDS):
        by_hand = worker.stack.by_hand(order.symbol)
        worker.alert(order, f"{child.client_order_id} is unknown to the broker now; {by_hand}")
        # `lost` ends the order: a further rung could buy again what this one, unseen, has bought.
        gone = {"status": ChildStatus.CANCELED, "closed_at": worker.now(order), "lost": True}
        child = child.changed(**gone)
    return order.with_child(child), child


def _anywhere(worker: Worker, order: Order, child: ChildRecord) -> OrderReport | None:
    """By our id, or as the list shows it; it may live on under another id by now, so its own counts."""
    intent = child_intent(order, child)
    seen = look_up(worker, intent, listed=True).report
    return seen or listed(worker, order.symbol, child.broker_order_id or "", intent.written_at)


def _alarm(worker: Worker, order: Order, child: ChildRecord, look: Reading) -> tuple[Order, ChildRecord]:
    """After 30 s: stuck if the broker still shows the order live, unseen if the broker does not answer. Told once."""
    if child.status.closed or not cancel_is_stuck(child, worker.now(order)):
        return order, child
    if look.answered and not child.cancel_alarmed:
        detail = f"{child.client_order_id}: cancel not confirmed after 30 s; {order.symbol} stays locked"
        child = child.changed(cancel_alarmed=True)
        # Why it is cancelled comes first: who took it back, or halted it, hears of that.
        order = worker.note(order if order.reason else decided(order, Reason.CANCEL_STUCK), detail)
    elif not look.answered and not child.unseen_alarmed:
        detail = f"{child.client_order_id} may be live and cannot be seen; {order.symbol} stays locked"
        child = child.changed(unseen_alarmed=True)
    else:
        return order, child
    worker.alert(order, detail)
    return order.with_child(child), child
