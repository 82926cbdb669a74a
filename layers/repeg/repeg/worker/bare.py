"""Shares that got no OCO. They are sold on evidence about their price only; else they wait, and that is alerted."""

from __future__ import annotations

import math
from decimal import Decimal

from repeg.domain.market.sessions import EASTERN
from repeg.domain.models import direction
from repeg.domain.money import plain, quoted
from repeg.domain.order.alerts import bare_words
from repeg.domain.order.course import decided, went_on
from repeg.domain.order.guarding import put_off, seen_to, to_be_left, tried_in_vain, unguarded
from repeg.domain.order.record import ZERO, Order
from repeg.domain.order.reservation import Priority
from repeg.domain.order.verdicts import Refusal
from repeg.domain.patience import (
    BROKER_TRIES,
    KEYS_PAUSE_SECONDS,
    LAG_WAITS,
    READ_BACKOFF_SECONDS,
    SECOND_LOOK_SECONDS,
    STUCK_ENTRY_PAUSE_SECONDS,
    STUCK_OVERNIGHT_PAUSE_SECONDS,
    WAITED_OUT_SECONDS,
    backoff,
)
from repeg.domain.proof.agreement import frozen
from repeg.domain.proof.evidence import Proof
from repeg.domain.proof.leaving import filled_lately
from repeg.domain.proof.other_shares import bought_on
from repeg.domain.reasons import Reason
from repeg.domain.routes import Next, Route
from repeg.domain.rules.bracket_exit import is_through, levels_of
from repeg.domain.rules.life import is_seen_to, ladder_over, was_left_in_vain
from repeg.domain.rules.refusals import SHARES_LACK, Denial, Doubt, Sort, try_again_in
from repeg.errors import OperatorError, RepegError, RetryError
from repeg.worker.adjust import book_outside
from repeg.worker.evidence import find_out, other_shares
from repeg.worker.oco import find_lost, read_exits
from repeg.worker.worker import Worker

BARE = "bare"


def after_refusal(worker: Worker, order: Order, reason: Reason, message: str) -> Next | Order:
    """What a refused OCO leads to: another try, an exit, or a wait; or the order, if something new was learnt of it.

    That the market is through the stop is worth a sale only if a fresh quote says so: at once if the broker says it
    too, else on a second look. Nothing else that a broker may say of an OCO is.
    """
    told_through = reason is Reason.STOP_THROUGH
    if reason not in SHARES_LACK and through_stop(worker, order, looks=1 if told_through else 2):
        detail = f"the market is through the stop at {quoted(levels_of(order).stop)} ({message})"
        return leave(worker, order, Refusal(reason=Reason.PROTECTION_FAILED, detail=detail))
    doubts = frozenset({Doubt.CONTRADICTED}) if told_through else frozenset[Doubt]()
    wait = try_again_in(Denial(reason=reason, of=Sort.PROTECTION, times=order.guard.refusals, doubts=doubts))
    if wait is not None:
        return worker.wait(went_on(order), Route.WAIT_TO_PROTECT, wait)
    if not order.status.terminal:
        # Believed to one answer, its fill may be why: what nobody bought is neither guarded nor sold.
        from repeg.worker.unfilled import goes_on_unfilled

        following = goes_on_unfilled(worker, order)
        if following:
            return following
    if reason in SHARES_LACK:
        return _short_of_shares(worker, order)
    if reason is Reason.DAY_TRADE_LIMIT:
        return _wait_for_another_day(worker, order, message)
    return give_up(worker, order, message)


def through_stop(worker: Worker, order: Order, looks: int = 1) -> bool | None:
    """True when every one of so many looks at the market, a second apart, shows it through the stop; None: not seen."""
    stop = levels_of(order).stop
    for look in range(looks):
        if look:
            worker.sleep(SECOND_LOOK_SECONDS)
        try:
            seen = worker.fresh_quote(order, worker.clock_of(order))
        except (RetryError, OperatorError) as error:
            worker.log.info(f"no quote to measure the stop by: {error}", order_id=order.order_id)
            return None
        # Shares are sold on evidence about their price: a market that cannot be seen, or is none, gives no evidence.
        if seen.quote is None or seen.problem:
            return None
        if not is_through(seen.quote, stop, order.trading_side):
            return False
        split = other_shares(worker, order, seen.quote)
        if split:
            worker.log.info(f"the stop cannot be measured: {split.why}", order_id=order.order_id)
            return None
    return True


