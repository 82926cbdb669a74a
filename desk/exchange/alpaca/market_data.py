"""Alpaca's market data: latest and historical quotes, trades and bars, and snapshots, of one or many symbols."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from desk.exchange.alpaca.views import bar_json, quote_json, trade_json
from desk.exchange.market.model import Bar
from desk.exchange.market.moments import MINUTE, SECOND, parse_instant
from desk.exchange.rules.settings import SIP_DENIED, entitled
from desk.exchange.venue.engine import Engine
from desk.exchange.venue.history import Timeframe
from desk.exchange.wire.errors import ApiError
from desk.exchange.wire.web import Reply, Request, Router

_FEEDS = frozenset(["sip", "iex", "delayed_sip", "boats", "overnight", "otc"])
_PAST_FEEDS = frozenset(["sip", "iex", "boats", "otc"])
_DELAY = 15 * MINUTE
_DAY = 24 * 60 * MINUTE
_DAY_LENGTH = len("2026-11-20")
_DEFAULT_LIMIT, _MAX_LIMIT = 1_000, 10_000
Reading = Callable[[str], Any]


@dataclass(frozen=True, slots=True)
class Span:
    """The part of the past that a request asks for, in nanoseconds."""

    start: int
    end: int


Past = Callable[[str, Span, Request], list[Any]]


class MarketDataApi:
    """REST v2 of the market data host. Symbols without a quote are left out."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        latest: dict[str, tuple[Reading, str, str]] = {
            "quotes": (self._quote, "quotes", "quote"),
            "trades": (self._trade, "trades", "trade"),
            "bars": (self._minute_bar, "bars", "bar"),
        }
        past: dict[str, Past] = {"quotes": self._quotes, "trades": self._trades, "bars": self._bars}
        routes: dict[str, Callable[..., Reply]] = {
            "GET /snapshots": lambda request: self._many(request, self._snapshot, None),
            "GET /{symbol}/snapshot": lambda request, symbol: self._one(request, symbol, self._snapshot, None),
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

    def _many(self, request: Request, read: Reading, wrapper: str | None) -> Reply:
        self._check_feed(request)
        found = {symbol: value for symbol in _symbols(request) if (value := read(symbol)) is not None}
        return Reply(200, {wrapper: found} if wrapper else found)

    def _one(self, request: Request, symbol: str, read: Reading, wrapper: str | None) -> Reply:
        self._check_feed(request)
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
        span = self._span(request)
        symbols = _symbols(request) if symbol is None else [symbol.upper()]
        descending = request.query.get("sort", "asc") == "desc"
        found = {name: look(name, span, request) for name in symbols}
        if descending:
            found = {name: items[::-1] for name, items in found.items()}
        page, token = _page(found, _limit(request), request.query.get("page_token", ""))
        if symbol is not None:
            page = {"symbol": symbols[0], wrapper: page.get(symbols[0], [])}
            return Reply(200, {**page, "next_page_token": token})
        return Reply(200, {wrapper: page, "next_page_token": token})

    def _quotes(self, symbol: str, span: Span, request: Request) -> list[Any]:
        return [quote_json(quote, quote.at) for quote in self._engine.history.quotes(symbol, span.start, span.end)]

    def _trades(self, symbol: str, span: Span, request: Request) -> list[Any]:
        return [trade_json(trade, trade.at) for trade in self._engine.history.trades(symbol, span.start, span.end)]

    def _bars(self, symbol: str, span: Span, request: Request) -> list[Any]:
        timeframe = Timeframe(request.query.get("timeframe", ""))
        bars: list[Bar] = self._engine.history.bars(symbol, timeframe, span.start, span.end)
        return [bar_json(bar) for bar in bars]

    def _span(self, request: Request) -> Span:
        now, feed = self._engine.now, request.query.get("feed") or "sip"
        if feed not in _PAST_FEEDS:
            raise ApiError(400, 40010001, f"invalid feed: {feed}")
        delayed = not entitled(self._engine.settings.subscription, feed)
        end = _instant(request, "end", now - _DELAY if delayed else now)
        if delayed and end > now - _DELAY:
            raise ApiError(403, 42210000, SIP_DENIED)
        return Span(_instant(request, "start", now - now % _DAY), min(end, now))

    def _check_feed(self, request: Request) -> None:
        feed = request.query.get("feed")
        if feed is not None and feed not in _FEEDS:
            raise ApiError(400, 40010001, f"invalid feed: {feed}")
        if feed is not None and not entitled(self._engine.settings.subscription, feed):
            raise ApiError(403, 42210000, SIP_DENIED)


def _symbols(request: Request) -> list[str]:
    symbols = sorted({s.strip().upper() for s in request.query.get("symbols", "").split(",") if s.strip()})
    if not symbols:
        raise ApiError(400, 40010001, "symbols parameter is required")
    return symbols


def _instant(request: Request, name: str, fallback: int) -> int:
    text = request.query.get(name)
    if not text:
        return fallback
    if text.isdigit():
        return int(text) * SECOND
    try:
        # A day as the end is the whole of that day.
        return parse_instant(text) + (_DAY - 1 if name == "end" and len(text) == _DAY_LENGTH else 0)
    except ValueError:
        raise ApiError(400, 40010001, f"invalid {name}: {text}") from None


def _limit(request: Request) -> int:
    text = request.query.get("limit") or str(_DEFAULT_LIMIT)
    if not text.isdigit() or not 1 <= int(text) <= _MAX_LIMIT:
        raise ApiError(400, 40010001, f"limit must be between 1 and {_MAX_LIMIT}")
    return int(text)


def _page(found: dict[str, list[Any]], limit: int, token: str) -> tuple[dict[str, Any], str | None]:
    """At most `limit` items, by symbol and then in time; the token names how many were given before of which symbol."""
    first, skip = _read_token(token)
    page: dict[str, Any] = {}
    left = limit
    for symbol in sorted(found):
        if symbol < first:
            continue
        done = skip if symbol == first else 0
        items = found[symbol][done : done + left]
        if items:
            page[symbol] = items
        left -= len(items)
        if done + len(items) < len(found[symbol]):
            return page, base64.b64encode(f"{symbol}|{done + len(items)}".encode()).decode()
    return page, None


def _read_token(token: str) -> tuple[str, int]:
    if not token:
        return "", 0
    try:
        symbol, _, count = base64.b64decode(token, validate=True).decode().partition("|")
        return symbol, int(count)
    except (binascii.Error, ValueError):
        raise ApiError(400, 40010001, "invalid page token") from None
