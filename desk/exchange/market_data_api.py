"""Alpaca's latest market data: quotes, trades and snapshots of one or many symbols."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from desk.exchange.engine import Engine
from desk.exchange.errors import ApiError
from desk.exchange.views import quote_json, trade_json
from desk.exchange.web import Reply, Request, Router

_FEEDS = frozenset(["sip", "iex", "delayed_sip", "boats", "overnight", "otc"])
Reading = Callable[[str], Any]


class MarketDataApi:
    """REST v2 of the market data host. Symbols without a quote are left out."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.router = Router(
            "/v2/stocks",
            {
                "GET /quotes/latest": lambda request: self._many(request, self._quote, "quotes"),
                "GET /trades/latest": lambda request: self._many(request, self._trade, "trades"),
                "GET /snapshots": lambda request: self._many(request, self._snapshot, None),
                "GET /{symbol}/quotes/latest": lambda request, symbol: self._one(request, symbol, self._quote, "quote"),
                "GET /{symbol}/trades/latest": lambda request, symbol: self._one(request, symbol, self._trade, "trade"),
                "GET /{symbol}/snapshot": lambda request, symbol: self._one(request, symbol, self._snapshot, None),
            },
        )

    def _many(self, request: Request, read: Reading, wrapper: str | None) -> Reply:
        _check_feed(request)
        symbols = sorted({s.strip().upper() for s in request.query.get("symbols", "").split(",") if s.strip()})
        if not symbols:
            raise ApiError(400, 40010001, "symbols parameter is required")
        found = {symbol: value for symbol in symbols if (value := read(symbol)) is not None}
        return Reply(200, {wrapper: found} if wrapper else found)

    def _one(self, request: Request, symbol: str, read: Reading, wrapper: str | None) -> Reply:
        _check_feed(request)
        symbol = symbol.upper()
        value = read(symbol)
        if value is None:
            raise ApiError(404, 40410000, f"no {wrapper or 'snapshot'} found for {symbol}")
        return Reply(200, {"symbol": symbol, wrapper: value} if wrapper else {"symbol": symbol, **value})

    def _quote(self, symbol: str) -> Any:
        book = self._engine.books.get(symbol)
        return quote_json(book.quote, self._engine.now) if book and book.quote else None

    def _trade(self, symbol: str) -> Any:
        book = self._engine.books.get(symbol)
        at = book.last_sale_at(self._engine.now) if book else None
        return trade_json(book.last, at) if book and book.last and at is not None else None

    def _snapshot(self, symbol: str) -> Any:
        quote, trade = self._quote(symbol), self._trade(symbol)
        if quote is None and trade is None:
            return None
        return {"latestTrade": trade, "latestQuote": quote, "minuteBar": None, "dailyBar": None, "prevDailyBar": None}


def _check_feed(request: Request) -> None:
    feed = request.query.get("feed")
    if feed is not None and feed not in _FEEDS:
        raise ApiError(400, 40010001, f"invalid feed: {feed}")