def split_ahead(worker: Worker, order: Order) -> str:
    """In words, a split that keeps an OCO from being placed: its levels are those of the shares before; else empty."""
    if bought_on(order) >= worker.now(order).astimezone(EASTERN).date():
        return ""
    try:
        seen = worker.fresh_quote(order, worker.clock_of(order))
        split = other_shares(worker, order, None if seen.problem else seen.quote)
    except (RetryError, OperatorError) as error:
        worker.log.info(f"no quote to place protection by: {error}", order_id=order.order_id)
        split = other_shares(worker, order, None)
    return split.why if split else ""


def leave(worker: Worker, order: Order, problem: Refusal, for_good: bool = False) -> Next:
    """Exit a position that is not worth holding, or that is past its stop.

    Outside the session nothing can be sold. What should not have been bought (`for_good`) is exited at the open,
    whatever the market does until then; anything else is looked at again there.
    """
    if was_left_in_vain(order):
        return give_up(worker, order, problem.detail)
    detail = problem.detail
    if not worker.session_open(order):
        if not for_good:
            waits = put_off(order, worker.next_open(order))
            return give_up(worker, waits, f"{detail}; it is looked at again at the next open")
        detail = f"{detail}; the position is left at the next open"
        worker.alert(order, f"{order.unexited_qty} {order.symbol}: {detail}")
    # How an order ended was published: what its position meets later does not change that.
    leaving = order if order.status.terminal else decided(order, problem.reason)
    worker.orders.save(worker.note(to_be_left(leaving), detail))
    return Next(Route.UNWIND_POSITION)


def give_up(worker: Worker, order: Order, why: str) -> Next:
    """Nothing helped for now: the operator is alerted, and the sweep tries on."""
    if order.terms.outside_session and not order.status.terminal and not worker.session_open(order):
        # Wanted without protection until the open.
        return wait_out(worker, put_off(order, worker.next_open(order)))
    detail = f"{bare_words(order)}: {why}"
    order = worker.alert_lasting(order, BARE, detail)
    # An entry whose cancel hangs keeps the order from ending: it is watched on here, not by the sweep.
    if order.open_child:
        again = tried_in_vain(order)
        return worker.wait(again, Route.WAIT_FOR_CANCEL, STUCK_ENTRY_PAUSE_SECONDS)
    order = order if order.status.terminal else decided(order, Reason.PROTECTION_FAILED)
    order = worker.note(seen_to(unguarded(order)), detail)
    return Next(ladder_over(worker.orders.save(order)))


def wait_out(worker: Worker, order: Order) -> Next:
    """Nothing can be done before `waits_until`. The sweep starts the last minute of a long wait, which ends here."""
    until = order.care.waits_until or worker.now(order)
    left = (until - worker.now(order)).total_seconds()
    bare = unguarded(order) if order.unguarded_qty > 0 else order
    if order.open_child:
        return worker.wait(bare, Route.WAIT_FOR_CANCEL, max(1, min(STUCK_OVERNIGHT_PAUSE_SECONDS, math.ceil(left))))
    if left <= WAITED_OUT_SECONDS:
        return worker.wait(bare, Route.WAIT_TO_PROTECT, max(1, math.ceil(left)))
    if not is_seen_to(order):
        bare = worker.note(bare, f"{bare_words(order)} until {until:%a %H:%M} UTC")
    return Next(ladder_over(worker.orders.save(seen_to(bare))))


def wait_for_operator(worker: Worker, order: Order, why: str) -> Next:
    """Keys are refused now and then: it is the operator's matter only when a few tries, keys read anew, do not help."""
    # Valid keys have been refused for seconds and for hours (github.com/alpacahq/Alpaca-API/issues/118 and /228).
    waiting, tries = order.with_guard(key_waits=order.guard.key_waits + 1), order.guard.key_waits
    if tries < BROKER_TRIES:
        return worker.wait(waiting, Route.WAIT_TO_PROTECT, READ_BACKOFF_SECONDS[tries])
    told = worker.alert_lasting(waiting, "keys", f"{bare_words(order)}: {why}")
    return worker.wait(told, Route.WAIT_TO_PROTECT, KEYS_PAUSE_SECONDS)


