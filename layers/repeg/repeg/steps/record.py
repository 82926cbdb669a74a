"""RecordOutcome: the terminal record first, the news of it second, each safe to repeat."""

from __future__ import annotations

from repeg.domain.execution import after_rungs, concluded, is_exit
from repeg.domain.money import plain
from repeg.domain.orders import Order
from repeg.domain.reasons import Reason, Status
from repeg.domain.routes import Next, Route
from repeg.domain.views import order_view
from repeg.errors import StoreConflict
from repeg.events import CAP_BREACHED, OUTCOME
from repeg.steps.worker import Worker

_WORDS = {
    Reason.SLIPPAGE_EXCEEDED: "Smart executor rejected trade: excessive slippage",
    Reason.RISK_REWARD_TOO_LOW: "R/R ratio too low",
    Reason.FILL_TIMEOUT: "Order fill timeout",
}


def record(worker: Worker, order: Order) -> Next:
    """Write the terminal record, let the symbol's next order in, and tell of it.

    Raises:
        StoreConflict: a child order is still open, or what was bought was not seen to; such an order is not over.
        RetryError: the bus did not take the news.
    """
    if order.status.terminal:
        if order.published:
            worker.orders.give_turn(order)
        return _publish(worker, order)
    if order.open_child:
        raise StoreConflict(f"{order.open_child.client_order_id} may still fill")
    if after_rungs(order) is not Route.RECORD_OUTCOME:
        raise StoreConflict(f"{order.order_id} holds shares that were not seen to")
    ended = concluded(order, worker.now(order))
    summary = f"{ended.status}{f': {ended.reason}' if ended.reason else ''}, {ended.filled_qty} filled"
    recorded = worker.orders.finish(worker.note(ended, Route.RECORD_OUTCOME, summary))
    _log_words(worker, ended)
    left = ended.status in (Status.FAILED, Status.UNWOUND)
    if left or (is_exit(ended) and ended.status is not Status.FILLED):
        worker.alert(ended, f"{ended.kind} of {ended.symbol} did not complete: {summary}")
    if ended.cap_breached:
        worker.alert(ended, f"{ended.avg_fill_price} is beyond the cap of {ended.max_slippage_bps} bps")
    return _publish(worker, recorded)


def _log_words(worker: Worker, order: Order) -> None:
    """The words that operators search the logs for."""
    told = [_WORDS[order.reason]] if order.reason in _WORDS else []
    if order.bracket and order.status in (Status.FILLED, Status.PARTIALLY_FILLED) and order.protected:
        told.append("Smart executor trade successful")
    for words in told if order.bracket or order.reason is Reason.FILL_TIMEOUT else []:
        figures = {"slippage_bps": order.slippage_bps, "risk_reward": order.risk_reward}
        seen = {name: plain(round(value, 4)) for name, value in figures.items() if value is not None}
        worker.log.info(words, order_id=order.order_id, signal_id=order.signal_id, symbol=order.symbol, **seen)


def _publish(worker: Worker, order: Order) -> Next:
    """Publish the outcome (at least once), then mark it published."""
    if order.published:
        return Next(Route.DONE)
    view = order_view(order)
    view.pop("events")
    worker.publisher.publish(OUTCOME, view)
    if order.cap_breached:
        worker.publisher.publish(CAP_BREACHED, view)
    worker.orders.save(order.changed(published=True))
    return Next(Route.DONE)
