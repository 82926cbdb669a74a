"""ProtectPosition: what a bracket bought gets its OCO, and counts as protected once both legs were seen live."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from repeg.broker.port import Accepted, Ambiguous, Broker, Denied, Duplicate, InTime, SubmitOutcome, Throttled
from repeg.domain.market.reports import ProtectiveOrder
from repeg.domain.models import opposite
from repeg.domain.money import plain, quoted
from repeg.domain.order.course import went_on
from repeg.domain.order.guarding import covered, due_again, never_placed, refused_once_more, seen_to
from repeg.domain.order.protection import Protection, ProtectionStatus, lone_stop
from repeg.domain.order.record import Order
from repeg.domain.order.reservation import emptied
from repeg.domain.patience import (
    CANCEL_BACKOFF_SECONDS,
    LINGER_SECONDS,
    LOOKUP_BACKOFF_SECONDS,
    MAX_SENDS,
    READ_BACKOFF_SECONDS,
    UNSEEN_ALARM_LOOKS,
    backoff,
)
from repeg.domain.proof.agreement import exits_put_back, exits_stand, last_move
from repeg.domain.proof.ours import oco_intent
from repeg.domain.reasons import Reason
from repeg.domain.routes import Next, Route
from repeg.domain.rules.bracket_exit import levels_of, measured
from repeg.domain.rules.entered import is_judged, not_worth_holding
from repeg.domain.rules.life import is_being_left, ladder_over
from repeg.domain.rules.walking import entry_pause
from repeg.errors import BrokerUnavailable, BudgetExhausted, CredentialsRefused, OperatorError
from repeg.worker.bare import (
    after_refusal,
    give_up,
    leave,
    split_ahead,
    through_stop,
    wait_for_operator,
    wait_out,
    without_missing,
)
from repeg.worker.entered import priced, stop_is_through
from repeg.worker.oco import find_oco, read_oco
from repeg.worker.restore import restore
from repeg.worker.send import answering_for, send, wait_for_sender
from repeg.worker.take_down import take_down
from repeg.worker.worker import Worker

ODD = "odd share"
UNKNOWN = "unknown"


def protect(worker: Worker, order: Order) -> Next:
    """One round: find out about the OCO on its way, else check the fill and send one for what is uncovered."""
    if order.kind == "close":
        return restore(worker, order, protect)
    if order.care.frozen:
        # What is there, and what it should be protected by, is in dispute: the sweep and the operator settle it. Not
        # before its entry is over: until then it may buy more, and its outcome cannot be recorded.
        if order.open_child:
            return worker.wait(order, Route.WAIT_FOR_CANCEL, entry_pause(order.open_child))
        return Next(ladder_over(worker.orders.save(seen_to(order))))
    try:
        return _round(worker, order)
    except BudgetExhausted as error:
        return worker.wait(order, Route.WAIT_TO_PROTECT, int(error.wait_seconds) + 1)
    except (CredentialsRefused, OperatorError) as error:
        return wait_for_operator(worker, order, str(error))
    except BrokerUnavailable as error:
        worker.log.error(f"broker: {error}", order_id=order.order_id)
        return worker.wait(order, Route.WAIT_TO_PROTECT, backoff(READ_BACKOFF_SECONDS, order.run.waits))


def _round(worker: Worker, order: Order) -> Next:
    # First of all: an OCO from before a split would sell the new shares at the old price's stop.
    if order.outdated_protections:
        return _place_anew(worker, order)
    oco = order.open_protection
    if oco:
        return _see_to(worker, order, oco)
    if lone_stop(order.guard.protections) and _may_pair_up(worker, order):
        return _place_anew(worker, order)
    if order.bare_qty <= 0:
        return _covered(worker, order)
    if is_being_left(order) and not order.status.terminal:
        return Next(Route.UNWIND_POSITION)
    # Levels are measured from the price, and a filled order has been seen with `filled_avg_price` null
    # (github.com/alpacahq/Alpaca-API/issues/65).
    if order.avg_fill_price is None and not order.status.terminal:
        order = priced(worker, order)
    order = measured(order)
    condemned = not_worth_holding(order)
    # Of an order that is over the market of the fill is gone: whether it is through the stop now, a refusal tells.
    settled = is_judged(order) or order.status.terminal
    problem = condemned if condemned or settled else stop_is_through(worker, order)
    if problem:
        return leave(worker, order, problem, for_good=condemned is not None)
    if order.care.waits_until:
        if worker.now(order) < order.care.waits_until:
            return wait_out(worker, order)
        order = due_again(order)
    # Tried before and refused: somebody may have sold the shares by hand, and no OCO for them will ever be taken.
    if order.care.tries and not order.guard.lent:
        known = without_missing(worker, order)
        if known is not order:
            return _again(worker, order, known)
    split = split_ahead(worker, order)
    return give_up(worker, order, split) if split else _place(worker, order)


def _see_to(worker: Worker, order: Order, oco: Protection) -> Next:
    """An OCO that is not over, and not known to guard."""
    if oco.broker_order_id is None:
        return _look_up(worker, order, oco)
    if oco.status in (ProtectionStatus.CANCELING, ProtectionStatus.STOPLESS):
        return _place_anew(worker, order)
    return _confirm(worker, order, oco)


def _place_anew(worker: Worker, order: Order) -> Next:
    """An OCO that reserves the shares without guarding them is cancelled, and another placed."""
    # Cancelled and sent anew, never replaced: a PATCH that Alpaca answers with 200 can still be rejected
    # (forum.alpaca.markets/t/18469), and nobody would know which of two stops is at work.
    order, down = take_down(worker, order, _to_be_replaced(order))
    if not down:
        # Of several, one may hang for hours: what the others held is free, and bare until it is guarded.
        if last_move(order) and order.bare_qty > 0 and not order.care.waits_until:
            return _place(worker, order)
        return worker.wait(order, Route.WAIT_TO_PROTECT, backoff(CANCEL_BACKOFF_SECONDS, order.run.waits))
    return protect(worker, went_on(order))


def _to_be_replaced(order: Order) -> Sequence[Protection]:
    """The OCOs that guard nothing, or not as they should: what another one guards stays guarded."""
    if order.outdated_protections:
        return order.outdated_protections
    idle = [
        oco for oco in order.guard.protections if oco.status in (ProtectionStatus.CANCELING, ProtectionStatus.STOPLESS)
    ]
    # A stop without its target may be selling: it is asked about by itself.
    return idle or [oco for oco in order.guard.protections if oco.status is ProtectionStatus.TARGETLESS]


def _may_pair_up(worker: Worker, order: Order) -> bool:
    """A stop without its target guards. The pair is placed anew when the moment between does no harm.

    That is in the session, where a cancel takes effect at once, and while the market is not at the stop: it may be
    alone because it sells.
    """
    return worker.session_open(order) and through_stop(worker, order) is False


def _covered(worker: Worker, order: Order) -> Next:
    """Every whole share is guarded or exited."""
    kept = _tell_odd(worker, exits_stand(covered(order)))
    for trouble in ("bare", "keys", "unseen", UNKNOWN):
        kept = kept.no_longer(trouble)
    # The entry hangs and may fill yet: those shares this OCO would not cover.
    if order.open_child:
        return worker.wait(kept, Route.WAIT_FOR_CANCEL, entry_pause(order.open_child))
    guard, unused = emptied(kept.guard)
    kept = worker.orders.save(seen_to(kept.changed(guard=guard)))
    worker.give_back(unused)
    return Next(ladder_over(kept))


def _tell_odd(worker: Worker, order: Order) -> Order:
    """A fraction of a share is alerted once: no OCO takes one, and nothing can be done about it."""
    if order.odd_qty <= 0:
        return order.no_longer(ODD)
    if any(told.what == ODD for told in order.told):
        return order
    detail = f"{plain(order.odd_qty)} {order.symbol} stay without protection: it is for whole shares only"
    worker.alert(order, detail)
    return worker.note(order, detail).having_told(ODD, worker.now(order))


def _place(worker: Worker, order: Order) -> Next:
    """Write the OCO down, then send it, for exactly the whole shares that nothing guards."""
    levels = levels_of(order)
    oco = Protection(
        client_order_id=order.protective_client_order_id,
        qty=order.bare_qty,
        levels=levels,
        placed_at=max(worker.now(order), order.levels_since or worker.now(order)),
    )
    # With another id both could be taken, and one of them hold shares that are somebody else's.
    oco = order.oco_may_arrive.tried_anew_as(oco) if order.oco_may_arrive else oco
    detail = (
        f"{oco.qty} {order.symbol}: stop {quoted(levels.stop)}, target {quoted(levels.target)} ({oco.client_order_id})"
    )
    return _send(worker, worker.note(order.with_new_protection(oco), detail), oco)


def _send(worker: Worker, order: Order, oco: Protection) -> Next:
    connect, guard = worker.drawing(order.guard)
    intended, unsent = went_on(order.changed(guard=guard)), oco

    # Saved before it is sent: an OCO that no record knows would hold the shares, and keep every other from being taken.
    def save(saved_wall: datetime) -> Order:
        return worker.orders.save(intended.with_protection(unsent.changed(saved_wall=saved_wall)))

    intent = oco_intent(order, oco)
    order, outcome = send(worker, intent, save, lambda in_time: _submit(connect(), intended, unsent, in_time))
    oco = next(each for each in order.guard.protections if each.client_order_id == unsent.client_order_id)
    match outcome:
        case Accepted(report):
            sent = oco.changed(broker_order_id=report.broker_order_id, status=ProtectionStatus.SENT)
            with answering_for(worker, order, oco, report):
                worker.sleep(LINGER_SECONDS)
                return _confirm(worker, order.with_protection(sent), sent)
        case Denied(reason, message):
            return _denied(worker, order, oco, reason, message)
        case Throttled(wait_seconds):
            return worker.wait(_not_sent(worker, order, oco), Route.WAIT_TO_PROTECT, int(wait_seconds) + 1)
        case Duplicate():
            taken = oco.changed(id_taken=True)
            return _look_up(worker, order.with_protection(taken), taken, refused=True)
        case Ambiguous(detail):
            # This sender came back and cannot send any more; until the OCO is given up its shares are bare.
            return _unknown(worker, order, oco.heard_of(worker.time.wall()), detail)


def _not_sent(worker: Worker, order: Order, oco: Protection) -> Order:
    """The broker certainly has nothing of a first send: it is forgotten, and its id used again.

    What was sent under the id before may still arrive, and stays known.
    """
    if oco.sends > 1:
        return order
    if oco.may_have_arrived:
        return order.with_protection(oco.given_up(worker.now(order)))
    return never_placed(order, oco)


def _submit(broker: Broker, order: Order, oco: Protection, in_time: InTime) -> SubmitOutcome:
    request = ProtectiveOrder(
        client_order_id=oco.client_order_id,
        symbol=order.symbol,
        side=opposite(order.trading_side),
        qty=oco.qty,
        target=oco.levels.target,
        stop=oco.levels.stop,
    )
    return broker.protect(request, in_time)


def _confirm(worker: Worker, order: Order, oco: Protection) -> Next:
    """Read the OCO by id. Both legs live: protected. Over already: its exits are booked, and the rest is bare."""
    before = order
    connect, guard = worker.drawing(order.guard)
    order, seen = read_oco(worker, order.changed(guard=guard), oco, connect())
    # Accepted is not protected: an OCO may be rejected behind its 200, one leg cancelled while the other lives.
    if seen.status.live:
        settled = order.bare_qty <= 0 and not order.outdated_protections
        return _covered(worker, went_on(order)) if settled else _again(worker, before, order)
    if seen.status is ProtectionStatus.REFUSED or (seen.status is ProtectionStatus.GONE and not seen.exited_qty):
        refused = refused_once_more(order)
        detail = f"{seen.client_order_id} was accepted and then {seen.status}"
        return _refused(worker, refused, Reason.BROKER_REJECTED, detail)
    changed = seen.status is not oco.status and seen.status is not ProtectionStatus.SENT
    if seen.status.closed or changed:
        return _again(worker, before, order)
    if order.run.waits >= UNSEEN_ALARM_LOOKS:
        order = worker.alert_lasting(order, "unseen", f"{oco.client_order_id} of {order.symbol} is not seen live yet")
    return worker.wait(order, Route.WAIT_TO_PROTECT, backoff(READ_BACKOFF_SECONDS, order.run.waits))


def _again(worker: Worker, before: Order, order: Order) -> Next:
    """Part of the position is settled; see to the rest at once."""
    # What was saved on the way is told already.
    saved = order.run.version != before.run.version
    return protect(worker, order if saved else worker.save_exits(before, order))


def _denied(worker: Worker, order: Order, oco: Protection, reason: Reason, message: str) -> Next:
    # Keys say nothing about this OCO: it is not counted as one that the broker does not take.
    if reason is Reason.MISCONFIGURED and not oco.may_have_arrived:
        return wait_for_operator(worker, _not_sent(worker, order, oco), message)
    # The refusal may be the doing of a first send that did arrive, or not true: placed once more, beside own shares
    # both would be taken.
    look = find_oco(worker, order, oco)
    if look.found or (oco.may_have_arrived and not look.answered):
        return worker.wait(look.order, Route.WAIT_TO_PROTECT, 1)
    if reason is Reason.MISCONFIGURED:
        return wait_for_operator(worker, _not_sent(worker, order, oco), message)
    # Not seen, its id is used again: the broker says if it has it.
    oco = oco if look.answered else oco.changed(ambiguous=True)
    order = refused_once_more(order.with_protection(oco.given_up(worker.now(order))))
    order = worker.note(order, f"protection refused: {message}")
    return _refused(worker, order, reason, message)


def _refused(worker: Worker, order: Order, reason: Reason, message: str) -> Next:
    # At once, not after more tries: shares are bare, and the levels of before were taken.
    back = exits_put_back(order, reason, worker.now(order))
    if back:
        levels = f"stop {quoted(back.guard.stop_loss)}, target {quoted(back.guard.take_profit)}"
        told = f"the moved exits are refused ({message}): {levels} again"
        return _again(worker, order, worker.note(back, told))
    following = after_refusal(worker, order, reason, message)
    return following if isinstance(following, Next) else _again(worker, order, following)


def _unknown(worker: Worker, order: Order, oco: Protection, detail: str) -> Next:
    noted = worker.note(order, f"{oco.client_order_id}: outcome unknown ({detail}); looking it up")
    lost = oco.changed(ambiguous=True, lookups=0)
    return worker.wait(noted.with_protection(lost), Route.WAIT_TO_PROTECT, LOOKUP_BACKOFF_SECONDS[0])


def _look_up(worker: Worker, order: Order, oco: Protection, *, refused: bool = False) -> Next:
    """The intent is written, its fate unknown: ask by our id, and send it once more only when it is nowhere."""
    look = find_oco(worker, order, oco, refused=refused)
    if look.found:
        return _confirm(worker, look.order, look.found)
    if look.taken:
        return worker.wait(look.order, Route.WAIT_TO_PROTECT, 1)
    if not look.answered:
        return worker.wait(order, Route.WAIT_TO_PROTECT, backoff(READ_BACKOFF_SECONDS, order.run.waits))
    if not oco.ambiguous:
        return _unknown(worker, order, oco, "interrupted after the intent was written")
    seen = oco.changed(lookups=oco.lookups + 1, saved_wall=oco.saved_wall or worker.time.wall())
    order = order.with_protection(seen)
    if seen.lookups < len(LOOKUP_BACKOFF_SECONDS):
        return worker.wait(order, Route.WAIT_TO_PROTECT, LOOKUP_BACKOFF_SECONDS[seen.lookups])
    # Shares have left since it was written down: sent again, it would hold and sell others of the account.
    if seen.qty > order.unexited_qty:
        less = order.with_protection(seen.changed(ambiguous=True).given_up(worker.now(order)))
        return _again(worker, order, worker.note(less, f"{oco.client_order_id} is for more shares than there are"))
    if seen.sends < MAX_SENDS:
        again = seen.changed(sends=seen.sends + 1, lookups=0)
        return _send(worker, worker.note(order, f"{oco.client_order_id} never arrived: sent once more"), again)
    pause = wait_for_sender(worker, seen, seen.lookups - len(LOOKUP_BACKOFF_SECONDS))
    if pause:
        bare = f"{plain(oco.qty)} {order.symbol} are not seen to be protected"
        detail = f"{oco.client_order_id} may still arrive; until that is ruled out {bare}"
        return worker.wait(worker.alert_lasting(order, "on its way", detail), Route.WAIT_TO_PROTECT, pause)
    # Should it arrive after all, the next one is refused for its id.
    told = f"{oco.client_order_id} of {order.symbol} stays unknown to the broker"
    order = worker.alert_lasting(order, UNKNOWN, told)
    given_up = refused_once_more(order.with_protection(seen.given_up(worker.now(order))))
    return _refused(worker, given_up, Reason.BROKER_UNAVAILABLE, "the broker takes no protection")
