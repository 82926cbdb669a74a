"""AssessMarket: may the order be worked now? Then its first child order is placed at once.

Also where a fresh execution picks up what a dead one left.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from repeg.clock import MarketClock
from repeg.domain.ladder.opening import plan_opening, waits_for_spread
from repeg.domain.market.quotes import Quote, SeenQuote, describe, quote_rules
from repeg.domain.market.reports import TradingDay
from repeg.domain.market.sessions import Phase
from repeg.domain.order.beginnings import by_clock, dated
from repeg.domain.order.closing import answers_for, found_with, protecting_first
from repeg.domain.order.course import assessed, awaiting, broker_failed, decided, parked
from repeg.domain.order.guarding import seen_to
from repeg.domain.order.record import Order
from repeg.domain.order.verdicts import Done, Refusal, Wait, WaitingFor, no_market
from repeg.domain.patience import (
    BROKER_TRIES,
    KEYS_PAUSE_SECONDS,
    LONG_WITHOUT_TURN,
    OPENING_LOOK_SECONDS,
    READ_BACKOFF_SECONDS,
    SHARED_FOR,
    backoff,
)
from repeg.domain.reasons import Reason
from repeg.domain.routes import Next, Route
from repeg.domain.rules.bracket_entry import refused_at, released_bracket, with_terms
from repeg.domain.rules.life import is_being_left, ladder_over, looks_again_once, taken_up, wants_another_look
from repeg.domain.rules.parking import expiring, waiting_for, woken
from repeg.domain.rules.sizing import Release, Sizing, for_shares, nothing_more, sized
from repeg.domain.rules.timing import (
    asset_problem,
    bare_for_long,
    cap_price,
    class_problem,
    classified,
    measured_by,
    released,
    session_verdict,
    size_notional,
    turn_backoff,
    within_cost,
)
from repeg.domain.rules.walking import is_exit, waits_for_market
from repeg.errors import BudgetExhausted, CredentialsRefused, OperatorError, RetryError, StoreConflict
from repeg.steps.late import worked_off_late
from repeg.steps.place import start_rung
from repeg.steps.planned import planned
from repeg.worker.leftover import LAST_LOOKS
from repeg.worker.outcome import reason_of
from repeg.worker.size import set_aside, size
from repeg.worker.supersede import supersede, take_over
from repeg.worker.worker import Look, Worker

# An exit asks again after two seconds at most: its shares do not wait ten for a turn that is free by then.
EXIT_TURN_WAITS = 1


class Ready(NamedTuple):
    """The released order, and the quote that released it if nothing else was read since."""

    order: Order
    seen: SeenQuote | None = None


Verdict = Wait | Refusal | Release | Ready | Done

# What a clock that is minutes off would get wrong: an order is not refused for it by a reading that was carried on.
_BY_THE_CLOCK = {
    Reason.EXPIRED,
    Reason.MARKET_CLOSED,
    Reason.EXTENDED_HOURS_DISABLED,
    Reason.EXTENDED_UNPROTECTED,
}


def assess(worker: Worker, order: Order) -> Next:
    """Resume, park, refuse or release the order; one that is released sends its first child order at once."""
    if order.status.terminal:
        return _take_care(worker, order)
    following = taken_up(order)
    if following is not Route.ASSESS_MARKET:
        return Next(following)
    try:
        # First of all: what an earlier send did after it was given up was sold already, and must not be sold twice.
        late = worked_off_late(worker, order)
        if late:
            return late
        clock = worker.time.clock(worker.broker_for(order))
        judged, verdict, newer = _verdict(worker, order, clock)
        if newer is None and not clock.fresh and _needs_fresh_clock(worker, order, clock, verdict):
            newer = worker.time.read(worker.broker_for(order))
        if newer:
            judged, verdict, _ = _verdict(worker, order, newer)
    except BudgetExhausted as error:
        return _apply(worker, order, Wait(seconds=int(error.wait_seconds) + 1, on=WaitingFor.REQUEST))
    except StoreConflict:
        # A RetryError too, but not the broker's trouble: the machine takes the step again, on a record read anew.
        raise
    except RetryError as error:
        return _broker_down(worker, order, error)
    except OperatorError as error:
        # An exit keeps asking, as keys may be put right while the session lasts; to end it would leave its shares.
        if is_exit(order):
            return _apply(worker, order, Wait(seconds=KEYS_PAUSE_SECONDS, on=WaitingFor.OPERATOR, tell=str(error)))
        worker.alert(order, str(error))
        return _apply(worker, order, Refusal(reason=Reason.MISCONFIGURED, detail=str(error)))
    return _apply(worker, assessed(judged), verdict)


def _take_care(worker: Worker, order: Order) -> Next:
    """An order that is over is taken up again to protect or exit its shares; that needs the symbol's turn."""
    following = taken_up(order)
    # Acting needs the turn: without it two orders of one symbol would sell at once, each sized by the other's shares.
    if following is Route.RECORD_OUTCOME or worker.orders.borrow_turn(order):
        return Next(following)
    return _turn_wanted(worker, order) if is_being_left(order) else Next(Route.DONE)


