"""Reading the bodies of POST and PATCH /v2/orders."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any, TypeVar

from desk.exchange.market.model import Intent, OrderClass, OrderType, Side, TimeInForce
from desk.exchange.market.requests import OrderRequest, Replacement, StopLoss
from desk.exchange.rules.shape import check_shape, check_tick
from desk.exchange.wire.errors import invalid, unprocessable

MAX_CLIENT_ID = 128
_MAX_DECIMALS = 9
_MAX_MAGNITUDE = 11
_Choice = TypeVar("_Choice", bound=StrEnum)
Body = Mapping[str, Any]


def read_order(body: Body) -> OrderRequest:
    """The order in the body. Raises ApiError as Alpaca refuses malformed orders."""
    order_class = _class(body)
    groups = order_class is not OrderClass.SIMPLE
    take_profit = _take_profit(body) if groups else None
    request = OrderRequest(
        symbol=_symbol(body),
        side=_choice(Side, body, "side"),
        type=_choice(OrderType, body, "type"),
        time_in_force=_choice(TimeInForce, body, "time_in_force"),
        qty=_amount(body, "qty"),
        notional=_price(body, "notional"),
        limit_price=take_profit if order_class is OrderClass.OCO else _price(body, "limit_price"),
        extended_hours=_flag(body, "extended_hours"),
        client_order_id=_client_id(body),
        position_intent=_choice(Intent, body, "position_intent") if body.get("position_intent") else None,
        stop_price=_price(body, "stop_price"),
        trail_price=_price(body, "trail_price"),
        trail_percent=_price(body, "trail_percent"),
        order_class=order_class,
        take_profit=take_profit,
        stop_loss=_stop_loss(body) if groups else None,
    )
    check_shape(request)
    return request


def read_replacement(body: Body) -> Replacement:
    """The changes in the body of a replace request. Raises ApiError for malformed ones."""
    replacement = Replacement(
        qty=_amount(body, "qty"),
        time_in_force=_choice(TimeInForce, body, "time_in_force") if body.get("time_in_force") else None,
        limit_price=_price(body, "limit_price"),
        stop_price=_price(body, "stop_price"),
        trail=_price(body, "trail"),
        client_order_id=_client_id(body),
    )
    if replacement.qty is not None and replacement.qty % 1:
        raise invalid("qty must be an integer")
    check_tick("limit_price", replacement.limit_price)
    check_tick("stop_price", replacement.stop_price)
    return replacement


def _class(body: Body) -> OrderClass:
    name = body.get("order_class") or "simple"
    if name == "simple":
        return OrderClass.SIMPLE
    if name == "mleg":
        raise unprocessable("order_class mleg is not supported")
    return _choice(OrderClass, body, "order_class")


def _part(body: Body, name: str) -> Body | None:
    part = body.get(name)
    if part is None:
        return None
    if not isinstance(part, dict):
        raise invalid(f"invalid {name}")
    return part


def _take_profit(body: Body) -> Decimal | None:
    part = _part(body, "take_profit")
    return _price(part, "limit_price", "take_profit.limit_price") if part is not None else None


def _stop_loss(body: Body) -> StopLoss | None:
    part = _part(body, "stop_loss")
    stop = _price(part, "stop_price", "stop_loss.stop_price") if part is not None else None
    if part is None or stop is None:
        return None
    return StopLoss(stop, _price(part, "limit_price", "stop_loss.limit_price"))


def _symbol(body: Body) -> str:
    symbol = body.get("symbol")
    if not isinstance(symbol, str) or not symbol:
        raise invalid("symbol is required")
    return symbol.upper() if len(symbol) < 30 else symbol


def _choice(kind: type[_Choice], body: Body, name: str) -> _Choice:
    value = body.get(name)
    if value is None or value == "":
        raise invalid(f"{name} is required")
    try:
        return kind(value)
    except ValueError:
        raise invalid(f"invalid {name}") from None


def _decimal(name: str, value: Any) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        raise invalid(f"invalid {name}")
    try:
        number = Decimal(value)
    except InvalidOperation:
        raise invalid(f"invalid {name}") from None
    if not number.is_finite() or abs(number.adjusted()) > _MAX_MAGNITUDE:
        raise invalid(f"invalid {name}")
    return number


def _amount(body: Body, name: str) -> Decimal | None:
    number = _price(body, name)
    if number is not None and number != round(number, _MAX_DECIMALS):
        raise invalid(f"{name} must have at most {_MAX_DECIMALS} decimal places")
    return number


def _price(body: Body, key: str, name: str | None = None) -> Decimal | None:
    name = name or key
    if body.get(key) is None:
        return None
    number = _decimal(name, body[key])
    if number <= 0:
        raise invalid(f"{name} must be > 0")
    return number


def _flag(body: Body, name: str) -> bool:
    value = body.get(name)
    if value is not None and not isinstance(value, bool):
        raise invalid(f"invalid {name}")
    return bool(value)


def _client_id(body: Body) -> str | None:
    value = body.get("client_order_id")
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise invalid("invalid client_order_id")
    if len(value) > MAX_CLIENT_ID:
        raise invalid(f"client_order_id must be no more than {MAX_CLIENT_ID} characters")
    return value
