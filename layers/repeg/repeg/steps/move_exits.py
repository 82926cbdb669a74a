"""What an adjust does: a bracket's exits are moved, by the bracket's record and under the symbol's turn.

The new levels are saved before anything is cancelled, beside the old ones. From then on whoever sees to the bracket's
shares goes on with the move: this step taken again, a fresh execution, or the sweep.
"""

from __future__ import annotations

from repeg.clock import MarketClock
from repeg.domain.market.sessions import Calendar, in_new_york
from repeg.domain.money import plain, quoted
from repeg.domain.order.beginnings import by_clock
from repeg.domain.order.course import went_on
from repeg.domain.order.record import Order
from repeg.domain.order.reservation import (
    REQUESTS_PER_CANCEL,
    REQUESTS_PER_PROTECTION,
    Priority,
    Reservation,
    reserving,
)
from repeg.domain.order.verdicts import Done, Refusal, Wait, WaitingFor
from repeg.domain.patience import CANCEL_BACKOFF_SECONDS, CANCEL_LOOKS_SECONDS, backoff
from repeg.domain.proof.agreement import exits_moved, exits_stand, last_move
from repeg.domain.reasons import Reason
from repeg.domain.routes import Next, Route
from repeg.domain.rules.bracket_entry import exits_moved_ahead
from repeg.domain.rules.bracket_exit import levels_of
from repeg.domain.rules.life import is_being_left
from repeg.domain.rules.moving import (
    in_words,
    is_there,
    misplaced,
    not_movable,
    overtaken,
    passed,
    standing_levels,
    wanted_levels,
)
from repeg.domain.rules.timing import session_verdict, turn_backoff
from repeg.errors import BudgetExhausted, RetryError
from repeg.steps.protect import protect
from repeg.worker.bare import leave, split_ahead, through_stop
from repeg.worker.worker import Worker

Verdict = Wait | Refusal | Done


def move_exits(worker: Worker, adjust: Order, calendar: Calendar, clock: MarketClock) -> Verdict:
    """One round: see what came of it so far, else begin; each round derives where it stands from the records."""
    bracket = worker.orders.get(adjust.ask.about or "")
    if bracket is None:
        return Refusal(reason=Reason.UNKNOWN_ORDER, detail=f"{adjust.ask.about} is not on record")
    now = clock.now()
    if _is_begun(bracket, adjust):
        # However late it is by now: its shares may be bare.
        return _goes_on(worker, adjust, by_clock(bracket, clock.anchor))
    problem = not_movable(bracket) or overtaken(bracket, adjust) or misplaced(bracket, adjust)
    if problem:
        return problem
    if adjust.run.expires_at and now >= adjust.run.expires_at:
        return Refusal(reason=Reason.EXPIRED, detail=f"expired at {in_new_york(adjust.run.expires_at)}")
    later = _later(worker, adjust, bracket)
    if later:
        return Refusal(reason=Reason.LEVELS_OUTDATED, detail=f"{later.signal_id}, which was sent after it, moved them")
    if _is_behind(worker, adjust, clock):
        return Wait(seconds=1, on=WaitingFor.TURN, words="waits for an adjust that was sent before it")
    if not bracket.status.terminal:
        return _ahead(worker, adjust, bracket, calendar, clock)
    if not worker.orders.take_turn(adjust, now):
        return Wait(seconds=turn_backoff(min(adjust.run.waits, 1)), on=WaitingFor.TURN)
    # Whoever had the turn may have sold its shares, or moved its exits.
    bracket = worker.orders.get(bracket.order_id) or bracket
    problem = not_movable(bracket) or overtaken(bracket, adjust) or misplaced(bracket, adjust)
    if problem:
        return problem
    return _begin(worker, adjust, by_clock(bracket, clock.anchor), calendar, clock)


def _is_begun(bracket: Order, adjust: Order) -> bool:
    move = last_move(bracket)
    return move is not None and move.by == adjust.order_id


def _is_behind(worker: Worker, adjust: Order, clock: MarketClock) -> bool:
    """True while an adjust of the same bracket that came before it is not over: the last one sent must hold."""
    parked = (each.run.parked_until for each in worker.orders.earlier(adjust) if each.ask.about == adjust.ask.about)
    return any(until is None or until <= clock.now() for until in parked)