def _wait_for_another_day(worker: Worker, order: Order, message: str) -> Next:
    """A day-trading rule holds until the next trading day: asking every few minutes is of no use."""
    opens = worker.next_open(order)
    when = f"at the next open, {opens:%a %d %b %H:%M} UTC" if opens else "by the sweep"
    mend = "Only the broker, or more equity, lifts its day-trading rule before"
    return give_up(worker, put_off(order, opens), f"{message}. {mend}; it is tried again {when}")


def _short_of_shares(worker: Worker, order: Order) -> Next | Order:
    """The broker goes on saying that the shares are not there: somebody sold them, or other orders hold them."""
    # An OCO that was given up, and arrived, holds exactly these shares: found again, it guards them.
    revived = find_lost(worker, order)
    if revived is not order:
        return revived
    # Beside a sale that is at the market the account shows fewer: what is missing is known once that is booked.
    if order.guard.lent:
        return give_up(worker, order, "other orders hold the shares, or they are gone")
    known = without_missing(worker, order)
    if known is not order:
        return known
    missing = _missing(worker, order)
    # Orders and positions have disagreed for ten seconds (github.com/alpacahq/Alpaca-API/issues/276): right after
    # a fill, shares that do not show were not sold by somebody.
    if missing > 0 and filled_lately(order, worker.now(order)):
        tries = order.guard.refusals - len(LAG_WAITS) - 1
        if tries == 0:
            worker.alert(order, f"{bare_words(order)}: {plain(missing)} do not show in the account yet; it is tried on")
        return worker.wait(order, Route.WAIT_TO_PROTECT, backoff(READ_BACKOFF_SECONDS, tries))
    fewer = f"the account shows {plain(missing)} {order.symbol} fewer than the records"
    held = "the broker takes no OCO over them, other orders may hold them"
    return give_up(worker, order, fewer if missing > 0 else held)


def without_missing(worker: Worker, order: Order) -> Order:
    """The order less what somebody else sold of it, if that is proven; frozen if the account shows other shares."""
    if filled_lately(order, worker.now(order)):
        return order
    try:
        return _proven(worker, order)
    except RepegError:
        raise
    except Exception as error:  # a record that cannot be read, say: it must not keep protection from being sent
        worker.log.error(f"the account cannot be compared: {error}", order_id=order.order_id)
        return order


def _proven(worker: Worker, order: Order) -> Order:
    others = [each for each in worker.orders.holding(order.symbol) if each.order_id != order.order_id]
    # The exits of the others are read first: what a stop of theirs has just sold would seem to be missing here.
    brackets = [*(read_exits(worker, each) for each in others), order]
    brackets = sorted((each for each in brackets if each.unexited_qty > 0), key=lambda each: each.ask.received_wall)
    finding, brackets = find_out(worker, brackets)
    order = next(each for each in brackets if each.order_id == order.order_id)
    # At the levels of before a split its stop, or its target, would sell at once.
    if finding.proof in (Proof.SPLIT, Proof.ADJUSTED):
        return worker.orders.save(worker.note(frozen(order, finding.why), f"not protected: {finding.why}"))
    if finding.proof is not Proof.GONE:
        return order
    after = book_outside(worker, brackets, finding, worker.now(order))
    return next(each for each in after if each.order_id == order.order_id)


def _missing(worker: Worker, order: Order) -> Decimal:
    """Shares that the account holds fewer than this order's record says; a look that fails proves nothing."""
    try:
        position = worker.broker_for(Priority.URGENT).position(order.symbol)
        held = max(ZERO, position.qty * direction(order.trading_side)) if position else ZERO
        return order.unexited_qty - max(ZERO, held - _held_by_others(worker, order))
    except Exception as error:  # whatever it is, it must not keep protection from being sent
        worker.log.error(f"the account cannot be compared: {error}", order_id=order.order_id)
        return ZERO


def _held_by_others(worker: Worker, order: Order) -> Decimal:
    """Shares of the symbol that other brackets hold."""
    others = [each for each in worker.orders.holding(order.symbol) if each.order_id != order.order_id]
    return sum((read_exits(worker, each).unexited_qty for each in others), ZERO)
