"""Alpaca's account activities: of all the kinds there are, this account has fills alone."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import NAMESPACE_OID, uuid5

from desk.exchange.market.model import OrderEvent
from desk.exchange.market.moments import EASTERN, MILLISECOND, SECOND, eastern, parse_instant, to_ns, utc_text
from desk.exchange.market.prices import plain
from desk.exchange.venue.engine import Engine
from desk.exchange.wire.errors import invalid
from desk.exchange.wire.web import Reply, Request

_DEFAULT_PAGE, _MAX_PAGE = 100, 100
_STAMP = "%Y%m%d%H%M%S%f"
_TO_MILLISECONDS = 17
_DAY = 86_400 * SECOND


def activities(engine: Engine, request: Request, kind: str) -> Reply:
    """A page of fills, newest first unless asked otherwise.

    Of all fills only their instants are looked at; the JSON, which is dear, is made for those of the page.
    """
    query = request.query
    kinds = {k.strip() for k in query.get("activity_types", kind).split(",")}
    found = _within(engine.history.executions, query) if "FILL" in kinds else []
    if query.get("direction", "desc") == "desc":
        found.reverse()
    if token := query.get("page_token"):
        found = _beyond(found, token)
    size = query.get("page_size", str(_DEFAULT_PAGE))
    if not size.isdigit() or not 1 <= int(size) <= _MAX_PAGE:
        raise invalid(f"page_size must be between 1 and {_MAX_PAGE}")
    return Reply(200, [_activity(execution) for execution in found[: int(size)]])


def _within(executions: list[OrderEvent], query: Mapping[str, str]) -> list[OrderEvent]:
    """Executions after and before the instants, and on the day (UTC), that the query names."""
    after, until, day = (_instant(query, name) for name in ("after", "until", "date"))
    found = list(executions)
    if after is not None:
        found = [e for e in found if e.at > after]
    if until is not None:
        found = [e for e in found if e.at < until]
    if day is not None:
        found = [e for e in found if day <= e.at < day + _DAY]
    return found


def _instant(query: Mapping[str, str], name: str) -> int | None:
    try:
        return parse_instant(query[name]) if query.get(name) else None
    except ValueError:
        raise invalid(f"invalid {name}") from None


def _beyond(found: list[OrderEvent], token: str) -> list[OrderEvent]:
    """What comes after the item with the id; all, if there is none."""
    try:
        moment = datetime.strptime(token.partition("::")[0], _STAMP)
    except ValueError:
        return found
    first = to_ns(moment.replace(tzinfo=EASTERN))
    for position, execution in enumerate(found):
        if first <= execution.at < first + MILLISECOND and _id(execution) == token:
            return found[position + 1 :]
    return found


def _id(execution: OrderEvent) -> str:
    """Its New York time to the millisecond, which lets one find it again, and the id of the execution."""
    order = execution.order
    stamp = eastern(execution.at).strftime(_STAMP)[:_TO_MILLISECONDS]
    return f"{stamp}::{uuid5(NAMESPACE_OID, f'{order.id} {order.filled_qty}')}"


def _activity(execution: OrderEvent) -> dict[str, Any]:
    order, fill = execution.order, execution.fill
    assert fill is not None
    asked = order.qty if order.qty is not None else order.filled_qty
    complete = order.status == "filled"
    return {
        "id": _id(execution),
        "activity_type": "FILL",
        "transaction_time": utc_text(execution.at),
        "type": "fill" if complete else "partial_fill",
        "price": plain(fill.price),
        "qty": plain(fill.qty),
        "side": "sell_short" if order.position_intent == "sell_to_open" else order.side.value,
        "symbol": order.symbol,
        "leaves_qty": plain(max(asked - order.filled_qty, Decimal(0))),
        "order_id": order.id,
        "cum_qty": plain(order.filled_qty),
        "order_status": order.status.value,
    }
