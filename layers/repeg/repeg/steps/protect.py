"""ProtectPosition: what a bracket bought gets its OCO, and counts as protected once both legs were seen live."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from repeg.broker.port import Accepted, Ambiguous, Denied, Duplicate, InTime, SubmitOutcome, Throttled
from repeg.domain.bracket_exit import levels_of, measured
from repeg.domain.brackets import Problem
from repeg.domain.evidence import Proof
from repeg.domain.execution import (
    BROKER_TRIES,
    KEYS_PAUSE_SECONDS,
    LINGER_SECONDS,
    LOOKUP_BACKOFF_SECONDS,
    MAX_SENDS,
    READ_BACKOFF_SECONDS,
    after_rungs,
    backoff,
    entry_pause,
)
from repeg.domain.leaving import filled_lately, sold_by_others
from repeg.domain.market import ProtectiveOrder
from repeg.domain.models import direction, opposite
from repeg.domain.orders import ZERO, Order
from repeg.domain.ours import oco_intent
from repeg.domain.protection import Protection, ProtectionStatus
from repeg.domain.reasons import Reason
from repeg.domain.routes import Next, Route
from repeg.errors import BudgetExhausted, CredentialsRefused, OperatorError
from repeg.steps.entered import stop_is_through
from repeg.steps.evidence import find_out
from repeg.steps.oco import find_lost, find_oco, read_exits, read_oco
from repeg.steps.release import take_down
from repeg.steps.restore import restore
from repeg.steps.send import answering_for, send, wait_for_sender
from repeg.steps.worker import Worker

STATE = Route.PROTECT_POSITION
SETTLING_TRIES = 3
"""How often an OCO is sent again that was refused because the position did not show the fill yet."""
UNSEEN_ALARM_HOLDS = 8
STUCK_OVERNIGHT_PAUSE_SECONDS = 300
STUCK_ENTRY_PAUSE_SECONDS = 30
"""What a hanging entry keeps the broker from protecting is tried again so often."""
POSITION_LAGS = {Reason.HELD_BY_PROTECTION, Reason.NO_POSITION}


def protect(worker: Worker, order: Order) -> Next:
    """One round: find out about the OCO on its way, else check the fill and send one for what is uncovered."""
    if order.kind == "close":
        return restore(worker, order, protect)
    if order.frozen:
        # What is there, and what it should be protected by, is in dispute: the sweep and the operator settle it.
        return Next(after_rungs(worker.orders.save(order.changed(settled=True))))
    oco = order.open_protection
    try:
        if order.outdated_protections:
            order, down = take_down(worker, order, STATE)
            if not down:
                return worker.hold(order, Route.WAIT_TO_PROTECT, backoff(READ_BACKOFF_SECONDS, order.holds))
            oco = order.open_protection
        if oco and oco.broker_order_id is None:
            return _look_up(worker, order, oco)
        if oco:
            return _confirm(worker, order, oco)
        if order.uncovered_qty <= 0:
            return _covered(worker, order)
        if order.unwinding and not order.status.terminal:
            return Next(Route.UNWIND_POSITION)
        order = measured(order)
        judged = order.protections or order.status.terminal
        problem = None if judged else _fill_problem(order) or stop_is_through(worker, order)
        if problem:
            return leave(worker, order, problem)
        if order.outside_session and not order.protections and not worker.session_open(order):
            return _wait_for_open(worker, order)
        if order.care_tries:
            known = _without_missing(worker, order)
            if known is not order:
                return _again(worker, order, known)
        return _place(worker, order)
    except BudgetExhausted as error:
        return worker.hold(order, Route.WAIT_TO_PROTECT, int(error.wait_seconds) + 1)
    except (CredentialsRefused, OperatorError) as error:
        return _wait_for_operator(worker, order, str(error))


AT_ONCE = {Route.PROTECT_POSITION: protect}
"""A step that ends with shares to protect goes on to protect them: no hop, and no cold start, leaves them bare."""


def _wait_for_operator(worker: Worker, order: Order, why: str) -> Next:
    """Keys are refused now and then: it is the operator's matter only when a few tries, keys read anew, do not help."""
    waiting, tries = order.changed(key_waits=order.key_waits + 1), order.key_waits
    if tries < BROKER_TRIES:
        return worker.hold(waiting, Route.WAIT_TO_PROTECT, READ_BACKOFF_SECONDS[tries])
    told = worker.alert_lasting(waiting, "keys", f"{order.symbol} is not protected: {why}")
    return worker.hold(told, Route.WAIT_TO_PROTECT, KEYS_PAUSE_SECONDS)


