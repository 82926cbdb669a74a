"""The market data stream without a transport: who is subscribed to what, and what each of them is told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from desk.exchange.alpaca.views import bar_json, quote_json, status_json, trade_json
from desk.exchange.market.model import MarketEvent
from desk.exchange.market.moments import MINUTE, SECOND
from desk.exchange.rules.settings import entitled
from desk.exchange.venue.engine import Engine
from desk.exchange.venue.history import Timeframe

CHANNELS = ("trades", "quotes", "bars", "updatedBars", "dailyBars", "statuses", "lulds", "corrections", "cancelErrors")
_FOLLOW_TRADES = ("corrections", "cancelErrors")
# docs.alpaca.markets/docs/streaming-market-data; so are the errors below, and the one connection for each feed.
_BASIC_SYMBOLS = 30
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
            self._send_bars(now - MINUTE)
        self._plan_beat()

    def _send_bars(self, start: int) -> None:
        minute = Timeframe("1Min")
        for symbol in self._engine.books:
            for bar in self._engine.history.bars(symbol, minute, start, start):
                self._send("bars", "b", symbol, partial(bar_json, bar))

    def _tell(self, event: MarketEvent) -> None:
        symbol = event.symbol
        if event.quote is not None:
            self._send("quotes", "q", symbol, partial(quote_json, event.quote, event.at))
        if event.trade is not None:
            self._send("trades", "t", symbol, partial(trade_json, event.trade, event.at))
        if event.halted is not None:
            self._send("statuses", "s", symbol, partial(status_json, event.halted, event.at))

    def _send(self, channel: str, kind: str, symbol: str, make: Callable[[], Message]) -> None:
        told = [subscriber for subscriber in self.subscribers if subscriber.wants(channel, symbol)]
        if told:
            message = {"T": kind, "S": symbol, **make()}
            for subscriber in told:
                subscriber.deliver([message])


class Subscriber:
    """One client: the state of its connection, and the answers to what it says."""

    def __init__(self, feeds: Feeds, feed: str, deliver: Deliver) -> None:
        self._feeds = feeds
        self.feed = feed
        self.deliver = deliver
        self.authenticated = False
        self._wanted: dict[str, dict[str, None]] = {channel: {} for channel in CHANNELS}
        feeds.subscribers.append(self)

    def leave(self) -> None:
        self._feeds.subscribers.remove(self)

    def wants(self, channel: str, symbol: str) -> bool:
        wanted = self._wanted[channel]
        return symbol in wanted or "*" in wanted

    def receive(self, command: Any) -> Message:
        """The answer to a command (None: what came was not readable)."""
        if not isinstance(command, Mapping):
            return failure(400)
        action = command.get("action")
        if action == "auth":
            return self._authenticate(command)
        if action not in ("subscribe", "unsubscribe"):
            return failure(400)
        if not self.authenticated:
            return failure(401)
        return self._change(command, subscribe=action == "subscribe")

    def _authenticate(self, command: Mapping[str, Any]) -> Message:
        key, secret = command.get("key"), command.get("secret")
        if self.authenticated:
            return failure(403)
        if not key or not secret or not self._feeds.accepts(str(key), str(secret)):
            return failure(402)
        if not entitled(self._feeds.subscription, self.feed):
            return failure(409)
        if self._feeds.taken(self.feed):
            return failure(406)
        self.authenticated = True
        return {"T": "success", "msg": "authenticated"}

    def _change(self, command: Mapping[str, Any], *, subscribe: bool) -> Message:
        changes = {name: value for name, value in command.items() if name != "action"}
        if any(name not in CHANNELS for name in changes):
            return failure(410)
        if not all(isinstance(v, list) and all(isinstance(s, str) for s in v) for v in changes.values()):
            return failure(400)
        if "trades" in changes:
            changes |= {name: changes["trades"] for name in _FOLLOW_TRADES}
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
        return {"T": "subscription", **{channel: list(symbols) for channel, symbols in after.items()}}