def _turn_wanted(worker: Worker, order: Order) -> Next:
    """A position that must be exited does not stand in line: the entry that has the turn is ended."""
    take_over(worker, order)
    if order.run.waits >= LONG_WITHOUT_TURN and order.unexited_qty > 0:
        detail = (
            f"{order.unexited_qty} {order.symbol} are not left yet: {worker.orders.holder(order.symbol)} is not over"
        )
        order = worker.alert_lasting(order, WaitingFor.TURN.words, detail)
    return worker.wait(order, Route.WAIT_FOR_MARKET, 1)


def _needs_fresh_clock(worker: Worker, order: Order, clock: MarketClock, verdict: Verdict) -> bool:
    """A carried-on clock may not refuse an order, nor park one for the first time; later looks share a reading."""
    if isinstance(verdict, Wait) and verdict.parked_until:
        return not order.run.parked_until or worker.time.wall() - clock.anchor.wall_at > SHARED_FOR / clock.speed
    return isinstance(verdict, Refusal) and verdict.reason in _BY_THE_CLOCK


def _verdict(worker: Worker, order: Order, clock: MarketClock) -> tuple[Order, Verdict, MarketClock | None]:
    """The order as judged, the verdict, and the clock by which it must be judged again, if any.

    Checks in the order of precedence: expiry, session, turn, asset and position, quote, opening spread. When a quote
    contradicts the clock, a newer clock comes back, and the order must be judged again by it.
    """
    now = clock.now()
    calendar = worker.time.calendar(worker.broker_for(order), now)
    order = order if order.run.clock else dated(order, clock.at(order.ask.sent_wall or order.ask.received_wall))
    order = by_clock(woken(order, now, worker.clock_of(order).now()), clock.anchor)
    order = expiring(order, calendar)
    if order.kind == "adjust":
        # Read here: no order that trades pays for it with its cold start.
        from repeg.steps.move_exits import move_exits

        moved = move_exits(worker, order, calendar, clock)
        parks = isinstance(moved, Wait) and moved.parked_until and calendar.next_session(now)
        return waiting_for(order, parks) if parks else order, moved, None
    closed = session_verdict(order, calendar, now, worker.settings_for(order))
    upcoming = calendar.next_session(now)
    if isinstance(closed, Wait) and upcoming:
        order = waiting_for(order, upcoming)
        if calendar.phase(now) is Phase.BEFORE_OPEN and not is_exit(order):
            order = _with_opening_plan(worker, order, clock, upcoming)
    if closed:
        return order, closed, None
    # Before the turn is asked for: the entries that stand in line are what this close would wait behind.
    if order.kind == "close":
        order = supersede(worker, order)
    if order.ask.parent_id and _nothing_to_unwind(worker, order.ask.parent_id):
        return order, Refusal(reason=Reason.NO_POSITION, detail="the bracket's shares are gone"), None
    if not worker.orders.take_turn(order, now):
        # An entry may rest with the turn for an hour; a position that must be exited does not wait it out.
        if order.ask.parent_id:
            take_over(worker, order)
        waits = min(order.run.waits, EXIT_TURN_WAITS) if is_exit(order) else order.run.waits
        return order, Wait(seconds=turn_backoff(waits), on=WaitingFor.TURN), None
    session = calendar.session_at(now)
    order = planned(worker, order, session, now)
    verdict, newer = _release(worker, order, clock, session)
    return order, verdict, newer


