"""Alpaca's trading endpoints over the engine: orders, account, assets, clock, calendar."""

from __future__ import annotations

from datetime import date

from desk.exchange.alpaca.account import AccountApi
from desk.exchange.alpaca.orders import OrdersApi
from desk.exchange.alpaca.portfolio import PortfolioApi
from desk.exchange.alpaca.positions import PositionsApi
from desk.exchange.alpaca.views import asset_json, session_json
from desk.exchange.alpaca.watchlists import WatchlistsApi
from desk.exchange.faults.rules import Faults
from desk.exchange.market.assets import find_asset
from desk.exchange.market.model import SHARES, Asset
from desk.exchange.market.moments import eastern_text
from desk.exchange.market.sessions import FIRST_DAY, LAST_DAY, Phase, next_close, next_open, phase_at, sessions_between
from desk.exchange.venue.engine import Engine
from desk.exchange.wire.errors import ApiError, invalid, not_found
from desk.exchange.wire.given import Given
from desk.exchange.wire.web import Reply, Request, Router

_DATE_TYPES = ("TRADING", "SETTLEMENT")
_ATTRIBUTES = frozenset(
    (
        *("ptp_no_exception", "ptp_with_exception", "ipo", "has_options", "options_late_close"),
        *("fractional_eh_enabled", "overnight_tradable", "overnight_halted"),
    )
)


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
                "GET /account/portfolio/history": PortfolioApi(engine).history,
                "GET /assets": self.list_assets,
                "GET /assets/{symbol}": self.asset,
                "GET /clock": self.clock,
                "GET /calendar": self.calendar,
                **WatchlistsApi(engine).routes,
            },
        )

    def list_assets(self, request: Request) -> Reply:
        assets = sorted(self._engine.assets.values(), key=lambda asset: asset.symbol)
        wanted = _AssetFilter(request.query)
        return Reply(200, [asset_json(asset) for asset in assets if wanted.fits(asset)])

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
        """Sessions whose day of trade, or of settlement, lies within a span."""
        query = request.query.refusing(_bad)
        start, end = query.day("start") or FIRST_DAY, query.day("end") or LAST_DAY
        settled = query.one_of("date_type", _DATE_TYPES, _DATE_TYPES[0]) == "SETTLEMENT"
        sessions = list(sessions_between(FIRST_DAY, LAST_DAY))
        # Alpaca's settle on the next session's day; the last one of the calendar has none.
        days: list[date | None] = [session.day for session in sessions[1:]]
        return Reply(
            200,
            [
                session_json(session, settlement.isoformat() if settlement else "")
                for session, settlement in zip(sessions, [*days, None], strict=True)
                if (asked := settlement if settled else session.day) is not None and start <= asked <= end
            ],
        )


class _AssetFilter:
    """Which assets a request asks for; ApiError for a bad field."""

    def __init__(self, query: Given) -> None:
        self._status = query.text("status")
        self._class = query.text("asset_class") or SHARES
        self._exchange = query.text("exchange")
        self._attributes = frozenset(query.names("attributes"))
        if unknown := sorted(self._attributes - _ATTRIBUTES):
            raise invalid(f"invalid attribute: {unknown[0]}")

    def fits(self, asset: Asset) -> bool:
        return (
            self._status in (None, asset.status)
            and self._class == asset.asset_class
            and self._exchange in (None, asset.exchange)
            and (not self._attributes or not self._attributes.isdisjoint(asset.attributes))
        )


def _bad(message: str) -> ApiError:
    # The calendar's refusals have HTTP status 400: docs.alpaca.markets/reference/legacycalendar.
    return ApiError(400, 40010001, message)