def _later(worker: Worker, adjust: Order, bracket: Order) -> Order | None:
    """The adjust that moved the exits last, if it was sent after this one: that waited for an open, say."""
    move = last_move(bracket)
    other = worker.orders.get(move.by) if move else None
    return other if other and other.ask.received_wall > adjust.ask.received_wall else None


def _ahead(worker: Worker, adjust: Order, bracket: Order, calendar: Calendar, clock: MarketClock) -> Verdict:
    """The entry is at work: the levels are kept for the OCO to come. One that is on its way is waited for."""
    if bracket.guard.protections:
        return Wait(
            seconds=turn_backoff(adjust.run.waits), on=WaitingFor.EXITS, words=f"{bracket.order_id} is being protected"
        )
    moved = exits_moved_ahead(bracket, adjust.guard.stop_loss, adjust.guard.take_profit)
    if moved == bracket:
        return Done(detail=f"{in_words(standing_levels(bracket))}: so it is already")
    session = calendar.session_at(clock.now())
    problem = None if session is None or adjust.ask.force else _market_problem(worker, adjust, bracket, clock)
    if problem:
        return problem
    words = f"{in_words(standing_levels(moved))}, for the OCO to come"
    noted = worker.at(Route.PROTECT_POSITION).note(moved, f"{adjust.signal_id} moved the exits: {words}")
    # By its fence as it was read: an OCO that is written down meanwhile has the old levels, and is waited for then.
    worker.on_behalf_of(adjust).orders.save(noted)
    return Done(detail=words)


def _market_problem(worker: Worker, adjust: Order, bracket: Order, clock: MarketClock) -> Refusal | None:
    look = worker.fresh_quote(bracket, clock)
    if look.problem or look.quote is None:
        reason = look.problem or Reason.NO_QUOTE
        return Refusal(reason=reason, detail=f"the levels cannot be measured: {look.doubt or reason.explanation}")
    return passed(bracket, adjust, look.quote)


def _begin(worker: Worker, adjust: Order, bracket: Order, calendar: Calendar, clock: MarketClock) -> Verdict:
    here = worker.at(Route.PROTECT_POSITION).on_behalf_of(adjust)
    if is_there(bracket, adjust) and not bracket.needs_care:
        return Done(detail=f"{in_words(levels_of(bracket))}: so it is already")
    # Before anything is cancelled: an OCO at levels of the shares before would not be placed, and leave these bare.
    split = split_ahead(here, bracket)
    if split:
        return Refusal(reason=Reason.LEVELS_OUTDATED, detail=split)
    levels, in_session = wanted_levels(bracket, adjust), calendar.session_at(clock.now()) is not None
    moved = exits_moved(bracket, levels, adjust, clock.now())
    words = f"{adjust.signal_id} moves the exits to {in_words(levels)}, from {in_words(levels_of(bracket))}"
    if not in_session and all(oco.status.closed for oco in bracket.guard.protections):
        here.orders.save(exits_stand(here.note(moved, f"{words}, for the OCO to come")))
        return Done(detail=f"{in_words(levels)}, for the OCO to come")
    # Off hours a cancel can stay pending until the open: which of two stops is at work there, nobody would know.
    closed = None if in_session else session_verdict(adjust, calendar, clock.now(), worker.settings_for(adjust))
    if closed:
        return closed
    if not adjust.ask.force:
        problem = _market_problem(worker, adjust, bracket, clock)
        if problem:
            return problem
    elif through_stop(here, moved, looks=2):
        # Meant so: it is exited under the old OCO, and is not bare for a stop that would be refused.
        saved = here.orders.save(here.note(moved, words))
        detail = f"the market is through the stop at {quoted(levels.stop)}, and {adjust.signal_id} means it"
        return _came_to(worker, adjust, saved, leave(here, saved, Refusal(reason=Reason.STOP_THROUGH, detail=detail)))
    # Before anything is cancelled: with none left for the new OCO, the shares would be bare until the next minute's.
    try:
        reserved = _reserve(here, bracket)
    except BudgetExhausted as error:
        return Wait(seconds=int(error.wait_seconds) + 1, on=WaitingFor.REQUEST)
    ready = moved.changed(guard=reserving(moved.guard, reserved))
    return _goes_on(worker, adjust, here.orders.save(here.note(ready, words)))