def _nothing_to_unwind(worker: Worker, bracket_id: str) -> bool:
    bracket = worker.orders.get(bracket_id)
    return bracket is None or bracket.unexited_qty <= 0


def _with_opening_plan(worker: Worker, order: Order, clock: MarketClock, upcoming: TradingDay) -> Order:
    """The plan follows the latest quote before the open that can be had; without one the last plan, or none, stands."""
    settings = worker.settings()
    try:
        seen = worker.broker_for(order).snapshot(order.symbol, settings.feed_witnesses)
    except (RetryError, OperatorError):
        return order
    # Of any width: how wide the market is before the open is what the plan is made from.
    if seen.quote is None or quote_rules(settings, any_width=True).problem(seen, clock.now()):
        return order
    return order.with_run(opening=plan_opening(seen.quote, upcoming.opens_at))


def _release(
    worker: Worker, order: Order, clock: MarketClock, session: TradingDay | None
) -> tuple[Verdict, MarketClock | None]:
    seen_at = clock.now()
    look = worker.fresh_quote(order, clock)
    if look.clock_is_newer:
        # Judged anew by the newer clock: no trading request is spent on this look.
        return Wait(seconds=1, on=WaitingFor.CLOCK), look.clock
    waits = _out_of_market(worker, order, look, session)
    if waits:
        return waits, None
    # Behind the quote: market data cost no trading request, the account does.
    sizing = size(worker, order)
    if isinstance(sizing, Refusal | Wait | Release):
        return sizing, None
    # Behind the sizing: of several reasons the asset's and the position's are given before the quote's.
    if look.problem and not is_exit(order):
        return _quote_reject(worker, order, look), None
    if order.terms.bracket and look.quote:
        return _ready_bracket(worker, order, look.quote, outside_session=session is None), None
    if session is None:
        raise AssertionError("only brackets trade outside the session")
    if look.quote and not look.problem and _waits_for_spread(order, look.quote, session, clock.now()):
        return _until_it_narrows(look.quote), None
    ready = _ready(worker, order, sizing, None if look.problem else look.quote, session, clock)
    # While the account is asked the market can fall through a bracket's stop: then it is priced by another quote.
    asked_since = sizing is not None or (order.ask.notional is not None and order.ask.qty is None)
    if isinstance(ready, Ready) and look.quote and not look.problem and not asked_since:
        ready = ready._replace(seen=SeenQuote(look.quote, seen_at, look.last))
    return ready, None


def _out_of_market(worker: Worker, order: Order, look: Look, session: TradingDay | None) -> Wait | Refusal | None:
    """The wait or refusal that an unusable quote means, before the account is asked; None: go on.

    Quotes that show no market are waited out for a moment, the wide ones of the open as long as any. Only shares of
    companies are quoted here: an exit would go to market without a quote, and must not do so in anything else.
    """
    if is_exit(order):
        return _other_class(worker, order) if look.problem is Reason.NO_QUOTE else None
    if look.doubt is None or look.quote is None:
        return None
    if _waits_for_spread(order, look.quote, session, look.clock.now()):
        return _until_it_narrows(look.quote)
    return no_market(look.doubt) if waits_for_market(order) else None


def _other_class(worker: Worker, order: Order) -> Refusal | None:
    """Only what the broker says counts: an exit is not kept from its market by an answer that did not come."""
    with suppress(RetryError):
        return class_problem(worker.broker_for(order).asset(order.symbol))
    return None


