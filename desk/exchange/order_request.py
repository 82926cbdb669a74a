"""Reading the body of POST /v2/orders: shape and ranges, before any rule of the market."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any, TypeVar

from desk.exchange.book import tick_of
from desk.exchange.errors import invalid, unprocessable
from desk.exchange.model import Intent, OrderRequest, OrderType, Side, TimeInForce

MAX_CLIENT_ID = 128
_MAX_DECIMALS = 9
_MAX_MAGNITUDE = 11
_MIN_NOTIONAL = Decimal(1)
_Choice = TypeVar("_Choice", bound=StrEnum)


def read_order(body: Mapping[str, Any]) -> OrderRequest:
    """The order in the body. Raises ApiError as Alpaca refuses malformed orders."""
    request = OrderRequest(
        symbol=_symbol(body),
        side=_choice(Side, body, "side"),
        type=_choice(OrderType, body, "type"),
        time_in_force=_choice(TimeInForce, body, "time_in_force"),
        qty=_amount(body, "qty"),
        notional=_amount(body, "notional"),
        limit_price=_price(body, "limit_price"),
        extended_hours=_flag(body, "extended_hours"),
        client_order_id=_client_id(body),
        position_intent=_choice(Intent, body, "position_intent") if body.get("position_intent") else None,
    )
    _check_class(body)
    _check_amounts(request)
    _check_prices(request)
    _check_hours(request)
    return request


def _check_class(body: Mapping[str, Any]) -> None:
    if (order_class := body.get("order_class") or "simple") != "simple":
        raise unprocessable(f"order_class {order_class} is not supported")


def _check_amounts(request: OrderRequest) -> None:
    if request.qty is None and request.notional is None:
        raise invalid("qty or notional is required")
    if request.qty is not None and request.notional is not None:
        raise invalid("only one of qty or notional is accepted")
    if request.notional is not None and request.notional < _MIN_NOTIONAL:
        raise invalid("notional must be >= 1.00")
    if request.fractional and request.time_in_force is not TimeInForce.DAY:
        raise unprocessable("fractional orders must be DAY orders")


def _check_prices(request: OrderRequest) -> None:
    price = request.limit_price
    if request.type is OrderType.LIMIT and price is None:
        raise invalid("limit orders require a limit price")
    if request.type is OrderType.MARKET and price is not None:
        raise invalid("market orders must not have a limit price")
    if price is not None and price % tick_of(price):
        text = format(price.normalize(), "f")
        raise unprocessable(
            f"invalid limit_price {text}. sub-penny increment does not fulfill minimum pricing criteria"
        )


def _check_hours(request: OrderRequest) -> None:
    if request.extended_hours and request.type is not OrderType.LIMIT:
        raise unprocessable("extended hours order must be DAY or GTC limit orders")


def _symbol(body: Mapping[str, Any]) -> str:
    symbol = body.get("symbol")
    if not isinstance(symbol, str) or not symbol:
        raise invalid("symbol is required")
    return symbol.upper() if len(symbol) < 30 else symbol


def _choice(kind: type[_Choice], body: Mapping[str, Any], name: str) -> _Choice:
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


def _amount(body: Mapping[str, Any], name: str) -> Decimal | None:
    if body.get(name) is None:
        return None
    number = _decimal(name, body[name])
    if number <= 0:
        raise invalid(f"{name} must be > 0")
    if number != round(number, _MAX_DECIMALS):
        raise invalid(f"{name} must have at most {_MAX_DECIMALS} decimal places")
    return number


def _price(body: Mapping[str, Any], name: str) -> Decimal | None:
    if body.get(name) is None:
        return None
    number = _decimal(name, body[name])
    if number <= 0:
        raise invalid(f"{name} must be > 0")
    return number


def _flag(body: Mapping[str, Any], name: str) -> bool:
    value = body.get(name)
    if value is not None and not isinstance(value, bool):
        raise invalid(f"invalid {name}")
    return bool(value)


def _client_id(body: Mapping[str, Any]) -> str | None:
    value = body.get("client_order_id")
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise invalid("invalid client_order_id")
    if len(value) > MAX_CLIENT_ID:
        raise invalid(f"client_order_id must be no more than {MAX_CLIENT_ID} characters")
    return value
