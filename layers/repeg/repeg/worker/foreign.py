"""Orders of the account that are not ours: which they are, and how they give way to a close that may ask them to."""

from __future__ import annotations

from repeg.broker.port import CancelOutcome
from repeg.domain.market.reports import OrderReport
from repeg.domain.models import Side, opposite
from repeg.domain.order.record import Order
from repeg.domain.order.reservation import Priority
from repeg.domain.patience import GIVE_WAY_LOOKS
from repeg.domain.proof.evidence import order_ids
from repeg.domain.rules.sizing import order_words
from repeg.errors import OperatorError, RetryError
from repeg.worker.worker import Worker


def foreign_orders(worker: Worker, symbol: str) -> tuple[OrderReport, ...]:
    """Open orders of the symbol that no record of ours names (one trading request)."""
    return _strangers(worker, symbol, _open(worker, symbol))


def _open(worker: Worker, symbol: str) -> list[OrderReport]:
    return [each for each in worker.broker_for(Priority.URGENT).open_orders() if each.symbol == symbol]


def _strangers(worker: Worker, symbol: str, reports: list[OrderReport]) -> tuple[OrderReport, ...]:
    if not reports:
        return ()
    known = [worker.orders.get(order_id) for order_id in sorted(order_ids(reports))]
    ours = [order for order in (*known, *worker.orders.holding(symbol)) if order]
    return tuple(each for each in reports if not any(_owns(order, each) for order in ours))


def _owns(order: Order, report: OrderReport) -> bool:
    # By either id: what replaced an order bears a client order id that is not ours, a fresh intent has none of theirs.
    sent = [(child.client_order_id, child.broker_order_id) for child in order.children]
    sent += [(oco.client_order_id, oco.broker_order_id) for oco in order.guard.protections]
    return any(report.client_order_id == ours or report.broker_order_id == theirs for ours, theirs in sent)


def against(worker: Worker, order: Order) -> tuple[tuple[OrderReport, ...], tuple[str, ...]]:
    """Somebody's open orders on the other side of the symbol, and the ids of ours there: those are cancelled.

    By one listing: what somebody sends between two would be taken for ours, and cancelled.
    """
    try:
        listed = _open(worker, order.symbol)
        strangers = {each.broker_order_id for each in _strangers(worker, order.symbol, listed)}
        found = tuple(each for each in listed if each.side == opposite(order.trading_side))
        ours = [each for each in found if each.broker_order_id not in strangers]
        for each in ours:
            worker.log.info(f"takes down our own {order_words(each)}", order_id=order.order_id)
            worker.broker_for(Priority.URGENT).cancel(each.broker_order_id)
    except (RetryError, OperatorError) as error:
        worker.log.info(f"open orders are not listed: {error}", order_id=order.order_id)
        return (), ()
    theirs = tuple(each for each in found if each.broker_order_id in strangers)
    return theirs, tuple(each.broker_order_id for each in ours)


def in_the_way(worker: Worker, symbol: str) -> tuple[OrderReport, ...]:
    """As `foreign_orders`; none if they cannot be listed now: an exit does not wait for names."""
    try:
        return foreign_orders(worker, symbol)
    except (RetryError, OperatorError) as error:
        worker.log.info(f"open orders are not listed: {error}", symbol=symbol)
        return ()


def make_way(worker: Worker, order: Order, side: Side) -> bool:
    """Cancel orders of `side` that are not ours, where the signal says so; True while one of them may still fill.

    Asked again with every look; an order counts as gone once a read by its id says that it is over.
    """
    if order.ask.foreign_orders != "cancel" or order.close.foreign_looks >= GIVE_WAY_LOOKS:
        return False
    broker = worker.broker_for(Priority.URGENT)
    waits = False
    for each in in_the_way(worker, order.symbol):
        if each.side != side:
            continue
        worker.log.info(f"takes down {order_words(each)}", order_id=order.order_id, symbol=order.symbol)
        # By id, since the list shows an order open for a moment after it is over.
        try:
            if broker.cancel(each.broker_order_id) is CancelOutcome.UNKNOWN_ORDER:
                continue
            seen = broker.order(each.broker_order_id)
        except (RetryError, OperatorError) as error:
            worker.log.info(f"not cancelled yet: {error}", order_id=order.order_id)
            seen = each
        waits = waits or (seen is not None and not seen.status.terminal)
    return waits
