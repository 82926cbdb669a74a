"""Alpaca's market data host: quotes, snapshots and corporate actions; no call here costs a trading request."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any, TypeVar

from repeg.broker import alpaca_errors as errors
from repeg.broker import alpaca_market_parse as parse
from repeg.broker.alpaca_fields import Unreadable
from repeg.broker.alpaca_wire import NoAnswer, Reply, Wire
from repeg.domain.market.quotes import Quote, Snapshot
from repeg.domain.market.sessions import EASTERN
from repeg.domain.order.adjustments import CorporateAction
from repeg.domain.settings import SYMBOL
from repeg.errors import BrokerUnavailable, BudgetExhausted, CredentialsRefused, DataFeedDenied

Clock = Callable[[], datetime]
_Known = TypeVar("_Known")

_ACTIONS_AHEAD = timedelta(days=5)
_SYMBOLS = 100
"""Symbols that one call names: an address has its limits."""


class MarketData:
    """The market as one feed shows it. `now` is market time; `on_refused` is called when the keys are refused."""

    def __init__(self, data: Wire, *, feed: str, now: Clock, on_refused: Callable[[], None]) -> None:
        self._data = data
        self._feed = feed
        self._clock = now
        self._on_refused = on_refused

    def quote(self, symbol: str) -> Quote | None:
        """The latest quote of the configured feed."""
        reply = self._data_call("/stocks/quotes/latest", {"symbols": symbol, "feed": self._feed})
        return None if errors.says_unknown(reply) else read_answer(partial(parse.quote, symbol), reply)

    def snapshot(self, symbol: str, witnesses: Collection[str]) -> Snapshot:
        """The latest quote and trade of the configured feed, and how young its quotes of other symbols are."""
        others = sorted(set(witnesses) - {symbol})
        reply = self._data_call("/stocks/snapshots", {"symbols": ",".join((symbol, *others)), "feed": self._feed})
        if errors.says_unknown(reply):
            return Snapshot(quote=None)
        return read_answer(partial(parse.snapshot, symbol, others), reply)

    def snapshots(self, symbols: Collection[str], witnesses: Collection[str], today: date) -> dict[str, Snapshot]:
        """As `snapshot`, for many symbols, with the close before `today`; what is not known is left out."""
        found: dict[str, Snapshot] = {}
        # An account may hold what is no share: named among others, the whole call would be refused for it.
        tickers = [symbol for symbol in sorted(symbols) if SYMBOL.fullmatch(symbol)]
        for some in _batches(tickers, _SYMBOLS - len(witnesses)):
            found.update(self._snapshots(some, sorted(witnesses), today))
        return found

    def _snapshots(self, symbols: list[str], witnesses: list[str], today: date) -> dict[str, Snapshot]:
        names = sorted({*symbols, *witnesses})
        reply = self._data_call("/stocks/snapshots", {"symbols": ",".join(names), "feed": self._feed})
        if not errors.says_unknown(reply):
            return read_answer(lambda body: parse.snapshots(symbols, body, today), reply)
        if len(symbols) == 1:
            return {}
        # One of them is refused, and all with it.
        half = len(symbols) // 2
        return self._snapshots(symbols[:half], witnesses, today) | self._snapshots(symbols[half:], witnesses, today)

    def quotes(self, symbols: Collection[str]) -> dict[str, Quote]:
        """The latest quotes of the configured feed."""
        found: dict[str, Quote] = {}
        for some in _batches(sorted(symbols), _SYMBOLS):
            query = {"symbols": ",".join(some), "feed": self._feed}
            reply = self._data_call("/stocks/quotes/latest", query)
            found.update(read_answer(partial(parse.readable_quotes, some), reply))
        return found

    def corporate_actions_of(self, symbols: Collection[str], since: date) -> tuple[CorporateAction, ...]:
        """Splits and stock dividends, oldest first; those of the next session may be in the account already."""
        found: list[CorporateAction] = []
        for some in _batches(sorted(symbols), _SYMBOLS):
            query: dict[str, Any] = {
                "symbols": ",".join(some),
                "types": "forward_split,reverse_split,stock_dividend",
                "start": since.isoformat(),
                "end": (self._clock().astimezone(EASTERN).date() + _ACTIONS_AHEAD).isoformat(),
                "limit": 1000,
            }
            reply = self._data_call("/corporate-actions", query, version="v1")
            found += read_answer(partial(parse.corporate_actions, some), reply)
        return tuple(found)

    def _data_call(self, path: str, query: dict[str, Any], version: str = "v2") -> Reply:
        try:
            reply = self._data.call("GET", path, query, version)
        except NoAnswer as error:
            raise BrokerUnavailable(str(error)) from error
        if reply.status == 429:
            raise BudgetExhausted(errors.throttle_wait(reply.headers, self._clock()))
        if errors.denies_feed(reply):
            raise DataFeedDenied(f"the subscription does not include the {self._feed} feed: {reply}")
        if errors.refuses_credentials(reply):
            raise self._refused(reply)
        return reply

    def _refused(self, reply: Reply) -> CredentialsRefused:
        self._on_refused()
        return CredentialsRefused(f"the broker refuses the API keys: {reply}")


def read_answer(parser: Callable[[Any], _Known], reply: Reply) -> _Known:
    """What the parser makes of an answer. Raises `BrokerUnavailable`: it is an error, or cannot be read."""
    if not reply.ok:
        raise BrokerUnavailable(str(reply))
    try:
        return parser(reply.body)
    except Unreadable as error:
        raise BrokerUnavailable(f"{error}: {reply}") from error


def _batches(symbols: list[str], size: int) -> Iterator[list[str]]:
    return (symbols[place : place + size] for place in range(0, len(symbols), size))
