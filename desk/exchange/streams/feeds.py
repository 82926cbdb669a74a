"""The market data stream without a transport: who is subscribed to what, and what each of them is told."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from desk.exchange.alpaca.views import bar_json, imbalance_json, quote_json, status_json, trade_json
from desk.exchange.market.model import MarketEvent
from desk.exchange.market.moments import MINUTE, SECOND, eastern
from desk.exchange.market.sessions import session_on
from desk.exchange.rules.settings import entitled
from desk.exchange.streams import fakepaca
from desk.exchange.venue.engine import Engine
from desk.exchange.venue.history import Timeframe

# docs.alpaca.markets/docs/real-time-stock-pricing-data names all of these; in its answers `imbalances` is missing where
# nobody asked for them.
CHANNELS = (
    *("trades", "quotes", "bars", "updatedBars", "dailyBars"),
    *("statuses", "lulds", "corrections", "cancelErrors", "imbalances"),
)
_ONLY_IF_ASKED = "imbalances"
_FOLLOW_TRADES = ("corrections", "cancelErrors")
# docs.alpaca.markets/docs/streaming-market-data; so are the errors below, and the one connection for each feed.
_BASIC_SYMBOLS = 30
# The documents promise `invalid syntax` for a symbol in a wrong format, without saying which format is right.
_SYMBOL = re.compile(r"\*|[A-Za-z0-9][A-Za-z0-9./_-]{0,19}")
_ERRORS = {
    400: "invalid syntax",
    401: "not authenticated",
    402: "auth failed",
    403: "already authenticated",
    404: "auth timeout",
    405: "symbol limit exceeded",
    406: "connection limit exceeded",
    407: "slow client",
    409: "insufficient subscription",
    410: "invalid subscribe action for this feed",
}
_MINUTES, _DAYS = Timeframe("1Min"), Timeframe("1Day")
Message = dict[str, Any]
Deliver = Callable[[list[Message]], None]
Accepts = Callable[[str, str], bool]


def failure(code: int) -> Message:
    """The message that says what a client did wrong."""
    return {"T": "error", "code": code, "msg": _ERRORS[code]}


class Feeds:
    """All clients of the data stream. Quotes that hold are told again every second, bars once their minute is over."""

    def __init__(self, engine: Engine, accepts: Accepts) -> None:
        self._engine = engine
        self.accepts = accepts
        self.subscribers: list[Subscriber] = []
        self._beating = False
        engine.market_listeners.append(self._tell)
        engine.reset_listeners.append(self._after_reset)

    @property
    def subscription(self) -> str:
        return self._engine.settings.subscription

    def taken(self, feed: str) -> bool:
        """Whether a client of the feed is connected already."""
        return any(s.feed == feed and s.authenticated for s in self.subscribers)

    def beat(self) -> None:
        """See to it that every second of market time is marked."""
        if not self._beating:
            self._beating = True
            self._plan_beat()

    def _after_reset(self) -> None:
        self._beating = False
        if self.subscribers:
            self.beat()

    def _plan_beat(self) -> None:
        now = self._engine.now
        self._engine.schedule.add(now - now % SECOND + SECOND, self._on_second, relative=True)

    def _on_second(self) -> None:
        if not self.subscribers:
            self._beating = False
            return
        now = self._engine.now
        for symbol, book in self._engine.books.items():
            if book.quote is not None and not book.quote.frozen and now > book.quote.at:
                self._send("quotes", "q", symbol, partial(quote_json, book.quote, now))
        if now % MINUTE == 0:
            self._after_minute(now)
        if now % MINUTE == MINUTE // 2:
            # Alpaca sends a minute again when a trade of it came late, and for a share that trades much one nearly
            # always does. Here no trade is late, and every share is treated as one of those.
            self._send_minutes("updatedBars", "u", now - MINUTE // 2 - MINUTE)
        if now % fakepaca.BEAT == 0:
            self._send_test(now)
        self._plan_beat()

    def _after_minute(self, now: int) -> None:
        self._send_minutes("bars", "b", now - MINUTE)
        session = session_on(eastern(now).date())
        if session is not None and session.open < now <= session.post_close:
            self._send_bars("dailyBars", "d", _DAYS, _DAYS.start_of(now))

    def _send_minutes(self, channel: str, kind: str, start: int) -> None:
        self._send_bars(channel, kind, _MINUTES, start)

    def _send_bars(self, channel: str, kind: str, timeframe: Timeframe, start: int) -> None:
        for symbol in self._engine.books:
            if self._told(channel, symbol):
                bar = self._engine.history.bar(symbol, timeframe, start)
                if bar is not None:
                    self._send(channel, kind, symbol, partial(bar_json, bar))

    def _send_test(self, now: int) -> None:
        symbol = fakepaca.SYMBOL
        quote, trade = fakepaca.quote(now), fakepaca.trade(now)
        self._send("quotes", "q", symbol, partial(quote_json, quote, now), False)
        self._send("trades", "t", symbol, partial(trade_json, trade, now), False)
        if now % MINUTE == 0:
            self._send("bars", "b", symbol, lambda: bar_json(fakepaca.bar(now - MINUTE)), False)

    def _tell(self, event: MarketEvent) -> None:
        symbol = event.symbol
        if event.quote is not None:
            self._send("quotes", "q", symbol, partial(quote_json, event.quote, event.at))
        if event.trade is not None:
            self._send("trades", "t", symbol, partial(trade_json, event.trade, event.at))
        if event.halted is not None:
            self._send("statuses", "s", symbol, partial(status_json, event.halted, event.at))
        # Imbalances are typically told during halts (docs.alpaca.markets/docs/real-time-stock-pricing-data).
        if event.halted and (price := self._engine.mark(symbol)) is not None:
            self._send("imbalances", "i", symbol, partial(imbalance_json, price, event.at))

    def _told(self, channel: str, symbol: str, of_market: bool = True) -> list[Subscriber]:
        return [s for s in self.subscribers if s.of_market == of_market and s.wants(channel, symbol)]

    def _send(self, channel: str, kind: str, symbol: str, make: Callable[[], Message], of_market: bool = True) -> None:
        if told := self._told(channel, symbol, of_market):
            message = {"T": kind, "S": symbol, **make()}
            for subscriber in told:
                # Each frame is an array, also of one message: docs.alpaca.markets/docs/streaming-market-data.
                subscriber.deliver([message])


class Subscriber:
    """One client: the state of its connection, and the answers to what it says."""

    def __init__(self, feeds: Feeds, feed: str, deliver: Deliver) -> None:
        self._feeds = feeds
        self.feed = feed
        self.deliver = deliver
        self.authenticated = False
        channels = fakepaca.CHANNELS if feed == fakepaca.FEED else CHANNELS
        self._wanted: dict[str, dict[str, None]] = {channel: {} for channel in channels}
        feeds.subscribers.append(self)

    @property
    def of_market(self) -> bool:
        """Whether it hears of the market, not of the share of the test stream."""
        return self.feed != fakepaca.FEED

    def leave(self) -> None:
        self._feeds.subscribers.remove(self)

    def wants(self, channel: str, symbol: str) -> bool:
        wanted = self._wanted.get(channel, {})
        return symbol in wanted or "*" in wanted

    def receive(self, command: Any) -> Message:
        """The answer to a command (None: what came was not readable)."""
        if not isinstance(command, Mapping):
            return failure(400)
        action = command.get("action")
        if action == "auth":
            key, secret = command.get("key"), command.get("secret")
            if not isinstance(key, str) or not isinstance(secret, str):
                return failure(403 if self.authenticated else 402)
            # docs.alpaca.markets/docs/streaming-market-data: an application gives its user's token so.
            return self.authenticate(secret, "") if key == "oauth" else self.authenticate(key, secret)
        if action not in ("subscribe", "unsubscribe"):
            return failure(400)
        if not self.authenticated:
            return failure(401)
        return self._change(command, subscribe=action == "subscribe")

    def authenticate(self, key: str, secret: str) -> Message:
        """The answer to keys, or to a token without a secret."""
        if self.authenticated:
            return failure(403)
        if not key or not self._feeds.accepts(key, secret):
            return failure(402)
        if not entitled(self._feeds.subscription, self.feed):
            return failure(409)
        if self._feeds.taken(self.feed):
            return failure(406)
        self.authenticated = True
        return {"T": "success", "msg": "authenticated"}

    def _change(self, command: Mapping[str, Any], *, subscribe: bool) -> Message:
        # Of every channel that it knows Alpaca's client for Go sends a list or, for stocks as well, null: order books,
        # news and pricing (alpacahq/alpaca-trade-api-go, marketdata/stream/subscription.go).
        changes = {name: value for name, value in command.items() if name != "action" and value not in (None, [])}
        if any(name not in self._wanted for name in changes):
            return failure(410)
        if not all(_symbols(value) for value in changes.values()):
            return failure(400)
        if "trades" in changes:
            # Unasked, with the trades: docs.alpaca.markets/docs/real-time-stock-pricing-data.
            changes |= {name: changes["trades"] for name in _FOLLOW_TRADES if name in self._wanted}
        # On a copy: a change that is refused leaves all that was subscribed as it was.
        after = {channel: dict(symbols) for channel, symbols in self._wanted.items()}
        for channel, symbols in changes.items():
            for symbol in symbols:
                if subscribe:
                    after[channel][symbol] = None
                else:
                    after[channel].pop(symbol, None)
        distinct = {symbol for channel in ("trades", "quotes") for symbol in after[channel]}
        if self._feeds.subscription != "sip" and len(distinct) > _BASIC_SYMBOLS:
            return failure(405)
        self._wanted = after
        self._feeds.beat()
        told = {channel: list(symbols) for channel, symbols in after.items() if symbols or channel != _ONLY_IF_ASKED}
        return {"T": "subscription", **told}


def _symbols(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(s, str) and _SYMBOL.fullmatch(s) for s in value)
