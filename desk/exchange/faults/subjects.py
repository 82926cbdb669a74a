"""What a request or a message is about, as far as faults care: symbols, and the terms of one order."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from desk.exchange.market.model import Order
from desk.exchange.venue.blotter import Blotter
from desk.exchange.wire.errors import ApiError
from desk.exchange.wire.given import Given
from desk.exchange.wire.web import Request

TERMS = ("order_class", "side", "type", "client_order_id")
_SIMPLE = "simple"


@dataclass(frozen=True, slots=True)
class Subject:
    """Symbols in upper case; the terms are those of the order that is sent or named, empty if there is none."""

    symbols: frozenset[str] = frozenset()
    order_class: str = ""
    side: str = ""
    type: str = ""
    client_order_id: str = ""


def of_order(order: Order, symbols: frozenset[str] = frozenset()) -> Subject:
    """An order that exists."""
    return Subject(
        symbols=symbols | {order.symbol},
        order_class=order.order_class.value or _SIMPLE,
        side=order.side.value,
        type=order.type.value,
        client_order_id=order.client_order_id,
    )


def of_item(item: Mapping[str, Any]) -> Subject:
    """An order or a position (or anything with a symbol) in an answer."""
    return Subject(
        symbols=frozenset((str(item.get("symbol") or ""),)),
        order_class=str(item["order_class"] or _SIMPLE) if "order_class" in item else "",
        side=str(item.get("side") or ""),
        type=str(item.get("type") or ""),
        client_order_id=str(item.get("client_order_id") or ""),
    )


def of_request(request: Request, orders: Blotter) -> Subject:
    """A client's request: by its path and query, by the order it names, or by the order in its body."""
    symbols = {s.upper() for name in ("symbols", "symbol") for s in request.query.seen(name).split(",")}
    parts = request.path.split("/")
    # Paths name symbols in many places (/v2/positions/X, /v2/stocks/X/bars), and that ORDERS counts as a symbol, too,
    # harms nobody.
    symbols.update(part.upper() for part in parts)
    named = orders.get(parts[-1]) or orders.by_client_id(request.query.seen("client_order_id"))
    if named is not None:
        return of_order(named, frozenset(symbols))
    if not request.body:
        return Subject(frozenset(symbols))
    # A body that cannot be read is about nothing; the handler refuses it in Alpaca's words.
    with contextlib.suppress(ApiError):
        return _of_body(request.fields, frozenset(symbols))
    return Subject(frozenset(symbols))


def _of_body(body: Given, symbols: frozenset[str]) -> Subject:
    def term(name: str, fallback: str = "") -> str:
        return body.seen(name) or fallback

    return Subject(
        symbols=symbols | {term("symbol").upper()},
        order_class=term("order_class", _SIMPLE),
        side=term("side"),
        type=term("type"),
        client_order_id=term("client_order_id"),
    )