def leave(worker: Worker, order: Order, problem: Problem) -> Next:
    """The position is not worth holding, or cannot be protected: out of it."""
    if order.unwind_failed:
        return _give_up(worker, order, problem.detail)
    if not worker.session_open(order):
        # Nothing can be sold now, and trying all night helps nobody.
        waits = order.changed(care_at=worker.next_open(order))
        return _give_up(worker, waits, f"{problem.detail}; the position is left at the next open")
    reason = order.reason if order.status.terminal else problem.reason
    leaving = order.changed(unwinding=True, protected=False, reason=reason)
    worker.orders.save(worker.note(leaving, STATE, problem.detail))
    return Next(Route.UNWIND_POSITION)


def _give_up(worker: Worker, order: Order, why: str) -> Next:
    """Nothing helped for now: the operator is told, and the sweeper comes back to it."""
    detail = f"{order.uncovered_qty} {order.symbol} are without protection: {why}"
    if order.care_tries == 0 or not order.open_child:
        worker.alert(order, detail)
    if order.open_child:
        again = order.changed(protected=False, care_tries=order.care_tries + 1)
        return worker.hold(again, Route.WAIT_FOR_CANCEL, STUCK_ENTRY_PAUSE_SECONDS)
    reason = order.reason if order.status.terminal else Reason.PROTECTION_FAILED
    order = worker.note(order.changed(protected=False, settled=True, reason=reason), STATE, detail)
    return Next(after_rungs(worker.orders.save(order)))


def _fill_problem(order: Order) -> Problem | None:
    price = order.avg_fill_price
    return order.bracket.fill_problem(price) if order.bracket and price else None


def _covered(worker: Worker, order: Order) -> Next:
    """Every share is guarded or gone."""
    kept = order.changed(protected=order.unexited_qty > 0 or order.protected, care_at=None, care_tries=0)
    kept = kept.changed(refusals=0, key_waits=0)
    if order.open_child:
        return worker.hold(kept, Route.WAIT_FOR_CANCEL, entry_pause(order.open_child))
    kept = worker.orders.save(kept.changed(settled=True, reserve_left=0))
    if order.reserve is not None and order.reserve_left:
        worker.broker.release(order.reserve, order.reserve_left)
    return Next(after_rungs(kept))


def _wait_for_open(worker: Worker, order: Order) -> Next:
    if order.open_child:
        return worker.hold(order.changed(protected=False), Route.WAIT_FOR_CANCEL, STUCK_OVERNIGHT_PAUSE_SECONDS)
    detail = f"{order.uncovered_qty} shares stay without protection until the next open"
    noted = worker.note(order.changed(protected=False, settled=True), STATE, detail)
    return Next(after_rungs(worker.orders.save(noted)))


def _place(worker: Worker, order: Order) -> Next:
    """Write the OCO down, then send it, for exactly the shares that nothing guards."""
    levels = levels_of(order)
    oco = Protection(
        client_order_id=order.protective_client_order_id,
        qty=order.uncovered_qty,
        levels=levels,
        placed_at=worker.now(order),
    )
    detail = f"{oco.qty} {order.symbol}: stop {levels.stop}, target {levels.target} ({oco.client_order_id})"
    return _send(worker, worker.note(order.with_new_protection(oco), STATE, detail), oco)


def _send(worker: Worker, order: Order, oco: Protection) -> Next:
    intended, unsent = order.changed(holds=0), oco

    def save(saved_at: datetime) -> Order:
        return worker.orders.save(intended.with_protection(unsent.model_copy(update={"saved_at": saved_at})))

    intent = oco_intent(order, oco)
    order, outcome = send(worker, intent, save, lambda in_time: _submit(worker, intended, unsent, in_time))
    oco = next(each for each in order.protections if each.client_order_id == unsent.client_order_id)
    order = order.changed(reserve_left=max(0, order.reserve_left - 1))
    match outcome:
        case Accepted(report):
            sent = oco.model_copy(update={"broker_order_id": report.broker_order_id, "status": ProtectionStatus.SENT})
            with answering_for(worker, order, oco, report):
                worker.sleep(LINGER_SECONDS)
                return _confirm(worker, order.with_protection(sent), sent)
        case Denied(reason, message):
            return _denied(worker, order, oco, reason, message)
        case Throttled(wait_seconds):
            return worker.hold(_not_sent(order, oco), Route.WAIT_TO_PROTECT, int(wait_seconds) + 1)
        case Duplicate():
            return _look_up(worker, order, oco, refused=True)
        case Ambiguous(detail):
            return _unknown(worker, order, oco, detail)


