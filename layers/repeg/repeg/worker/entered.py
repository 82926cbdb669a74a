"""A look at the market right after a bracket's fill, where there is reason to doubt that its stop is behind it."""

from __future__ import annotations

from repeg.domain.market.quotes import quote_rules
from repeg.domain.order.record import Order
from repeg.domain.order.reservation import Priority
from repeg.domain.order.verdicts import Refusal
from repeg.domain.patience import QUOTE_LOOKS_AFTER_FILL, QUOTE_PAUSE_AFTER_FILL_SECONDS
from repeg.domain.rules.entered import wants_a_look
from repeg.worker.worker import Worker


def stop_is_through(worker: Worker, order: Order) -> Refusal | None:
    """The market is through the stop that the fill would get: two looks in a row must say so.

    Whatever else they show, or that they show nothing, is no reason to sell: the broker refuses a stop that is through.
    """
    price = order.avg_fill_price
    if order.terms.bracket is None or price is None or not wants_a_look(order):
        return None
    problem = None
    try:
        settings, broker = worker.settings(), worker.broker_for(Priority.URGENT)
        # Two in a row: a single quote may be a gap of the book, and a needless sale costs the spread.
        for look in range(QUOTE_LOOKS_AFTER_FILL):
            worker.sleep(QUOTE_PAUSE_AFTER_FILL_SECONDS if look else 0)
            seen = broker.snapshot(order.symbol, settings.feed_witnesses)
            doubt = quote_rules(settings, any_width=False).problem(seen, worker.now(order))
            problem = None if doubt or seen.quote is None else order.terms.bracket.stop_problem(seen.quote, price)
            if problem is None:
                return None
    except Exception as error:  # whatever it is, it must not keep protection from being sent
        worker.log.error(f"the market behind the fill cannot be seen: {error}", order_id=order.order_id)
        return None
    return problem
