"""SecurePosition: something failed. Cancel what is live, learn what filled, then record the order as failed."""

from __future__ import annotations

from repeg.domain.money import quoted
from repeg.domain.order.alerts import bare_words
from repeg.domain.order.children import ChildRecord, ChildStatus
from repeg.domain.order.course import NOT_ASSESSED, being_secured
from repeg.domain.order.record import Order
from repeg.domain.order.reservation import emptied
from repeg.domain.order.verdicts import Refusal
from repeg.domain.patience import (
    READ_BACKOFF_SECONDS,
    SECURE_ENTRY_ROUNDS,
    SECURE_LONGEST_PAUSE_SECONDS,
    SECURE_LOOKUPS,
    SECURE_PAUSE_SECONDS,
    SECURE_PROTECT_ROUNDS,
    backoff,
)
from repeg.domain.proof.ours import child_intent
from repeg.domain.reasons import Reason
from repeg.domain.routes import Next, Route
from repeg.domain.rules.bracket_exit import levels_of
from repeg.domain.rules.life import is_being_left, is_interrupted, is_untouched, ladder_over, trades_when_over
from repeg.domain.rules.walking import is_exit
from repeg.errors import OperatorError, RetryError
from repeg.steps.beside import guard_rest
from repeg.steps.cancel import request_cancel
from repeg.worker.bare import BARE, give_up, leave, through_stop
from repeg.worker.lookup import look_up, taken
from repeg.worker.outcome import fold
from repeg.worker.send import wait_for_sender
from repeg.worker.worker import Worker


def secure(worker: Worker, order: Order, error: str | None = None) -> Next:
    """One round of securing; never gives up while a child order may be live."""
    if order.status.terminal:
        return _look_later(worker, order)
    child = order.open_child
    # Nothing of it is at the broker: an outage by night must not end all that wait for the open.
    if is_untouched(order):
        if is_exit(order):
            detail = f"{order.symbol} could not be left yet: {error}; trying again"
            told = worker.alert_lasting(order, NOT_ASSESSED, detail)
            return worker.wait(told, Route.WAIT_FOR_MARKET, SECURE_PAUSE_SECONDS)
        if order.run.secure_rounds < SECURE_ENTRY_ROUNDS:
            worker.log.error(f"could not be assessed: {error}; trying again", order_id=order.order_id)
            again = order.with_run(secure_rounds=order.run.secure_rounds + 1)
            return worker.wait(again, Route.WAIT_FOR_MARKET, SECURE_PAUSE_SECONDS)
    if is_interrupted(order):
        order = _begin(worker, order, error)
    if child is None:
        return _protect(worker, order, error)
    order = _find(worker, order, child) if child.broker_order_id is None else request_cancel(worker, order, child)[0]
    if order.open_child is None:
        ended, unused = emptied(order.children[-1])
        worker.orders.save(order.with_child(ended))
        # Behind the save: a record that still counted them would give them back once more.
        worker.give_back(unused)
        return Next(ladder_over(order))
    if order.open_child.broker_order_id:
        guard_rest(worker, order)
    return worker.wait(order, Route.WAIT_TO_SECURE, backoff(READ_BACKOFF_SECONDS, order.run.waits))


def _look_later(worker: Worker, order: Order) -> Next:
    """A step failed for the shares of an order that is over: the sweep tries again."""
    if order.unguarded_qty > 0:
        detail = f"{bare_words(order)}: protecting them keeps failing"
        order = worker.orders.save(worker.alert_lasting(order, BARE, detail))
    if not trades_when_over(order):
        worker.orders.give_turn(order)
    return Next(Route.DONE)


def _protect(worker: Worker, order: Order, error: str | None) -> Next:
    """What was bought gets its protection. If that step itself keeps failing, the sweep's care goes on with it.

    A step that fails says nothing about the price: the position is exited only when the market is seen past its stop.
    """
    following = ladder_over(order)
    if following is Route.RECORD_OUTCOME:
        worker.orders.save(order)
        return Next(following)
    rounds = order.run.secure_rounds + 1
    if rounds == SECURE_PROTECT_ROUNDS and order.terms.bracket and not is_being_left(order):
        return _without_protection(worker, order.with_run(secure_rounds=rounds), error)
    if rounds % SECURE_PROTECT_ROUNDS == 0:
        worker.alert(order, f"{bare_words(order)}: seeing to them keeps failing")
    order = worker.orders.save(order.with_run(secure_rounds=rounds))
    # The way back to the step that fails has no wait of its own: without a pause both would spin.
    if rounds > 1:
        worker.sleep(min(rounds, SECURE_LONGEST_PAUSE_SECONDS))
    return Next(ladder_over(order))


def _without_protection(worker: Worker, order: Order, error: str | None) -> Next:
    failing = f"protecting it keeps failing ({error})"
    if order.unexited_qty > 0 and through_stop(worker, order, looks=2):
        detail = f"the market is through the stop at {quoted(levels_of(order).stop)}, and {failing}"
        return leave(worker, order, Refusal(reason=Reason.PROTECTION_FAILED, detail=detail))
    return give_up(worker, order, f"{failing}; the sweep tries on")


def _begin(worker: Worker, order: Order, error: str | None) -> Order:
    reason = order.reason or Reason.INTERNAL_ERROR
    detail = f"securing after {error}" if error else f"securing: {reason}"
    what = "what rests is cancelled, what was bought or sold is learnt and seen to, then the order ends"
    worker.alert(order, f"a step keeps failing ({error or reason}): {what}")
    return worker.orders.save(worker.note(being_secured(order, reason), detail))


def _find(worker: Worker, order: Order, child: ChildRecord) -> Order:
    """Look up an intent without an answer, until it is found or no sender can be alive any more."""
    try:
        report, stranger = look_up(worker, child_intent(order, child), listed=child.lookups + 1 >= SECURE_LOOKUPS)
    except (RetryError, OperatorError) as error:
        worker.log.error(f"could not look up {child.client_order_id}: {error}")
        return order
    if report:
        return fold(worker, order, child, report)
    seen = {"lookups": child.lookups + 1, "saved_wall": child.saved_wall or worker.time.wall()}
    child = child.changed(**seen)
    if child.lookups <= SECURE_LOOKUPS or wait_for_sender(worker, child, child.lookups):
        return order.with_child(child)
    unknown = f"{child.client_order_id} is unknown to the broker; {worker.stack.by_hand(order.symbol)}"
    worker.alert(order, taken(child_intent(order, child), stranger) if stranger else unknown)
    # Given up and not forgotten: a broker in trouble works off late what it took, so the sweep looks for it twice more.
    gone = child.changed(status=ChildStatus.NEVER_SENT, closed_at=worker.now(order), ambiguous=stranger is None)
    return order.with_child(gone)