def _not_sent(order: Order, oco: Protection) -> Order:
    """The broker certainly has nothing of a first send: it is forgotten, and its id used again."""
    if oco.sends > 1:
        return order
    others = tuple(each for each in order.protections if each.client_order_id != oco.client_order_id)
    return order.changed(protections=others, ocos=order.ocos - 1)


def _submit(worker: Worker, order: Order, oco: Protection, in_time: InTime) -> SubmitOutcome:
    request = ProtectiveOrder(
        client_order_id=oco.client_order_id,
        symbol=order.symbol,
        side=opposite(order.trading_side),
        qty=oco.qty,
        target=oco.levels.target,
        stop=oco.levels.stop,
    )
    return worker.broker_to_protect(order).protect(request, in_time)


def _confirm(worker: Worker, order: Order, oco: Protection) -> Next:
    """Read the OCO by id. Both legs live: protected. Over already: the exit counts, and what it left is uncovered."""
    before = order
    order, seen = read_oco(worker, order, oco, STATE, worker.broker_to_protect(order))
    order = order.changed(reserve_left=max(0, order.reserve_left - 1))
    if seen.status.live:
        return _covered(worker, order.changed(holds=0)) if order.uncovered_qty <= 0 else _again(worker, before, order)
    if seen.status is ProtectionStatus.REFUSED or (seen.status is ProtectionStatus.GONE and not seen.exited_qty):
        refused = order.changed(refusals=order.refusals + 1)
        return _after_refusal(worker, refused, f"{seen.client_order_id} was accepted and then {seen.status}")
    if seen.status.closed:
        return _again(worker, before, order)
    if order.holds == UNSEEN_ALARM_HOLDS:
        worker.alert(order, f"{oco.client_order_id} of {order.symbol} is not seen live yet")
    return worker.hold(order, Route.WAIT_TO_PROTECT, backoff(READ_BACKOFF_SECONDS, order.holds))


def _again(worker: Worker, before: Order, order: Order) -> Next:
    """Part of the position is settled; see to the rest at once."""
    return protect(worker, worker.save_exits(before, order))


def _denied(worker: Worker, order: Order, oco: Protection, reason: Reason, message: str) -> Next:
    if oco.sends > 1:
        # The refusal may be the doing of a first send that did arrive.
        look = find_oco(worker, order, oco, STATE)
        if look.found or not look.answered:
            return worker.hold(look.order, Route.WAIT_TO_PROTECT, 1)
    if reason is Reason.MISCONFIGURED:
        return _wait_for_operator(worker, _not_sent(order, oco), message)
    refused = oco.model_copy(update={"status": ProtectionStatus.REFUSED, "closed_at": worker.now(order)})
    order = order.with_protection(refused).changed(refusals=order.refusals + 1)
    order = worker.note(order, STATE, f"protection refused: {message}")
    if reason is Reason.STOP_THROUGH:
        detail = f"the market is through the stop at {refused.levels.stop}"
        return leave(worker, order, Problem(reason=Reason.PROTECTION_FAILED, detail=detail))
    if reason in POSITION_LAGS and order.refusals > SETTLING_TRIES:
        return _short_of_shares(worker, order)
    return _after_refusal(worker, order, message)


def _after_refusal(worker: Worker, order: Order, detail: str) -> Next:
    if order.refusals <= SETTLING_TRIES:
        return worker.hold(order.changed(holds=0), Route.WAIT_TO_PROTECT, 1)
    return leave(worker, order, Problem(reason=Reason.PROTECTION_FAILED, detail=detail))


def _short_of_shares(worker: Worker, order: Order) -> Next:
    """The broker goes on saying that the shares are not there: somebody sold them, or other orders hold them."""
    revived = find_lost(worker, order, STATE)
    if revived is not order:
        return _again(worker, order, revived)
    known = _without_missing(worker, order)
    if known is not order:
        return _again(worker, order, known)
    missing = _missing(worker, order)
    if missing > 0 and filled_lately(order, worker.now(order)):
        tries = order.refusals - SETTLING_TRIES - 1
        if tries == 0:
            worker.alert(order, f"{missing} {order.symbol} do not show in the account yet, and are without protection")
        return worker.hold(order, Route.WAIT_TO_PROTECT, backoff(READ_BACKOFF_SECONDS, tries))
    return _give_up(worker, order, "other orders hold the shares")


