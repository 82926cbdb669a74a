"""Alpaca's trading endpoints over the engine: orders, account, assets, clock, calendar."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

from desk.exchange.engine import Engine
from desk.exchange.errors import ApiError, invalid, not_found
from desk.exchange.faults import Faults, Kind
from desk.exchange.model import Asset, Order
from desk.exchange.moments import eastern_text, parse_instant
from desk.exchange.order_request import read_order
from desk.exchange.positions_api import PositionsApi
from desk.exchange.sessions import FIRST_DAY, LAST_DAY, Phase, next_close, next_open, phase_at, sessions_between
from desk.exchange.settings import nanoseconds
from desk.exchange.views import account_json, asset_json, order_json, session_json
from desk.exchange.web import Reply, Request, Router

_MAX_LIST = 500
_DEFAULT_LIST = 50


class TradingApi:
    """REST v2 of the trading host."""

    def __init__(self, engine: Engine, faults: Faults) -> None:
        self._engine = engine
        self._faults = faults
        positions = PositionsApi(engine)
        self.router = Router(
            "/v2",
            {
                "POST /orders": self.submit,
                "GET /orders": self.list_orders,
                "DELETE /orders": self.cancel_all,
                "GET /orders:by_client_order_id": self.by_client_id,
                "GET /orders/{order_id}": self.order,
                "DELETE /orders/{order_id}": self.cancel,
                "GET /positions": positions.list_positions,
                "DELETE /positions": positions.close_all,
                "GET /positions/{symbol}": positions.position,
                "DELETE /positions/{symbol}": positions.close,
                "GET /account": self.account,
                "GET /assets": self.list_assets,
                "GET /assets/{symbol}": self.asset,
                "GET /clock": self.clock,
                "GET /calendar": self.calendar,
            },
        )

    def submit(self, request: Request) -> Reply:
        order = read_order(request.fields)
        rejected = self._fault(Kind.REJECT, request, order.symbol)
        return Reply(200, order_json(self._engine.submit(order, reject=rejected)))

    def cancel(self, request: Request, order_id: str) -> Reply:
        order = self._engine.find(_order_id(order_id))
        if not order.status.final and order.status != "pending_cancel":
            self._engine.cancel(order.id, stuck=self._fault(Kind.STUCK_CANCEL, request, order.symbol))
        else:
            self._engine.cancel(order.id)
        return Reply(204)

    def cancel_all(self, request: Request) -> Reply:
        return Reply(207, [self._try_cancel(request, order) for order in self._engine.orders.open()])

    def _try_cancel(self, request: Request, order: Order) -> dict[str, Any]:
        try:
            self.cancel(request, order.id)
        except ApiError as problem:
            return {"id": order.id, "status": problem.status, "body": problem.body}
        return {"id": order.id, "status": 200}

    def _fault(self, kind: Kind, request: Request, symbol: str) -> bool:
        return self._faults.draw((kind,), request.method, request.path, frozenset((symbol,))) is not None

    def order(self, request: Request, order_id: str) -> Reply:
        return Reply(200, order_json(self._engine.find(_order_id(order_id))))

    def by_client_id(self, request: Request) -> Reply:
        client_order_id = request.query.get("client_order_id", "")
        if not client_order_id:
            raise invalid("client_order_id is missing")
        order = self._engine.orders.by_client_id(client_order_id)
        if order is None:
            raise not_found(f"order not found for {client_order_id}")
        return Reply(200, order_json(order))

    def list_orders(self, request: Request) -> Reply:
        query = request.query
        state = query.get("status", "open")
        if state not in ("open", "closed", "all"):
            raise invalid("invalid status")
        if (direction := query.get("direction", "desc")) not in ("asc", "desc"):
            raise invalid("invalid direction")
        request.flag("nested")
        seen = self._engine.orders.as_of(self._engine.now - nanoseconds(self._engine.settings.list_lag_ms))
        found = [o for o in seen if (state == "all" or (state == "closed") == o.status.final) and _listed(o, query)]
        found.sort(key=lambda order: order.number, reverse=direction == "desc")
        return Reply(200, [order_json(order) for order in found[: _limit(query)]])

    def account(self, request: Request) -> Reply:
        return Reply(200, account_json(self._engine))

    def list_assets(self, request: Request) -> Reply:
        query = request.query
        assets = sorted(self._engine.assets.values(), key=lambda asset: asset.symbol)
        return Reply(200, [asset_json(asset) for asset in assets if _asset_listed(asset, query)])

    def asset(self, request: Request, symbol: str) -> Reply:
        assets = self._engine.assets
        asset = assets.get(symbol.upper()) or next((a for a in assets.values() if a.id == symbol), None)
        if asset is None:
            raise not_found(f"asset not found for {symbol}")
        return Reply(200, asset_json(asset))

    def clock(self, request: Request) -> Reply:
        now = self._engine.now
        return Reply(
            200,
            {
                "timestamp": eastern_text(now),
                "is_open": phase_at(now) is Phase.CORE,
                "next_open": eastern_text(next_open(now)),
                "next_close": eastern_text(next_close(now)),
            },
        )

    def calendar(self, request: Request) -> Reply:
        start = _day(request, "start", FIRST_DAY)
        end = _day(request, "end", LAST_DAY)
        sessions = list(sessions_between(start, LAST_DAY))
        settlements = [s.day.isoformat() for s in sessions[1:]] + [""]
        return Reply(200, [session_json(s, t) for s, t in zip(sessions, settlements, strict=False) if s.day <= end])


def _order_id(text: str) -> str:
    try:
        return str(UUID(text))
    except ValueError:
        raise invalid("order_id is missing") from None


def _day(request: Request, name: str, fallback: date) -> date:
    value = request.query.get(name)
    try:
        return date.fromisoformat(value[:10]) if value else fallback
    except ValueError:
        raise invalid(f"invalid {name}") from None


def _instant(query: dict[str, str], name: str) -> int | None:
    try:
        return parse_instant(query[name]) if query.get(name) else None
    except ValueError:
        raise invalid(f"invalid {name}") from None


def _limit(query: dict[str, str]) -> int:
    text = query.get("limit", str(_DEFAULT_LIST))
    if not text.isdigit() or not 1 <= int(text) <= _MAX_LIST:
        raise invalid(f"limit must be between 1 and {_MAX_LIST}")
    return int(text)


def _listed(order: Order, query: dict[str, str]) -> bool:
    after, until = _instant(query, "after"), _instant(query, "until")
    symbols = {s.strip().upper() for s in query.get("symbols", "").split(",") if s.strip()}
    return (
        (after is None or order.created_at > after)
        and (until is None or order.created_at < until)
        and (not symbols or order.symbol in symbols)
        and query.get("side", order.side.value).lower() == order.side.value
    )


def _asset_listed(asset: Asset, query: dict[str, str]) -> bool:
    return (
        query.get("status", asset.status) == asset.status
        and query.get("asset_class", "us_equity") == "us_equity"
        and query.get("exchange", asset.exchange) == asset.exchange
    )
