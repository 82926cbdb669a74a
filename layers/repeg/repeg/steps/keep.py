"""A rung whose price is what rests already: the child order is left where it is, and stands for that rung, too."""

from __future__ import annotations

from repeg.domain.ladder.rungs import Rung
from repeg.domain.market.quotes import Quote
from repeg.domain.money import quoted
from repeg.domain.order.beginnings import by_clock
from repeg.domain.order.children import ChildRecord
from repeg.domain.order.record import Order
from repeg.domain.routes import Next
from repeg.domain.rules.resting import is_held_back, kept_for, may_rest_on
from repeg.domain.rules.walking import needs_quote, next_rung, rungs_walked
from repeg.errors import OperatorError, RetryError
from repeg.steps.beside import guard_rest
from repeg.worker.outcome import after_close, fold, proceed, read_child
from repeg.worker.worker import Look, Worker


def keep_resting(worker: Worker, order: Order, child: ChildRecord) -> Next | None:
    """Prolong a child order whose patience is over, if the next rung would rest at its price; None: cancel it.

    Nothing is sent for it, and whatever cannot be known now leads to the cancel.
    """
    # To let it rest on is another rung, and by a halt there is none.
    if not may_rest_on(order, child) or worker.halt(order):
        return None
    look = Look(worker.clock_of(order))
    try:
        now = look.clock.now()
        calendar = worker.time.calendar(worker.broker_for(order), now)
        rung = next_rung(order, calendar.trading_until(now, order.terms.outside_session), now)
        if not isinstance(rung, Rung):
            return None
        if needs_quote(order, rung) or child.type == "market":
            look = worker.fresh_quote(order, look.clock)
    except (RetryError, OperatorError) as error:
        worker.log.info(f"cannot be priced, so it is cancelled: {error}", order_id=order.order_id)
        return None
    quote = None if look.problem else look.quote
    if (look.problem and needs_quote(order, rung)) or is_held_back(child, quote):
        return None
    if kept_for(order, child, rung, quote, look.clock.now()) is None:
        return None
    return _prolonged(worker, by_clock(order, look.clock.anchor), child, rung, quote)


def _prolonged(worker: Worker, order: Order, child: ChildRecord, rung: Rung, quote: Quote | None) -> Next | None:
    """Read the child order once, as a cancel would have, and let it rest on."""
    # A fill may have come while the market was looked at: not read, its shares would stay bare for one more patience.
    broker_order_id = child.broker_order_id or ""
    look = read_child(worker, child, lambda: worker.broker_for(order).order(broker_order_id))
    order = fold(worker, order, child, look.report)
    child = order.children[-1]
    if child.status.closed:
        return after_close(worker, order, child)
    kept = kept_for(order, child, rung, quote, worker.now(order))
    if kept is None or (look.answered and look.report is None):
        return None
    price = quoted(kept.limit_price) or "market"
    order = worker.note(order, f"{kept.client_order_id} rests on at {price}, as rung {rungs_walked(order) + 1}, too")
    guard_rest(worker, order)
    return proceed(worker, order.with_child(kept), kept)
