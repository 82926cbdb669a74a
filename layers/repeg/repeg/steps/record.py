"""RecordOutcome: the terminal record first, the news of it second, each safe to repeat."""

from __future__ import annotations

from repeg.domain.metrics.measured import lines_of
from repeg.domain.money import plain, told_apart
from repeg.domain.order.record import ZERO, Order
from repeg.domain.order.views import order_view
from repeg.domain.reasons import Reason, Status
from repeg.domain.routes import Next, Route
from repeg.domain.rules.life import is_told, ladder_over
from repeg.domain.rules.walking import concluded, is_exit, nominal_worst
from repeg.errors import StoreConflict
from repeg.events import CAP_BREACHED, OUTCOME
from repeg.worker.worker import Worker

_WORDS = {
    Reason.SLIPPAGE_EXCEEDED: "Smart executor rejected trade: excessive slippage",
    Reason.RISK_REWARD_TOO_LOW: "R/R ratio too low",
    Reason.FILL_TIMEOUT: "Order fill timeout",
}

_REFUSED_AT_INTAKE = (Reason.INVALID_SIGNAL, Reason.SIGNAL_CONFLICT)
"""The dead-letter queue raises its own alarm."""
_DUST = Reason.NOTIONAL_TOO_SMALL
"""The rest is worth less than a dollar: in the outcome, but no alert."""


def record(worker: Worker, order: Order) -> Next:
    """Write the terminal record, give the turn back, and publish the outcome.

    Raises:
        StoreConflict: a child order is still open, or its shares are neither guarded nor exited; it is not over.
        RetryError, or an error of the SDK's: the bus did not take the news.
    """
    if order.status.terminal:
        if not is_told(order):
            return _publish(worker, order)
        # Borrowed to look after its shares; kept, it would lock the symbol for every order to come.
        worker.orders.give_turn(order)
        return Next(Route.DONE)
    if order.open_child:
        raise StoreConflict(f"{order.open_child.client_order_id} may still fill")
    if ladder_over(order) is not Route.RECORD_OUTCOME:
        raise StoreConflict(f"{order.order_id} holds shares that were not seen to")
    ended = concluded(order, worker.now(order))
    if order.reason is Reason.CANCELLED and ended.status is Status.FILLED:
        ended = worker.note(ended, "it was filled before it could be taken back")
    ended = _as_counted(worker, ended)
    recorded = worker.orders.finish(worker.note(ended, _summary(ended)))
    if order.reason is Reason.CANCELLED:
        worker.orders.forget_order(order.order_id, order.signal_id)
    _settle(worker, recorded)
    _log_words(worker, ended)
    return _publish(worker, recorded)


def _as_counted(worker: Worker, order: Order) -> Order:
    """An entry whose worker died, or was refused, before it was counted was never sent: nothing of it counts."""
    counted = order.sending.counted
    if counted is None or order.sent or order.bygone.sent:
        return order
    # Not by the record: it says so before it is done, and that what was lost then may have been sent.
    try:
        known = order.order_id in worker.orders.counters(counted.day).entries
    except Exception as error:
        worker.log.info(f"whether it was counted cannot be read: {error}", order_id=order.order_id)
        return order
    return order if known else order.with_sending(counted=None)


def _settle(worker: Worker, order: Order) -> None:
    """Give back what the order counted for among the day's entries and did not use."""
    if order.sending.counted is None:
        return
    try:
        worker.orders.settle_entry(order, worker.now(order))
    except Exception as error:  # the sweep gives it back
        worker.log.info(f"it still counts as an entry at work: {error}", order_id=order.order_id)


def _summary(order: Order) -> str:
    if order.is_instruction:
        return f"{order.status}{f': {order.reason}' if order.reason else ''}"
    short = order.terms.working_qty is not None and order.terms.requested_qty is not None
    filled = f"{plain(order.filled_qty)} " + (
        f"of {plain(order.terms.requested_qty or ZERO)} asked" if short else "filled"
    )
    return f"{order.status}{f': {order.reason}' if order.reason else ''}, {filled}"


def _mend(order: Order) -> str:
    """The fix, where the reason alone does not say it."""
    if order.reason is not Reason.DAY_TRADE_LIMIT:
        return ""
    return f". {order.reason.explanation} Send it again then; what it would have left is protected"


def _beyond_cap(order: Order) -> str:
    """By the price that the cap comes to: of a cheap symbol it is a tick, however few basis points it says."""
    paid, cap = order.avg_fill_price or ZERO, nominal_worst(order) or ZERO
    bps = plain(order.terms.max_slippage_bps or ZERO)
    return f"filled at {told_apart(paid, cap)} on average, beyond its cap at {told_apart(cap, paid)} ({bps} bps)"


def _log_words(worker: Worker, order: Order) -> None:
    """The words that operators search the logs for."""
    told = [_WORDS[order.reason]] if order.reason in _WORDS else []
    if order.terms.bracket and order.status in (Status.FILLED, Status.PARTIALLY_FILLED) and order.guard.protected:
        told.append("Smart executor trade successful")
    for words in told if order.terms.bracket or order.reason is Reason.FILL_TIMEOUT else []:
        figures = {"slippage_bps": order.result.slippage_bps, "risk_reward": order.guard.risk_reward}
        seen = {name: plain(round(value, 4)) for name, value in figures.items() if value is not None}
        worker.log.info(words, order_id=order.order_id, signal_id=order.signal_id, symbol=order.symbol, **seen)


def _publish(worker: Worker, order: Order) -> Next:
    """Alert the operator if the outcome calls for it and publish it, each at least once, then mark it published."""
    left = order.status in (Status.FAILED, Status.UNWOUND)
    fine = order.status is Status.FILLED or order.reason in (*_REFUSED_AT_INTAKE, _DUST, Reason.CANCELLED)
    # Flat is what a close wants: there is nothing for anybody to do.
    flat = order.kind == "close" and order.status is Status.REJECTED and order.reason is Reason.NO_POSITION
    missed = is_exit(order) and not fine and not flat
    # Of an unwind the bracket tells that it leaves for: what became of the shares is known there.
    # Before it is marked published: a worker that dies in between repeats the alert, and does not lose it.
    if (left or missed) and order.kind != "unwind":
        worker.alert(order, f"{order.kind} of {order.symbol} did not complete: {_summary(order)}{_mend(order)}")
    if order.result.cap_breached:
        worker.alert(order, _beyond_cap(order))
    view = order_view(order)
    view.pop("events")
    worker.publisher.publish(OUTCOME, view)
    if order.result.cap_breached:
        worker.publisher.publish(CAP_BREACHED, view)
    if order.reason is Reason.PROTECTION_FAILED:
        from repeg.worker.trips import count_failure

        # Before it is marked as published: counted by its id, twice is once.
        count_failure(worker, order)
    worker.orders.save(order.with_run(published=True))
    # Behind the write that makes this the last time: a step that is taken again would count the order twice.
    for line in lines_of(order):
        worker.meter.put(line)
    return Next(Route.DONE)