def _waits_for_spread(order: Order, quote: Quote, session: TradingDay | None, now: datetime) -> bool:
    """Plain orders wait for the wide spreads of the open to narrow; brackets and exits do not."""
    if session is None or order.terms.bracket or is_exit(order):
        return False
    return waits_for_spread(quote, session, now, order.run.opening)


def _until_it_narrows(quote: Quote) -> Wait:
    why = f"waits for a spread of {quote.spread_cents.normalize():f} cents to narrow"
    return Wait(seconds=OPENING_LOOK_SECONDS, on=WaitingFor.SPREAD, words=why)


def _ready_bracket(worker: Worker, order: Order, quote: Quote, outside_session: bool) -> Verdict:
    settings = worker.settings()
    order = with_terms(order, settings, outside_session)
    ready = refused_at(order, quote) or released_bracket(order, quote, settings)
    if isinstance(ready, Refusal):
        # Only a refusal is worth a request more, for the reason that comes first.
        return asset_problem(worker.broker_for(order).asset(order.symbol)) or ready
    return Ready(worker.note(ready, f"{ready.terms.ladder} ladder from {describe(quote)}"))


def _quote_reject(worker: Worker, order: Order, look: Look) -> Refusal:
    """A symbol without a proper quote may be one that the broker does not trade at all: that reason comes first."""
    unknown = asset_problem(worker.broker_for(order).asset(order.symbol))
    quote = look.quote
    seen = f": bid {quote.bid} ask {quote.ask} of {quote.at.isoformat()}" if quote else ""
    reason = look.problem or Reason.NO_QUOTE
    return unknown or Refusal(reason=reason, detail=f"{look.doubt or 'no quote to trade on'}{seen}")


def _ready(
    worker: Worker, order: Order, sizing: Sizing | None, quote: Quote | None, session: TradingDay, clock: MarketClock
) -> Verdict:
    side = sizing.side if sizing else order.trading_side
    ready = released(order, side, quote, session, clock.now(), worker.settings_for(order))
    ready = worker.note(ready, f"{ready.terms.ladder} ladder from {describe(quote) if quote else 'no quote'}")
    if sizing:
        ready = sized(ready, sizing)
        ready = worker.note(ready, sizing.note) if sizing.note else ready
    # An exit has no cap that its cost could follow from, and what it freed is bare: it is sent as it was planned.
    if is_exit(order) and order.ask.qty is not None:
        return Ready(ready)
    if order.ask.notional is not None and order.ask.qty is not None:
        dollars = set_aside(worker, order, order.ask.notional)
        afforded = dollars if isinstance(dollars, Wait) else within_cost(ready, order.ask.qty, dollars)
        return afforded if isinstance(afforded, Refusal | Wait) else Ready(afforded)
    if order.ask.notional is not None:
        qty = _notional_qty(worker, ready)
        if isinstance(qty, Refusal):
            return qty
        ready = sized(ready, sizing, qty) if sizing else for_shares(ready, qty)
    return Ready(ready)


def _notional_qty(worker: Worker, ready: Order) -> Refusal | Decimal:
    asset = worker.broker_for(ready).asset(ready.symbol)
    problem = asset_problem(asset)
    if problem:
        return problem
    if asset is None or ready.ask.notional is None:
        raise AssertionError("an asset without a problem is an asset; only notionals come here")
    return size_notional(ready.ask.notional, cap_price(ready), asset)


