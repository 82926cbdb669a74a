"""Alpaca's account activities: of all the kinds there are, this account has fills alone."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from itertools import islice
from typing import Any
from uuid import NAMESPACE_OID, uuid5

from desk.exchange.market.model import OrderEvent
from desk.exchange.market.moments import DAY, EASTERN, MILLISECOND, eastern, to_ns, utc_midnight, utc_text
from desk.exchange.market.prices import plain
from desk.exchange.venue.engine import Engine
from desk.exchange.venue.history import History
from desk.exchange.wire.errors import invalid
from desk.exchange.wire.given import Given
from desk.exchange.wire.web import Reply, Request

_DEFAULT_PAGE, _MAX_PAGE = 100, 100
_STAMP = "%Y%m%d%H%M%S%f"
_TO_MILLISECONDS = 17
FILL = "FILL"
_NAMES = (
    "FILL TRANS MISC ACATC ACATS CFEE CGD CSD CSW DIV DIVCGL DIVCGS DIVFEE DIVFT DIVNRA DIVROC DIVTW DIVTXEX FEE FOPT "
    "INT INTNRA INTTW JNL JNLC JNLS MA NC OPASN OPCA OPCSH OPEXC OPEXP OPTRD PTC PTR REORG SPIN SPLIT"
)
_KINDS = frozenset(_NAMES.split())
_CATEGORIES = ("trade_activity", "non_trade_activity")


def activities(engine: Engine, request: Request, kind: str | None) -> Reply:
    """A page of fills, newest first unless asked otherwise.

    What it costs depends on the page, not on how many fills there were before it.
    """
    query = request.query
    descending = query.one_of("direction", ("asc", "desc"), "desc") == "desc"
    size = query.whole("page_size", 1, _MAX_PAGE, _DEFAULT_PAGE)
    wanted, history = _Filter(query), engine.history
    if FILL not in _kinds(query, kind):
        return Reply(200, [])
    token = query.text("page_token")
    last = _position(history, token) if token is not None else None
    count = len(history.executions)
    if descending:
        positions = range(count - 1 if last is None else last - 1, -1, -1)
    else:
        positions = range(0 if last is None else last + 1, count)
    found = (history.executions[position] for position in positions)
    return Reply(200, [_activity(execution) for execution in islice(filter(wanted.fits, found), size)])


class _Filter:
    """Which fills a request asks for: after and before instants, on a day (UTC), of an order. ApiError if bad."""

    def __init__(self, query: Given) -> None:
        self._after, self._until = query.instant("after"), query.instant("until")
        day = query.day("date")
        self._day = utc_midnight(day) if day is not None else None
        self._order = query.id("order_id")

    def fits(self, execution: OrderEvent) -> bool:
        at = execution.at
        return (
            (self._after is None or at > self._after)
            and (self._until is None or at < self._until)
            and (self._day is None or self._day <= at < self._day + DAY)
            and self._order in (None, execution.order.id)
        )


def _kinds(query: Given, kind: str | None) -> set[str]:
    """The types of activities that are asked for; a category cannot be asked for together with types."""
    kinds = set(query.names("activity_types")) | ({kind} if kind is not None else set())
    if unknown := sorted(kinds - _KINDS):
        raise invalid(f"invalid activity type: {unknown[0]}")
    category = query.text("category")
    if category is None:
        return kinds or {FILL}
    if kinds:
        raise invalid("category cannot be used with activity_types")
    query.one_of("category", _CATEGORIES, category)
    return {FILL} if category == _CATEGORIES[0] else set()


def _position(history: History, token: str) -> int | None:
    """Where the item with the id is among the executions, None if it is nowhere."""
    try:
        moment = datetime.strptime(token.partition("::")[0], _STAMP)
        first = to_ns(moment.replace(tzinfo=EASTERN))
    except (ValueError, OverflowError):
        return None
    positions = history.executed(first, first + MILLISECOND)
    return next((position for position in positions if _id(history.executions[position]) == token), None)


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
        "activity_type": FILL,
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
