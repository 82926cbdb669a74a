"""What splits and stock dividends do to the account and its orders."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

from msgspec.structs import replace

from desk.exchange.market.corporate import CorporateAction
from desk.exchange.market.model import Order, Status
from desk.exchange.market.prices import on_tick
from desk.exchange.rules.drafting import trail_from
from desk.exchange.venue.engine import Engine


class OrderPolicy(StrEnum):
    """What becomes of open orders: their quantity follows (as at Alpaca), nothing, all of it follows, or they end."""

    # The stop of ten times the new price was reached at the open: alpacahq/alpaca-py#469.
    QUANTITY = "quantity"
    KEEP = "keep"
    RESCALE = "rescale"
    CANCEL = "cancel"


def carry_out(engine: Engine, action: CorporateAction, policy: OrderPolicy, cash_in_lieu: Decimal | None) -> None:
    """Let the account's position and its open orders follow. `cash_in_lieu`: dollars a share paid for a fraction."""
    engine.ledger.rescale(action.symbol, action.ratio, engine.now, cash_in_lieu)
    engine.journal.corporate_action(engine.now, action, engine.ledger.held(action.symbol))
    if policy is OrderPolicy.KEEP:
        return
    # By id, each read anew: ending one member of a group ends others of this list.
    for order in engine.orders.open(action.symbol):
        _follow(engine, order.id, action.ratio, policy)


def _follow(engine: Engine, order_id: str, ratio: Decimal, policy: OrderPolicy) -> None:
    order = engine.find(order_id)
    if order.status.final:
        return
    qty = _quantity(order, ratio)
    if policy is OrderPolicy.CANCEL or qty == order.filled_qty:
        engine.life.finish(order, Status.CANCELED)
        return
    order = replace(order, qty=qty)
    if policy is OrderPolicy.RESCALE:
        order = _repriced(order, ratio)
    engine.change(order, "restated")


def _quantity(order: Order, ratio: Decimal) -> Decimal | None:
    """What it has filled, and as many shares as the rest has become: whole ones, if it was for whole ones."""
    if order.qty is None:
        return None
    left = (order.qty - order.filled_qty) * ratio
    return order.filled_qty + (left // 1 if order.whole else round(left, 9))


def _repriced(order: Order, ratio: Decimal) -> Order:
    def moved(price: Decimal | None) -> Decimal | None:
        return None if price is None else on_tick(price / ratio)

    order = replace(
        order,
        limit_price=moved(order.limit_price),
        stop_price=moved(order.stop_price),
        trail_price=moved(order.trail_price),
        collar=moved(order.collar),
        reserve_price=order.reserve_price / ratio,
    )
    return order if order.hwm is None else trail_from(order, order.hwm / ratio)
