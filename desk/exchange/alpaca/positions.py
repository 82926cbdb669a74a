"""Alpaca's position endpoints: reading, and closing by a market order."""

from __future__ import annotations

from decimal import ROUND_DOWN, Decimal
from typing import Any

from desk.exchange.alpaca.views import order_json, position_json
from desk.exchange.market.account import Position
from desk.exchange.market.assets import find_asset
from desk.exchange.market.model import SHARE_STEP, Order, OrderType, Side, TimeInForce
from desk.exchange.market.requests import OrderRequest
from desk.exchange.rules.shape import check_shape
from desk.exchange.venue.engine import Engine
from desk.exchange.wire.errors import ApiError, invalid, not_found
from desk.exchange.wire.given import Given
from desk.exchange.wire.web import Reply, Request

_ALL = 100


class PositionsApi:
    """REST v2 /positions."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def list_positions(self, request: Request) -> Reply:
        positions = self._engine.ledger.all_seen(self._engine.positions_known_at)
        return Reply(200, [position_json(self._engine, position) for position in positions])

    def position(self, request: Request, symbol: str) -> Reply:
        return Reply(200, position_json(self._engine, self._find(symbol)))

    def close(self, request: Request, symbol: str) -> Reply:
        position = self._find(symbol)
        return Reply(200, order_json(self._close(position, _part(request.query, position))))

    def close_all(self, request: Request) -> Reply:
        if request.query.flag("cancel_orders"):
            for order in self._engine.orders.open():
                self._engine.cancel_now(order)
        positions = self._engine.ledger.all_seen(self._engine.positions_known_at)
        return Reply(207, [self._try_close(position) for position in positions])

    def _try_close(self, position: Position) -> dict[str, Any]:
        try:
            order = self._close(position, abs(position.qty))
        except ApiError as problem:
            return {"symbol": position.symbol, "status": problem.status, "body": problem.body}
        return {"symbol": position.symbol, "status": 200, "body": order_json(order)}

    def _close(self, position: Position, qty: Decimal) -> Order:
        wanted = OrderRequest(
            symbol=position.symbol,
            side=Side.SELL if position.qty > 0 else Side.BUY,
            type=OrderType.MARKET,
            time_in_force=TimeInForce.DAY,
            qty=qty,
        )
        check_shape(wanted)
        return self._engine.submit(wanted)

    def _find(self, symbol: str) -> Position:
        asset = find_asset(self._engine.assets, symbol)
        if asset is None:
            raise not_found(f"symbol not found: {symbol}")
        position = self._engine.ledger.seen(asset.symbol, self._engine.positions_known_at)
        if position is None:
            raise not_found("position does not exist")
        return position


def _part(query: Given, position: Position) -> Decimal:
    """The shares to close.

    A percentage of whole shares is whole shares: docs.alpaca.markets/reference/deleteopenposition-1 ("would only sell
    fractional if position is originally fractional"). That the rest is left, not sold, is how it is read here.
    """
    held = abs(position.qty)
    qty, percentage = query.decimal("qty"), query.decimal("percentage")
    if qty is not None and percentage is not None:
        raise invalid("only one of qty or percentage is accepted")
    if qty is not None:
        return qty
    if percentage is None:
        return held
    if percentage > _ALL:
        raise invalid("percentage must be between 0 and 100")
    part = (held * percentage / _ALL).quantize(SHARE_STEP, ROUND_DOWN)
    return part if held % 1 else part // 1