def _apply(worker: Worker, order: Order, verdict: Verdict) -> Next:
    if isinstance(verdict, Done):
        return Next(ladder_over(worker.orders.save(seen_to(worker.note(order, verdict.detail)))))
    last_look = wants_another_look(order)
    if last_look and (isinstance(verdict, Refusal) or (isinstance(verdict, Ready) and looks_again_once(order))):
        order = order.with_close(looked_again=True)
    if isinstance(verdict, Refusal):
        over = nothing_more(order, verdict)
        if over:
            worker.orders.save(worker.note(over, verdict.detail))
            return Next(ladder_over(over))
        unclassified = order.is_instruction or verdict.reason is Reason.MISCONFIGURED
        known = order if unclassified else classified(order, worker.settings_for(order))
        known = decided(known, verdict.reason).with_guard(risk_reward=verdict.risk_reward)
        if verdict.seen:
            known = measured_by(known, verdict.seen)
        ended = worker.note(known, verdict.detail)
        worker.orders.save(ended)
        return Next(ladder_over(ended))
    if isinstance(verdict, Release):
        # As it was before anything was sold: a position that is stale later is known by it (`_most`).
        if order.close.brackets_before is None:
            order = found_with(order, verdict.position, verdict.by_brackets)
        worker.orders.save(answers_for(order, verdict.order_ids).with_close(settling=0))
        return Next(Route.RELEASE_PROTECTION)
    if isinstance(verdict, Wait):
        if verdict.tell:
            order = worker.alert_lasting(order, verdict.on.words, verdict.tell)
        if verdict.parked_until and order.sent:
            # What it began it does not leave half done over a night: it ends here, and is told.
            unseen = last_look and not looks_again_once(order)
            reason = Reason.ACCOUNT_DISAGREES if unseen else Reason.MARKET_CLOSED
            return _apply(worker, order, Refusal(reason=reason, detail=verdict.sentence))
        bare = bare_for_long(order, worker.now(order)) and not (last_look and verdict.on in LAST_LOOKS)
        # A close does not wait behind bare shares: never over a night, and not for longer than half a minute.
        if order.close.released and (verdict.parked_until or bare):
            restoring = worker.note(protecting_first(order), f"{verdict.sentence}; protected again meanwhile")
            worker.orders.save(restoring)
            return Next(Route.PROTECT_POSITION)
        return _wait(worker, order, verdict)
    # Sent in the same invocation: a hop of the machine and a cold start would lie between the decision and the market.
    ready = assessed(verdict.order).with_close(looked_again=order.close.looked_again)
    return start_rung(worker.at(Route.PLACE_ORDER), ready, verdict.seen)


def _wait(worker: Worker, order: Order, wait: Wait) -> Next:
    if order.run.waits_for is not wait.on:
        order = worker.note(order, wait.sentence)
    requeue = wait.parked_until != order.run.parked_until
    if wait.on is WaitingFor.SHARES:
        order = order.with_close(settling=order.close.settling + 1)
    if wait.on is WaitingFor.OTHERS:
        order = order.with_close(foreign_looks=order.close.foreign_looks + 1)
    if wait.position is not None:
        order = found_with(order, wait.position, wait.by_brackets)
    waiting = parked(awaiting(order, wait.on), wait.parked_until)
    return worker.wait(waiting, Route.WAIT_FOR_MARKET, wait.seconds, requeue)


def _broker_down(worker: Worker, order: Order, error: RetryError) -> Next:
    failures = order.sending.broker_failures + 1
    if wants_another_look(order) and looks_again_once(order):
        # Not worth waiting for: the rest is protected again.
        worker.orders.save(order.with_close(looked_again=True))
        return Next(ladder_over(order.with_close(looked_again=True)))
    if failures >= BROKER_TRIES and not is_exit(order):
        if isinstance(error, CredentialsRefused):
            worker.alert(order, str(error))
        return _apply(worker, order, Refusal(reason=reason_of(error), detail=str(error)))
    if failures == BROKER_TRIES:
        worker.alert(order, f"{order.symbol} cannot be left yet: {error}; it is tried on")
    seconds = backoff(READ_BACKOFF_SECONDS, order.sending.broker_failures)
    worker.log.error(f"broker: {error}", order_id=order.order_id)
    return _apply(worker, broker_failed(order), Wait(seconds=seconds, on=WaitingFor.BROKER))
