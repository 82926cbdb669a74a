"""Alpaca's market data, latest and past: quotes, trades, bars, auctions and snapshots of one or many symbols."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from desk.exchange.alpaca.auctions import auctions_of
from desk.exchange.alpaca.history_request import HistoryRequest, bad, page_of, read_history
from desk.exchange.alpaca.meta import CONDITIONS, EXCHANGES
from desk.exchange.alpaca.views import bar_json, quote_json, trade_json
from desk.exchange.market.corporate import adjusted
from desk.exchange.rules.settings import SIP_DENIED, entitled
from desk.exchange.venue.engine import Engine
from desk.exchange.venue.history import Timeframe
from desk.exchange.wire.errors import ApiError
from desk.exchange.wire.values import symbol_of
from desk.exchange.wire.web import Reply, Request, Router

_FEEDS = frozenset(["sip", "iex", "delayed_sip", "boats", "overnight", "otc"])
_TAPES = ("A", "B", "C")
Reading = Callable[[str], Any]
Past = Callable[[str, HistoryRequest], list[Any]]


class MarketDataApi:
    """REST v2 of the market data host. Symbols without a quote are left out."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        latest: dict[str, tuple[Reading, str, str]] = {
            "quotes": (self._quote, "quotes", "quote"),
            "trades": (self._trade, "trades", "trade"),
            "bars": (self._minute_bar, "bars", "bar"),
        }
        past: dict[str, Past] = {
            "quotes": self._quotes,
            "trades": self._trades,
            "bars": self._bars,
            "auctions": self._auctions,
        }
        routes: dict[str, Callable[..., Reply]] = {
            "GET /snapshots": lambda request: self._many(request, self._snapshot, None),
            "GET /{symbol}/snapshot": lambda request, symbol: self._one(request, symbol, self._snapshot, None),
            "GET /meta/exchanges": lambda request: Reply(200, EXCHANGES),
            "GET /meta/conditions/{kind}": self._conditions,
        }
        for kind, (read, many, one) in latest.items():
            routes[f"GET /{kind}/latest"] = lambda request, r=read, w=many: self._many(request, r, w)
            routes[f"GET /{{symbol}}/{kind}/latest"] = lambda request, symbol, r=read, w=one: self._one(
                request, symbol, r, w
            )
        for kind, look in past.items():
            routes[f"GET /{kind}"] = lambda request, p=look, w=kind: self._past(request, p, w)
            routes[f"GET /{{symbol}}/{kind}"] = lambda request, symbol, p=look, w=kind: self._past(
                request, p, w, symbol
            )
        self.router = Router("/v2/stocks", routes)

    def _conditions(self, request: Request, kind: str) -> Reply:
        tape = request.query.refusing(bad).one_of("tape", _TAPES, "")
        if kind not in CONDITIONS:
            raise bad(f"invalid ticktype: {kind}")
        return Reply(200, CONDITIONS[kind][tape])

    def _many(self, request: Request, read: Reading, wrapper: str | None) -> Reply:
        self._check_feed(request)
        found = {symbol: value for symbol in _symbols(request) if (value := read(symbol)) is not None}
        return Reply(200, {wrapper: found} if wrapper else found)

    def _one(self, request: Request, symbol: str, read: Reading, wrapper: str | None) -> Reply:
        self._check_feed(request)
        symbol = _symbol(symbol)
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

    def _minute_bar(self, symbol: str) -> Any:
        return self._newest_bar(symbol, "1Min")

    def _newest_bar(self, symbol: str, timeframe: str, before: int = 0) -> Any:
        bar = self._engine.history.newest_bar(symbol, Timeframe(timeframe), before)
        return bar_json(bar) if bar is not None else None

    def _snapshot(self, symbol: str) -> Any:
        quote, trade = self._quote(symbol), self._trade(symbol)
        if quote is None and trade is None:
            return None
        return {
            "latestTrade": trade,
            "latestQuote": quote,
            "minuteBar": self._minute_bar(symbol),
            "dailyBar": self._newest_bar(symbol, "1Day"),
            "prevDailyBar": self._newest_bar(symbol, "1Day", 1),
        }

    def _past(self, request: Request, look: Past, wrapper: str, symbol: str | None = None) -> Reply:
        symbols = _symbols(request) if symbol is None else [_symbol(symbol)]
        asked = read_history(request.query.refusing(bad), wrapper, self._engine.now, self._engine.settings.subscription)
        found = {name: look(name, asked) for name in symbols}
        if asked.descending:
            found = {name: items[::-1] for name, items in found.items()}
        page, token = page_of(found, asked)
        if symbol is not None:
            page = {"symbol": symbols[0], wrapper: page.get(symbols[0], [])}
            return Reply(200, {**page, "next_page_token": token})
        return Reply(200, {wrapper: page, "next_page_token": token})

    def _quotes(self, symbol: str, asked: HistoryRequest) -> list[Any]:
        quotes = self._engine.history.quotes(symbol, asked.span.start, asked.span.end)
        return [quote_json(quote, quote.at) for quote in quotes]

    def _trades(self, symbol: str, asked: HistoryRequest) -> list[Any]:
        trades = self._engine.history.trades(symbol, asked.span.start, asked.span.end)
        return [trade_json(trade, trade.at) for trade in trades]

    def _bars(self, symbol: str, asked: HistoryRequest) -> list[Any]:
        timeframe = Timeframe(asked.timeframe)
        bars = self._engine.history.bars(symbol, timeframe, asked.span.start, asked.span.end)
        splits = self._engine.announced if asked.splits else []
        return [bar_json(adjusted(bar, symbol, splits)) for bar in bars]

    def _auctions(self, symbol: str, asked: HistoryRequest) -> list[Any]:
        trades = self._engine.history.trades(symbol, asked.span.start, asked.span.end)
        return auctions_of(trades, self._engine.now)

    def _check_feed(self, request: Request) -> None:
        query = request.query.refusing(bad)
        feed = query.text("feed")
        if feed is not None and feed not in _FEEDS:
            raise bad(f"invalid feed: {feed}")
        if (currency := query.text("currency")) not in (None, "USD"):
            raise bad(f"invalid currency: {currency}")
        if feed is not None and not entitled(self._engine.settings.subscription, feed):
            raise ApiError(403, 42210000, SIP_DENIED)


def _symbols(request: Request) -> list[str]:
    symbols = sorted({_symbol(name) for name in request.query.names("symbols")})
    if not symbols:
        raise bad("symbols parameter is required")
    return symbols


def _symbol(name: str) -> str:
    found = symbol_of(name)
    if found is None:
        raise bad(f"invalid symbol: {name}")
    return found
