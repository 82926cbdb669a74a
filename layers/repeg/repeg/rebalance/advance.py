"""RebalancePortfolio: each step reads the record, does what comes next, and writes it before anything is sent."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal

from repeg.domain.halt import halt_of_plan, refusal
from repeg.domain.market.reports import TradingDay
from repeg.domain.metrics.measured import line_of_rebalance
from repeg.domain.order.fence import first_worked_by
from repeg.domain.order.record import ZERO, Order
from repeg.domain.order.verdicts import Refusal, Wait, WaitingFor
from repeg.domain.patience import (
    ANSWERED_TWICE_WITHIN,
    LEGS_LOOK_SECONDS,
    PRICES_AGREE_WITHIN,
    PRICES_LOOK_SECONDS,
    READ_BACKOFF_SECONDS,
    REBALANCE_GIVEN_UP_AFTER,
    REBALANCE_TROUBLE_ROUNDS,
    SETTLES_WITHIN,
    SHOWS_LEGS_SECONDS,
    TRADABLE_WITHIN,
    TURN_BACKOFF_SECONDS,
    backoff,
)
from repeg.domain.reasons import Reason
from repeg.domain.rebalance.book import Book
from repeg.domain.rebalance.funds import planned_on
from repeg.domain.rebalance.legs import all_over, at_work, cost_bps, leg_id, order_of, to_place
from repeg.domain.rebalance.outcome import explained, in_words, left_by_record, shows_cash, shows_shares, status_with
from repeg.domain.rebalance.plan import left_over, plan, plan_buys
from repeg.domain.rebalance.planned import Leg, count_of, summary
from repeg.domain.rebalance.record import Rebalance, RebalanceStatus
from repeg.domain.rebalance.routes import Onward, RebalanceRoute
from repeg.domain.rebalance.timing import dated, session_verdict, waiting, with_expiry, woken
from repeg.errors import BudgetExhausted, OperatorError, RetryError, StoreConflict
from repeg.events import REBALANCED
from repeg.rebalance.account import Look, look, targets_of
from repeg.rebalance.rebalancer import Rebalancer

_WAITS = {
    RebalanceStatus.RECEIVED: RebalanceRoute.WAIT_TO_PLAN,
    RebalanceStatus.WAITING: RebalanceRoute.WAIT_TO_PLAN,
    RebalanceStatus.SELLING: RebalanceRoute.WAIT_FOR_SELLS,
    RebalanceStatus.BUYING: RebalanceRoute.WAIT_FOR_BUYS,
}


# A single answer that a symbol is not known, or that the account is blocked, must not cost a whole rebalance.
_PASSES_WITHIN = {
    Reason.BAD_QUOTE: PRICES_AGREE_WITHIN,
    Reason.NO_QUOTE: PRICES_AGREE_WITHIN,
    Reason.ACCOUNT_DISAGREES: PRICES_AGREE_WITHIN,
    Reason.NOT_TRADABLE: ANSWERED_TWICE_WITHIN,
    Reason.BROKER_REJECTED: ANSWERED_TWICE_WITHIN,
}


def advance(at: Rebalancer, rebalance: Rebalance, error: str = "") -> Onward:
    """Do what the record says is next. `error`: what a step kept failing with, if this one comes after that."""
    if rebalance.status.terminal:
        return _publish(at, rebalance)
    if not error:
        rebalance = rebalance.with_work(failed_rounds=0)
    else:
        rebalance = at.rebalances.save(rebalance.with_work(failed_rounds=rebalance.work.failed_rounds + 1))
        if rebalance.work.failed_rounds >= REBALANCE_TROUBLE_ROUNDS:
            why = f"a step kept failing with {error}; legs that are at work go on by themselves"
            left = _with_what_is_left(at, at.note(rebalance, why), f"a step kept failing with {error}")
            return _end(at, left, RebalanceStatus.FAILED, Reason.INTERNAL_ERROR)
    try:
        if rebalance.reason is Reason.CANCELLED:
            return _taken_back(at, rebalance)
        if rebalance.status is RebalanceStatus.SELLING:
            return _sell(at, rebalance)
        return _buy(at, rebalance) if rebalance.status is RebalanceStatus.BUYING else _begin(at, rebalance)
    except BudgetExhausted as trouble:
        return _hold(at, rebalance, Wait(seconds=int(trouble.wait_seconds) + 1, on=WaitingFor.REQUEST))
    except StoreConflict:
        # A RetryError too, but not the broker's trouble: the machine takes the step again, on a record read anew.
        raise
    except RetryError as trouble:
        return _broker_down(at, rebalance, trouble)
    except OperatorError as trouble:
        return _misconfigured(at, rebalance, Refusal(reason=Reason.MISCONFIGURED, detail=str(trouble)))


# ---- plan ----


def _begin(at: Rebalancer, rebalance: Rebalance) -> Onward:
    """Wait for the open and the turn; then plan at the prices of that moment, and write the plan down."""
    time = at.worker.time
    # Read anew: a rebalance is not parked or refused by a clock that was carried on and may have been set since.
    clock = time.read(at.broker)
    now, calendar = clock.now(), time.calendar(at.broker, clock.now())
    rebalance = woken(rebalance, now, at.now(rebalance))
    rebalance = with_expiry(dated(rebalance, clock.at(rebalance.wanted.sent_wall)), calendar)
    rebalance = rebalance.with_work(clock=clock.anchor)
    verdict = session_verdict(rebalance, calendar, now)
    if isinstance(verdict, Refusal):
        return _give_up(at, rebalance, verdict)
    if verdict:
        return _hold(at, waiting(rebalance, verdict), verdict)
    if not at.rebalances.take_turn(rebalance, now):
        return _hold(at, rebalance, _next_wait(rebalance, WaitingFor.TURN, TURN_BACKOFF_SECONDS))
    seen = look(at, rebalance, clock)
    book = _usable(at, rebalance, seen)
    if isinstance(book, Onward):
        return book
    planned = plan(book, targets_of(rebalance, at.worker.settings()))
    begun = rebalance.changed(
        status=RebalanceStatus.SELLING,
        planned_at=now,
        sells=planned.sells,
        buys=planned.buys,
        held=_held(seen, planned.sells),
        residual=planned.residual,
        equity=planned.equity,
        cash_before=seen.cash,
    )
    begun = at.note(_fresh(begun), summary(planned))
    if rebalance.wanted.dry_run or not (planned.sells or planned.buys):
        return _done(at, begun.changed(cash_after=seen.cash))
    halt = halt_of_plan(at.worker.halts(), rebalance.rebalance_id, rebalance.strategy, buys=bool(planned.buys))
    if halt:
        return _give_up(at, rebalance, refusal(halt))
    # In the same invocation: a hop of the machine would lie between the plan and the market that it was made for.
    # As a step of its own all the same: what fails from here on fails for the rebalance as it is written now.
    return advance(at, at.rebalances.save(begun, requeue=True))


def _usable(at: Rebalancer, rebalance: Rebalance, seen: Look) -> Book | Onward:
    """What a plan can be made from, or what is done while none can be made, or not of all that is wanted."""
    if isinstance(seen.book, Refusal):
        return _unusable(at, rebalance, seen.book)
    settling = _until_settled(at, rebalance, seen)
    if settling:
        since = rebalance.work.settling_since or at.now(rebalance)
        return _hold(at, rebalance.with_work(settling_since=since), settling)
    off = left_over(seen.book, targets_of(rebalance, at.worker.settings()))
    unknown = seen.book.unknown_cost
    # Before the plan as after the sells: to sell what then buys nothing would strand half of a portfolio.
    if unknown and not rebalance.wanted.dry_run and any(each.why == unknown for each in off):
        return _unusable(at, rebalance, Refusal(reason=Reason.NO_QUOTE, detail=unknown))
    # What the plan left out was waited for before that.
    known = {each.symbol for each in rebalance.residual}
    left_out = [each for each in off if each.symbol in seen.passing and each.symbol not in known]
    if rebalance.status is RebalanceStatus.SELLING:
        # Nothing more is sold: for what stayed unsold the cash of the others would lie idle.
        left_out = [each for each in left_out if each.drift < 0]
    lasts = _lasts(at, rebalance, WaitingFor.TRADABLE)
    if not left_out or lasts >= TRADABLE_WITHIN or rebalance.wanted.dry_run:
        return seen.book
    wait = _next_wait(rebalance, WaitingFor.TRADABLE, PRICES_LOOK_SECONDS)
    return _hold(at, rebalance, wait.changed(words=f"{wait.on.words}: {left_out[0].symbol}: {left_out[0].why}"))


def _until_settled(at: Rebalancer, rebalance: Rebalance, seen: Look) -> Wait | None:
    """The wait for the account to show what other orders of ours filled; where fills never cease it goes on without."""
    # By a clock of its own: in an account in which others trade all the time cash moves during every other look, and
    # the two waits would begin each other anew.
    since = rebalance.work.settling_since
    lasts = at.now(rebalance) - since if since else timedelta(0)
    if seen.settles_at is None or rebalance.wanted.dry_run or lasts >= SETTLES_WITHIN:
        return None
    left = (seen.settles_at - at.now(rebalance)).total_seconds()
    words = "waits until the account shows what was filled a moment ago"
    return Wait(seconds=max(1, math.ceil(left)), on=WaitingFor.TRADABLE, words=words)


def _unusable(at: Rebalancer, rebalance: Rebalance, why: Refusal) -> Onward:
    """What the market or the broker says amiss is read again for a while; what else forbids a plan does not pass so."""
    if _lasts(at, rebalance, WaitingFor.PRICES) >= _PASSES_WITHIN.get(why.reason, timedelta(0)):
        return _give_up(at, rebalance, why)
    wait = _next_wait(rebalance, WaitingFor.PRICES, PRICES_LOOK_SECONDS)
    words = wait.on.words if why.reason is Reason.BAD_QUOTE else "asks once more"
    return _hold(at, rebalance, wait.changed(words=f"{words}: {why.detail}"))


def _held(seen: Look, legs: Sequence[Leg]) -> dict[str, Decimal]:
    return {leg.symbol: seen.held.get(leg.symbol, ZERO) for leg in legs}


# ---- sell, then buy ----


def _sell(at: Rebalancer, rebalance: Rebalance) -> Onward:
    """Place the legs that free cash; once all are over and the account shows it, plan the buys and go on with them."""
    since_wall, orders = at.worker.time.wall(), _worked(at, rebalance, rebalance.sells)
    if not all_over(rebalance, rebalance.sells, orders, at.now(rebalance)):
        return _hold(at, rebalance, _next_wait(rebalance, WaitingFor.LEGS, LEGS_LOOK_SECONDS))
    rebalance, seen = _look_again(at, rebalance)
    before = rebalance.cash_before or ZERO
    late = not shows_shares(rebalance.held, orders.values(), seen.held)
    if late or not shows_cash(before, orders.values(), seen.cash):
        wait = _until_shown(rebalance)
        if wait:
            return _hold(at, rebalance, wait)
    stands = rebalance.changed(cash_after=seen.cash, cost_bps=cost_bps(orders.values()))
    book = _usable(at, stands, seen)
    if isinstance(book, Onward):
        return book
    if _session(at, rebalance) is None:
        why = "the session was over before anything could be bought"
        return _give_up(at, stands, Refusal(reason=Reason.MARKET_CLOSED, detail=why))
    # Of what really happened: a sell that did not fill shrinks the buys, and nothing is spent that is not there.
    targets = targets_of(rebalance, at.worker.settings())
    planned = plan_buys(book, targets)
    bought = rebalance.changed(
        status=RebalanceStatus.BUYING,
        buys=planned.buys,
        funds=planned_on(book, targets, planned, since_wall, seen.arrived),
        held=_held(seen, planned.buys),
        residual=planned.residual,
        cash_after=None,
        cost_bps=None,
    )
    bought = at.note(_fresh(bought), f"{count_of(planned.buys)} to buy from ${planned.spendable:,.2f}")
    return advance(at, at.rebalances.save(bought))


def _buy(at: Rebalancer, rebalance: Rebalance) -> Onward:
    """Place the legs that spend it; once all are over, look at everything anew: what is left, and why?"""
    orders = _worked(at, rebalance, rebalance.buys)
    if not all_over(rebalance, rebalance.buys, orders, at.now(rebalance)):
        return _hold(at, rebalance, _next_wait(rebalance, WaitingFor.LEGS, LEGS_LOOK_SECONDS))
    rebalance, seen = _look_again(at, rebalance)
    wait = None if shows_shares(rebalance.held, orders.values(), seen.held) else _until_shown(rebalance)
    if wait:
        return _hold(at, rebalance, wait)
    every = {**orders, **_orders_of(at, rebalance, rebalance.sells)}
    # What the legs did is known, whatever keeps the rest from being told.
    stands = rebalance.changed(cash_after=seen.cash, cost_bps=cost_bps(every.values()))
    if isinstance(seen.book, Refusal):
        return _unusable(at, stands, seen.book.changed(detail=f"what is left cannot be told: {seen.book.detail}"))
    left = explained(left_over(seen.book, targets_of(rebalance, at.worker.settings())), every.values())
    return _done(at, stands.changed(residual=left))


def _taken_back(at: Rebalancer, rebalance: Rebalance) -> Onward:
    """Place nothing more; once the legs that are being taken back are over, say what is left."""
    orders = _orders_of(at, rebalance, (*rebalance.sells, *rebalance.buys))
    if at_work(orders.values(), at.now(rebalance)):
        return _hold(at, rebalance, _next_wait(rebalance, WaitingFor.LEGS, LEGS_LOOK_SECONDS))
    return _give_up(at, rebalance, Refusal(reason=Reason.CANCELLED, detail="taken back before it was placed"))


def _worked(at: Rebalancer, rebalance: Rebalance, legs: Sequence[Leg]) -> dict[str, Order]:
    """The orders of legs, after the next ones were placed."""
    orders = _orders_of(at, rebalance, legs)
    missing = to_place(rebalance, legs, orders, at.now(rebalance))
    if missing:
        now, session = at.now(rebalance), _session(at, rebalance)
        # With the session over there is nothing to wait for: such a leg expires, and is what is left.
        closes_at = session.closes_at if session else now
        for leg in missing:
            order = order_of(rebalance, leg, now, at.worker.time.wall(), closes_at)
            arn = at.worker.executions.arn(order.order_id, 1)
            # Only while this execution owns the rebalance: another may have ended it, and given the leg up.
            at.rebalances.add_leg(rebalance, first_worked_by(order, arn))
            at.worker.executions.start(order.order_id, 1)
        orders = _orders_of(at, rebalance, legs)
    return orders


def _session(at: Rebalancer, rebalance: Rebalance) -> TradingDay | None:
    """The session that it was planned in, or None once that is over.

    A plan is not carried on the next day: its shares may have been split, and its weights may not be wanted any more.
    """
    now = at.now(rebalance)
    session = at.worker.time.calendar(at.broker, now).session_at(now)
    planned_at = rebalance.planned_at
    return session if session and planned_at and session.opens_at <= planned_at else None


def _orders_of(at: Rebalancer, rebalance: Rebalance, legs: Sequence[Leg]) -> dict[str, Order]:
    orders, broken = at.worker.orders.several([leg_id(rebalance, leg) for leg in legs])
    if broken:
        raise ValueError(f"records of legs cannot be read: {broken}")
    return orders


def _look_again(at: Rebalancer, rebalance: Rebalance) -> tuple[Rebalance, Look]:
    # Read anew: by a clock that is behind, a stale quote looks fresh.
    clock = at.worker.time.read(at.broker)
    rebalance = rebalance.with_work(clock=clock.anchor)
    return rebalance, look(at, rebalance, clock)


def _until_shown(rebalance: Rebalance) -> Wait | None:
    """The next wait for the account to show what the legs did; None: it has had its time, and counts as it is."""
    waits = _waits(rebalance, WaitingFor.ACCOUNT)
    if waits >= len(SHOWS_LEGS_SECONDS):
        return None
    return Wait(seconds=SHOWS_LEGS_SECONDS[waits], on=WaitingFor.ACCOUNT)


# ---- waits and ends ----


def _waits(rebalance: Rebalance, on: WaitingFor) -> int:
    return rebalance.work.waits if rebalance.work.waits_for is on else 0


def _next_wait(rebalance: Rebalance, on: WaitingFor, seconds: tuple[int, ...]) -> Wait:
    return Wait(seconds=backoff(seconds, _waits(rebalance, on)), on=on)


def _lasts(at: Rebalancer, rebalance: Rebalance, on: WaitingFor) -> timedelta:
    """For how long it has waited for the same thing."""
    since = rebalance.work.waits_since if rebalance.work.waits_for is on else None
    return at.now(rebalance) - since if since else timedelta(0)


def _fresh(rebalance: Rebalance) -> Rebalance:
    """As it goes on, after whatever it waited for."""
    nothing = {"waits_for": None, "waits_since": None, "settling_since": None, "parked_until": None}
    return rebalance.with_work(waits=0, failed_rounds=0, **nothing)


def _hold(at: Rebalancer, rebalance: Rebalance, wait: Wait) -> Onward:
    if rebalance.status is RebalanceStatus.RECEIVED:
        rebalance = rebalance.changed(status=RebalanceStatus.WAITING)
    return at.wait(rebalance, _WAITS[rebalance.status], wait)


def _broker_down(at: Rebalancer, rebalance: Rebalance, trouble: RetryError) -> Onward:
    """The broker does not answer: tried again for some minutes."""
    at.worker.log.error(f"broker: {trouble}", rebalance_id=rebalance.rebalance_id)
    return _outlast(at, rebalance, Refusal(reason=Reason.BROKER_UNAVAILABLE, detail=str(trouble)))


def _misconfigured(at: Rebalancer, rebalance: Rebalance, why: Refusal) -> Onward:
    """Only a person can mend it. Before the plan nothing is lost; after it, half of a portfolio would be."""
    if rebalance.planned_at is None:
        return _give_up(at, rebalance, why)
    left = REBALANCE_GIVEN_UP_AFTER - _lasts(at, rebalance, WaitingFor.BROKER)
    minutes = max(0, round(left.total_seconds() / 60))
    ends = f"given up in {minutes} minutes unless that is put right" if minutes else "given up now"
    told = at.alert_lasting(rebalance, why.reason, f"the rebalance is held up, and {ends}: {why.detail}")
    return _outlast(at, told, why)


def _outlast(at: Rebalancer, rebalance: Rebalance, why: Refusal) -> Onward:
    if _lasts(at, rebalance, WaitingFor.BROKER) >= REBALANCE_GIVEN_UP_AFTER:
        return _give_up(at, rebalance, why)
    return _hold(at, rebalance, _next_wait(rebalance, WaitingFor.BROKER, READ_BACKOFF_SECONDS))


def _give_up(at: Rebalancer, rebalance: Rebalance, why: Refusal) -> Onward:
    """It ends where it is: rejected when nothing was placed, else with whatever is left. Legs were told of already."""
    noted = at.note(rebalance, why.detail)
    if rebalance.planned_at is None:
        return _end(at, noted, RebalanceStatus.REJECTED, why.reason)
    return _end(at, _with_what_is_left(at, noted, why.detail), RebalanceStatus.DONE_WITH_RESIDUAL, why.reason)


def _with_what_is_left(at: Rebalancer, rebalance: Rebalance, why: str) -> Rebalance:
    """With what is left as its legs' records tell it, and `why` for those that were not placed."""
    # One that cannot be read is told as not placed: this must come to an end whatever the records are like.
    ids = [leg_id(rebalance, leg) for leg in (*rebalance.sells, *rebalance.buys)]
    orders, _ = at.worker.orders.several(ids)
    return rebalance.changed(residual=left_by_record(rebalance, orders, why))


