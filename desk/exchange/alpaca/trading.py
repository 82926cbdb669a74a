"""Alpaca's trading endpoints over the engine: orders, account, assets, clock, calendar."""

from __future__ import annotations

from datetime import date

from desk.exchange.alpaca.account import AccountApi
from desk.exchange.alpaca.orders import OrdersApi
from desk.exchange.alpaca.positions import PositionsApi
from desk.exchange.alpaca.views import asset_json, session_json
from desk.exchange.faults.rules import Faults
from desk.exchange.market.assets import find_asset
from desk.exchange.market.model import Asset
from desk.exchange.market.moments import eastern_text
from desk.exchange.market.sessions import FIRST_DAY, LAST_DAY, Phase, next_close, next_open, phase_at, sessions_between
from desk.exchange.venue.engine import Engine
from desk.exchange.wire.errors import invalid, not_found
from desk.exchange.wire.web import Reply, Request, Router


class TradingApi:
    """REST v2 of the trading host."""

    def __init__(self, engine: Engine, faults: Faults) -> None:
        self._engine = engine
        orders = OrdersApi(engine, faults)
        account = AccountApi(engine)
        positions = PositionsApi(engine)
        self.router = Router(
            "/v2",
            {
                "POST /orders": orders.submit,
                "GET /orders": orders.list_orders,
                "DELETE /orders": orders.cancel_all,
                "GET /orders:by_client_order_id": orders.by_client_id,
                "GET /orders/{order_id}": orders.order,
                "PATCH /orders/{order_id}": orders.replace,
                "DELETE /orders/{order_id}": orders.cancel,
                "GET /positions": positions.list_positions,
                "DELETE /positions": positions.close_all,
                "GET /positions/{symbol}": positions.position,
                "DELETE /positions/{symbol}": positions.close,
                "GET /account": account.account,
                "GET /account/configurations": account.configuration,
                "PATCH /account/configurations": account.configure,
                "GET /account/activities": account.activities,
                "GET /account/activities/{kind}": account.activities,
                "GET /account/portfolio/history": account.portfolio_history,
                "GET /assets": self.list_assets,
                "GET /assets/{symbol}": self.asset,
                "GET /clock": self.clock,
                "GET /calendar": self.calendar,
            },
        )

    def list_assets(self, request: Request) -> Reply:
        query = request.query
        assets = sorted(self._engine.assets.values(), key=lambda asset: asset.symbol)
        return Reply(200, [asset_json(asset) for asset in assets if _asset_listed(asset, query)])

    def asset(self, request: Request, symbol: str) -> Reply:
        asset = find_asset(self._engine.assets, symbol)
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


def _day(request: Request, name: str, fallback: date) -> date:
    value = request.query.get(name)
    try:
        return date.fromisoformat(value[:10]) if value else fallback
    except ValueError:
        raise invalid(f"invalid {name}") from None


def _asset_listed(asset: Asset, query: dict[str, str]) -> bool:
    return (
        query.get("status", asset.status) == asset.status
        and query.get("asset_class", asset.asset_class) == asset.asset_class
        and query.get("exchange", asset.exchange) == asset.exchange
    )
