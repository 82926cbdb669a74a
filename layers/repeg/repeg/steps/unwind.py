"""UnwindPosition: a position that is not worth holding, or past its stop, is exited by an order of its own."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Literal

from repeg.domain.models import direction
from repeg.domain.money import quoted
from repeg.domain.order.beginnings import unwind_order
from repeg.domain.order.course import went_on
from repeg.domain.order.fence import first_worked_by
from repeg.domain.order.guarding import not_left, put_off, seen_to, unguarded
from repeg.domain.order.protection import ExitReason
from repeg.domain.order.record import ZERO, Order
from repeg.domain.order.reservation import emptied
from repeg.domain.patience import CLOSED_PAUSE_SECONDS, UNWIND_LOOK_SECONDS, backoff
from repeg.domain.proof.agreement import changed_while_left, last_move
from repeg.domain.proof.leaving import exit_by
from repeg.domain.reasons import Reason
from repeg.domain.routes import Next, Route
from repeg.domain.rules.entered import not_worth_holding
from repeg.domain.rules.life import is_being_left, ladder_over
from repeg.domain.rules.walking import entry_pause
from repeg.steps.protect import protect
from repeg.worker.take_down import take_down
from repeg.worker.worker import Worker

# A record is one item of DynamoDB's, at most 400 KB, and leaving may be tried for days.
UNWINDS_REMEMBERED = 20
NOT_LEFT = "not left"


def unwind(worker: Worker, order: Order) -> Next:
    """Start the exit, or see how far it came. Flat ends it; else protection is restored, and that alerted."""
    if not is_being_left(order):
        # This step ended the unwind, and died before it could tell.
        return protect(worker, order)
    running = _running(worker, order)
    if running is None:
        return _start(worker, order)
    if not running.status.terminal:
        # Started at each look again, at no cost if it runs: whoever wrote that order may have died before its start.
        worker.executions.start(running.order_id, running.run.executions)
        return worker.wait(order, Route.WAIT_FOR_UNWIND, _seconds_to_look(worker, order))
    return _ended(worker, order, running)


def _seconds_to_look(worker: Worker, order: Order) -> int:
    """Outside the session the unwind waits for the open, and so does this look."""
    soon = backoff(UNWIND_LOOK_SECONDS, order.run.waits)
    opens = None if worker.session_open(order) else worker.next_open(order)
    if opens is None:
        return soon
    left = math.ceil((opens - worker.now(order)).total_seconds())
    return max(soon, min(CLOSED_PAUSE_SECONDS, left + 1))


def _running(worker: Worker, order: Order) -> Order | None:
    if order.unwind.order_id is None or order.unwind.order_id in order.unwind.seen:
        return None
    return worker.orders.get(order.unwind.order_id)


def _start(worker: Worker, order: Order) -> Next:
    # Its OCO reserves the shares: a sale beside it is refused, or its stop sells them a second time.
    order, down = take_down(worker, order, order.guard.protections)
    if not down:
        return worker.wait(order, Route.WAIT_FOR_UNWIND, backoff(UNWIND_LOOK_SECONDS, order.run.waits))
    if order.unexited_qty <= 0:
        return _flat(worker, order, order)
    when_closed: Literal["reject", "next_open"] = "reject" if worker.session_open(order) else "next_open"
    leaving = unwind_order(order, worker.now(order), worker.time.wall(), when_closed)
    leaving = first_worked_by(leaving, worker.executions.arn(leaving.order_id, 1))
    noted = worker.note(order, f"leaving {leaving.ask.qty} {order.symbol} by {leaving.order_id}")
    # One write for both: else a bracket could wait for an order that nobody wrote, or an order sell for no bracket.
    order = worker.orders.save_with(went_on(noted.with_unwind(order_id=leaving.order_id)), leaving)
    worker.executions.start(leaving.order_id, 1)
    return worker.wait(order, Route.WAIT_FOR_UNWIND, UNWIND_LOOK_SECONDS[0])


def _ended(worker: Worker, order: Order, leaving: Order) -> Next:
    before = order
    order = changed_while_left(order, leaving.care.adjustments)
    if leaving.filled_qty > 0:
        order = order.with_exit(exit_by(leaving, order, leaving.filled_qty))
    ended = f"{leaving.status}{f' ({leaving.reason})' if leaving.reason else ''}"
    sold = f"{leaving.filled_qty} left at {quoted(leaving.avg_fill_price)}" if leaving.filled_qty else "nothing traded"
    summary = f"{leaving.order_id} {ended}: {sold}"
    seen = (*order.unwind.seen, leaving.order_id)[-UNWINDS_REMEMBERED:]
    order = worker.note(order.with_unwind(cost=_cost(order), seen=seen), summary)
    if order.unexited_qty <= 0:
        return _flat(worker, before, order)
    # Protection comes first, and what is told is what is true then.
    order = worker.orders.save(not_left(order))
    following = protect(worker, order)
    known = worker.orders.get(order.order_id) or order
    if known.unexited_qty <= 0:
        # On the way to its protection it showed that somebody else, or an OCO, had taken the rest.
        if known.status.terminal:
            worker.alert(known, f"{known.symbol} {_why_left(known)} and was left: {summary}; the rest had left before")
        return following
    detail = f"{known.unexited_qty} {known.symbol} could not be left: {summary}; {_guarded(known)}"
    if leaving.reason is Reason.DAY_TRADE_LIMIT and known.unguarded_qty > 0:
        detail += f". {leaving.reason.explanation} It is tried again at the next open"
        known = put_off(known, worker.next_open(known))
    worker.orders.save(worker.alert_lasting(known, NOT_LEFT, detail))
    return following


def _guarded(order: Order) -> str:
    if order.unexited_qty < 1:
        return "less than a share is left, and protection is for whole ones"
    if order.unguarded_qty > 0:
        return f"{order.unguarded_qty} of them are without protection, which is being restored"
    if order.needs_care or not order.guard.protected:
        return "they are not seen to be protected yet, which is being restored"
    return f"they are protected again, stop {quoted(order.guard.stop_loss)}, target {quoted(order.guard.take_profit)}"


def _flat(worker: Worker, before: Order, order: Order) -> Next:
    """The position is flat, unless an entry whose cancel is stuck fills after all."""
    if order.open_child:
        return worker.wait(unguarded(order), Route.WAIT_FOR_CANCEL, entry_pause(order.open_child))
    if order.status.terminal and order.exit_reason == ExitReason.UNWIND:
        worker.alert(order, f"{order.symbol} {_why_left(order)} and was left at {quoted(order.exit_price)}")
    # Nothing is left to be guarded with the requests that were kept for that.
    guard, unused = emptied(order.guard)
    kept = worker.save_exits(before, seen_to(unguarded(order.changed(guard=guard))))
    worker.give_back(unused)
    return Next(ladder_over(kept))


def _why_left(order: Order) -> str:
    if order.care.past_stop_since:
        return "was past its stop"
    problem = not_worth_holding(order)
    if problem:
        return f"was not worth holding ({problem.detail})"
    move = last_move(order)
    # Nothing failed there: it was meant so, or the market fell through it meanwhile.
    return "was past the stop that it was moved to" if move and not move.refused else "could not be protected"


def _cost(order: Order) -> Decimal | None:
    """Dollars lost between the entry and what was unwound, + is cost."""
    left = [gone for gone in order.guard.exits if gone.reason is ExitReason.UNWIND]
    if not left:
        return None
    sign, cost = direction(order.trading_side), ZERO
    for gone in left:
        paid = order.entry_price_at(gone.at)
        if gone.price_each is None or paid is None:
            return None  # a cost of a part would read like that of the whole
        cost += (paid - gone.price_each) * gone.shares * sign
    return cost