def _done(at: Rebalancer, rebalance: Rebalance) -> Onward:
    status = RebalanceStatus.DONE if rebalance.wanted.dry_run else status_with(rebalance, rebalance.residual)
    return _end(at, rebalance, status)


def _end(at: Rebalancer, rebalance: Rebalance, status: RebalanceStatus, reason: Reason | None = None) -> Onward:
    ended = rebalance.ended(status, at.now(rebalance), reason)
    left = f", {len(ended.residual)} left" if ended.residual else ""
    finished = at.rebalances.finish(at.note(ended, f"{status}{f': {reason}' if reason else ''}{left}"))
    if reason is Reason.CANCELLED:
        at.worker.orders.forget_order(rebalance.rebalance_id, rebalance.signal_id)
    return _publish(at, finished)


def _publish(at: Rebalancer, rebalance: Rebalance) -> Onward:
    """Alert the operator if the outcome calls for it and publish it, each at least once, then mark it published."""
    if rebalance.work.published:
        return Onward(RebalanceRoute.DONE)
    # Who takes one back knows that it is not done; a leg in trouble is alerted by itself.
    if rebalance.status is not RebalanceStatus.DONE and rebalance.reason is not Reason.CANCELLED:
        at.alert(rebalance, in_words(rebalance))
    at.publish(rebalance, REBALANCED)
    at.rebalances.save(rebalance.with_work(published=True))
    at.worker.meter.put(line_of_rebalance(rebalance))
    return Onward(RebalanceRoute.DONE)
