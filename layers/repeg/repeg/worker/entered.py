"""A bracket's entry that was filled just now: what it paid, where the broker shows no price, and its stop's side."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from repeg.domain.market.quotes import quote_rules
from repeg.domain.models import direction
from repeg.domain.money import plain
from repeg.domain.order.children import ChildRecord
from repeg.domain.order.record import ZERO, Order
from repeg.domain.order.reservation import Priority
from repeg.domain.order.verdicts import Refusal
from repeg.domain.patience import QUOTE_LOOKS_AFTER_FILL, QUOTE_PAUSE_AFTER_FILL_SECONDS
from repeg.domain.rules.entered import wants_a_look
from repeg.worker.worker import Worker


def priced(worker: Worker, order: Order) -> Order:
    """The order with a price for each of its fills, as far as there is one: levels are never computed without.

    Its child orders were read again for as long as a price may lag, and that was told. What the account says that the
    position cost is what this order paid, if the position is its alone and nothing has left.
    """
    missing = [child for child in order.children if child.filled_qty > 0 and not child.avg_fill_price]
    try:
        position = worker.broker_for(Priority.URGENT).position(order.symbol)
        # The average of a shared position mixes in what others paid: a stop measured from it would be nobody's.
        alone = all(other.order_id == order.order_id for other in worker.orders.holding(order.symbol))
    except Exception as error:  # whatever it is, it must not keep protection from being sent
        worker.log.error(f"the account cannot be asked what it paid: {error}", order_id=order.order_id)
        return order
    held = position.qty * direction(order.trading_side) if position else ZERO
    whole = held == order.filled_qty == order.unexited_qty
    if position is None or not missing or not alone or not whole:
        return order
    known = [child for child in order.children if child not in missing and child.avg_fill_price]
    paid = sum((child.filled_qty * (child.avg_fill_price or ZERO) for child in known), ZERO)
    price = (position.avg_entry_price * held - paid) / sum((child.filled_qty for child in missing), ZERO)
    return _at(worker, order, missing, price) if price > 0 else order


def _at(worker: Worker, order: Order, missing: Sequence[ChildRecord], price: Decimal) -> Order:
    for child in missing:
        order = order.with_child(child.changed(avg_fill_price=price))
    return worker.note(order, f"filled at {plain(price)} by what the position cost: the order shows no price")


def stop_is_through(worker: Worker, order: Order) -> Refusal | None:
    """The market is through the stop that the fill would get, where there is reason to doubt: two looks must say so.

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