def _reserve(worker: Worker, bracket: Order) -> Reservation | None:
    """Requests to take down what guards it, and to place an OCO instead; None: the budget cannot be reached."""
    working = sum(not oco.status.closed for oco in bracket.guard.protections)
    try:
        requests = working * REQUESTS_PER_CANCEL + REQUESTS_PER_PROTECTION
        return worker.broker_for(Priority.URGENT).reserve(requests)
    except BudgetExhausted:
        raise
    except RetryError as error:  # no exit waits for the table: its requests are sent uncounted
        worker.log.info(f"nothing is reserved: {error}", order_id=bracket.order_id)
        return None


def _goes_on(worker: Worker, adjust: Order, bracket: Order) -> Verdict:
    """Cancel, confirm, place anew, for as long as a cancel takes that is carried out at once."""
    here = worker.at(Route.PROTECT_POSITION).on_behalf_of(adjust)
    following = Next(Route.RECORD_OUTCOME)
    first = adjust.run.waits_for is not WaitingFor.EXITS
    for pause in (0, *CANCEL_LOOKS_SECONDS) if first else (0,):
        if not bracket.needs_care or is_being_left(bracket):
            break
        worker.sleep(pause)
        following = protect(here, bracket)
        known = worker.orders.get(bracket.order_id) or bracket
        bracket = by_clock(known, bracket.run.clock) if bracket.run.clock else known
        # A wait of the machine is a second at least, and the shares are bare from the cancel on.
        if following.route is not Route.WAIT_TO_PROTECT or not bracket.outdated_protections:
            break
    return _came_to(worker, adjust, bracket, following)


def _came_to(worker: Worker, adjust: Order, bracket: Order, following: Next) -> Verdict:
    known = worker.orders.get(bracket.order_id) or bracket
    if following.route in (Route.WAIT_TO_PROTECT, Route.DONE):
        # By its own count: the bracket's looks of one round were no waits.
        waits = adjust.run.waits if adjust.run.waits_for is WaitingFor.EXITS else 0
        seconds = backoff(CANCEL_BACKOFF_SECONDS, waits) if known.outdated_protections else following.seconds
        return Wait(seconds=max(1, seconds), on=WaitingFor.EXITS)
    move = last_move(known)
    if is_being_left(known):
        _hand_on(worker, adjust, known)
        if move and move.refused is None:
            return Done(
                detail=f"the market is through the stop at {quoted(levels_of(known).stop)}: the position is exited"
            )
        detail = "the moved exits were refused, and the market is through the old stop: the position is exited"
        return Refusal(reason=Reason.STOP_THROUGH, detail=detail)
    if known.unexited_qty < 1:
        return not_movable(known) or Refusal(reason=Reason.NO_POSITION, detail="it holds nothing any more")
    if known.care.frozen:
        return Refusal(reason=Reason.POSITION_FROZEN, detail=f"{known.care.frozen}; {_guarded(known)}")
    if move and move.refused:
        return Refusal(reason=move.refused, detail=f"refused, as the events of {known.order_id} say; {_old(known)}")
    if known.needs_care:
        return Refusal(reason=Reason.PROTECTION_FAILED, detail=f"{_guarded(known)}; it is tried on")
    return Done(detail=f"{in_words(levels_of(known))}, for {plain(known.unexited_qty)} {known.symbol}")


def _guarded(bracket: Order) -> str:
    held, bare = plain(bracket.unexited_qty), plain(bracket.unguarded_qty)
    if bracket.unguarded_qty > 0:
        return f"{bare} of {held} {bracket.symbol} are without protection"
    # Never 0 of them: their old exits may be at work, or the new ones be on their way.
    return f"{held} {bracket.symbol} are not seen under the new exits"


def _old(bracket: Order) -> str:
    back = "without protection, which is tried on" if bracket.needs_care else "in place again"
    return f"{in_words(levels_of(bracket))} are {back}"


def _hand_on(worker: Worker, adjust: Order, bracket: Order) -> None:
    """Have the bracket's own execution exit it, which waits for the turn that this adjust gives up when it is over."""
    number = bracket.run.executions + 1
    worker.on_behalf_of(adjust).orders.adopt(went_on(bracket), worker.executions.arn(bracket.order_id, number))
    worker.executions.start(bracket.order_id, number)
