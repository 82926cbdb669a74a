"""Reading the bodies of POST and PATCH /v2/orders."""

from __future__ import annotations

from decimal import Decimal

from desk.exchange.market.model import Intent, OrderClass, OrderType, Side, TimeInForce
from desk.exchange.market.requests import OrderRequest, Replacement, StopLoss
from desk.exchange.rules.shape import check_shape, check_tick
from desk.exchange.wire.errors import forbidden, invalid, unprocessable
from desk.exchange.wire.given import Given

MAX_CLIENT_ID = 128
_LONGEST_SYMBOL = 30


def read_order(body: Given) -> OrderRequest:
    """The order in the body. Raises ApiError as Alpaca refuses malformed orders."""
    _refuse_instructions(body)
    order_class = _class(body)
    groups = order_class is not OrderClass.SIMPLE
    take_profit = _take_profit(body) if groups else None
    request = OrderRequest(
        symbol=_symbol(body),
        side=body.needed(Side, "side"),
        type=body.needed(OrderType, "type", "order type"),
        time_in_force=body.needed(TimeInForce, "time_in_force"),
        qty=body.decimal("qty"),
        notional=body.decimal("notional"),
        limit_price=take_profit if order_class is OrderClass.OCO else body.decimal("limit_price", "limit price"),
        extended_hours=body.flag("extended_hours") or False,
        client_order_id=_client_id(body),
        position_intent=body.choice(Intent, "position_intent"),
        stop_price=body.decimal("stop_price", "stop price"),
        trail_price=body.decimal("trail_price"),
        trail_percent=body.decimal("trail_percent"),
        order_class=order_class,
        take_profit=take_profit,
        stop_loss=_stop_loss(body) if groups else None,
    )
    check_shape(request)
    return request


def read_replacement(body: Given) -> Replacement:
    """The changes in the body of a replace request. Raises ApiError for malformed ones."""
    _refuse_instructions(body)
    replacement = Replacement(
        qty=body.decimal("qty"),
        time_in_force=body.choice(TimeInForce, "time_in_force"),
        limit_price=body.decimal("limit_price", "limit price"),
        stop_price=body.decimal("stop_price", "stop price"),
        trail=body.decimal("trail"),
        client_order_id=_client_id(body),
    )
    if replacement.qty is not None and replacement.qty % 1:
        raise invalid("qty must be an integer")
    check_tick("limit_price", replacement.limit_price)
    check_tick("stop_price", replacement.stop_price)
    return replacement


def _refuse_instructions(body: Given) -> None:
    """Routing instructions are for accounts on the Elite plan, which this one is not.

    Seen: alpaca.markets/learn/optimize-your-orders-with-vwap-and-twap-on-alpaca.
    """
    if body.has("advanced_instructions"):
        raise forbidden("account not allowed to use advanced_instructions")


def _class(body: Given) -> OrderClass:
    name = body.text("order_class")
    if name in (None, "simple"):
        return OrderClass.SIMPLE
    if name == "mleg":
        raise unprocessable("order_class mleg is not supported")
    return body.needed(OrderClass, "order_class")


def _take_profit(body: Given) -> Decimal | None:
    part = body.part("take_profit")
    return part.decimal("limit_price", "take_profit.limit_price") if part is not None else None


def _stop_loss(body: Given) -> StopLoss | None:
    part = body.part("stop_loss")
    stop = part.decimal("stop_price", "stop_loss.stop_price") if part is not None else None
    if part is None or stop is None:
        return None
    return StopLoss(stop, part.decimal("limit_price", "stop_loss.limit_price"))


def _symbol(body: Given) -> str:
    symbol = body.text("symbol")
    if symbol is None:
        raise invalid("symbol is required")
    # An asset's id may stand in its place, and ids are in lower case.
    return symbol.upper() if len(symbol) < _LONGEST_SYMBOL else symbol


def _client_id(body: Given) -> str | None:
    value = body.text("client_order_id")
    if value is not None and len(value) > MAX_CLIENT_ID:
        raise invalid(f"client_order_id must be no more than {MAX_CLIENT_ID} characters")
    return value