def _without_missing(worker: Worker, order: Order) -> Order:
    """The order less what somebody else sold of it, if that is proven; frozen if the account shows other shares."""
    if filled_lately(order, worker.now(order)):
        return order
    others = [each for each in worker.orders.holding(order.symbol) if each.order_id != order.order_id]
    brackets = [*(read_exits(worker, each, STATE) for each in others), order]
    brackets = sorted((each for each in brackets if each.unexited_qty > 0), key=lambda each: each.received_at)
    finding = find_out(worker, brackets)
    if finding.proof in (Proof.SPLIT, Proof.ADJUSTED):
        return worker.note(order.changed(frozen=finding.why), STATE, f"not protected: {finding.why}")
    if finding.proof is not Proof.GONE:
        return order
    sold = sold_by_others(brackets, finding.missing, worker.now(order))
    mine = next((each for each in sold if each.order_id == order.order_id), None)
    if mine is None:
        return order
    worker.alert(order, f"{mine.exits[-1].qty} {order.symbol} were sold by somebody else: {finding.why}")
    return mine


def _missing(worker: Worker, order: Order) -> Decimal:
    """Shares that the account holds fewer than this order's record says; a look that fails proves nothing."""
    try:
        position = worker.broker.urgent().position(order.symbol)
        held = max(ZERO, position.qty * direction(order.trading_side)) if position else ZERO
        return order.unexited_qty - max(ZERO, held - _held_by_others(worker, order))
    except Exception as error:  # whatever it is, it must not keep protection from being sent
        worker.log.error(f"the account cannot be compared: {error}", order_id=order.order_id)
        return ZERO


def _held_by_others(worker: Worker, order: Order) -> Decimal:
    """Shares of the symbol that other brackets hold."""
    others = [each for each in worker.orders.holding(order.symbol) if each.order_id != order.order_id]
    return sum((read_exits(worker, each, STATE).unexited_qty for each in others), ZERO)


def _unknown(worker: Worker, order: Order, oco: Protection, detail: str) -> Next:
    noted = worker.note(order, STATE, f"{oco.client_order_id}: outcome unknown ({detail}); looking it up")
    lost = oco.model_copy(update={"ambiguous": True, "lookups": 0})
    return worker.hold(noted.with_protection(lost), Route.WAIT_TO_PROTECT, LOOKUP_BACKOFF_SECONDS[0])


def _look_up(worker: Worker, order: Order, oco: Protection, *, refused: bool = False) -> Next:
    """The intent is written, its fate unknown: ask by our id, and send it once more only when it is nowhere."""
    look = find_oco(worker, order, oco, STATE, refused=refused)
    if look.found:
        return _confirm(worker, look.order, look.found)
    if look.taken:
        return worker.hold(look.order, Route.WAIT_TO_PROTECT, 1)
    if not look.answered:
        return worker.hold(order, Route.WAIT_TO_PROTECT, backoff(READ_BACKOFF_SECONDS, order.holds))
    if not oco.ambiguous:
        return _unknown(worker, order, oco, "interrupted after the intent was written")
    seen = oco.model_copy(update={"lookups": oco.lookups + 1, "saved_at": oco.saved_at or worker.time.wall()})
    order = order.with_protection(seen)
    if seen.lookups < len(LOOKUP_BACKOFF_SECONDS):
        return worker.hold(order, Route.WAIT_TO_PROTECT, LOOKUP_BACKOFF_SECONDS[seen.lookups])
    if seen.sends < MAX_SENDS:
        again = seen.model_copy(update={"sends": seen.sends + 1, "lookups": 0})
        return _send(worker, worker.note(order, STATE, f"{oco.client_order_id} never arrived: sent once more"), again)
    pause = wait_for_sender(worker, seen, seen.lookups - len(LOOKUP_BACKOFF_SECONDS))
    if pause:
        detail = f"{oco.client_order_id} may still arrive; until that is ruled out {oco.qty} {order.symbol} are bare"
        return worker.hold(worker.alert_lasting(order, "on its way", detail), Route.WAIT_TO_PROTECT, pause)
    # Should it arrive after all, the shares it holds keep the next one from being accepted.
    worker.alert(order, f"{oco.client_order_id} of {order.symbol} stays unknown to the broker")
    lost = seen.model_copy(update={"status": ProtectionStatus.REFUSED, "closed_at": worker.now(order)})
    given_up = order.with_protection(lost).changed(refusals=order.refusals + 1)
    return _after_refusal(worker, given_up, "the broker takes no protection")
