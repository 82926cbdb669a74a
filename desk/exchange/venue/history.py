"""What the market has shown so far: quotes, trades and executions, for the historical endpoints."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Iterator, Sequence
from datetime import date, time, timedelta
from itertools import groupby, islice, pairwise
from operator import attrgetter
from typing import TypeVar

from desk.exchange.market.model import ZERO, Bar, MarketEvent, OrderEvent, Quote, Trade
from desk.exchange.market.moments import MINUTE, eastern, eastern_ns
from desk.exchange.wire.errors import ApiError

# A day of a liquid share has a million quotes, and a tape may play it for each symbol.
_KEPT = 50_000
_UNITS = {"Min": "minutes", "T": "minutes", "Hour": "hours", "H": "hours", "Day": "days", "D": "days"} | {
    "Week": "weeks",
    "W": "weeks",
    "Month": "months",
    "M": "months",
}
_Item = TypeVar("_Item", Quote, Trade)


class History:
    """The last 50,000 quotes and trades of each symbol, and all executions."""

    def __init__(self) -> None:
        self._quotes: dict[str, deque[Quote]] = {}
        self._trades: dict[str, deque[Trade]] = {}
        self.executions: list[OrderEvent] = []
        self._turns = [0]

    def note(self, event: MarketEvent) -> None:
        """Keep a quote or a trade."""
        if event.quote is not None:
            self._quotes.setdefault(event.symbol, deque(maxlen=_KEPT)).append(event.quote)
        if event.trade is not None:
            self._trades.setdefault(event.symbol, deque(maxlen=_KEPT)).append(event.trade)

    def put_past(self, symbol: str, trade: Trade) -> None:
        """A trade of an instant that is past, in its place among the others; one of the same instant gives way."""
        trades = [each for each in self._trades.get(symbol, ()) if each.at != trade.at]
        insort(trades, trade, key=attrgetter("at"))
        self._trades[symbol] = deque(trades, maxlen=_KEPT)

    def forget_after(self, instant: int) -> None:
        """Drop what has not happened yet (the clock was set back to the instant)."""
        # Executions stay, in the order in which they were; between two turns of the clock it is that of their times.
        self._turns.append(len(self.executions))
        for symbol, quotes in self._quotes.items():
            self._quotes[symbol] = deque((q for q in quotes if q.at <= instant), maxlen=_KEPT)
        for symbol, trades in self._trades.items():
            self._trades[symbol] = deque((t for t in trades if t.at <= instant), maxlen=_KEPT)

    def executed(self, first: int, end: int) -> Iterator[int]:
        """Positions of the executions from the one instant on and before the other."""
        for begin, stop in pairwise([*self._turns, len(self.executions)]):
            position = bisect_left(self.executions, first, begin, stop, key=attrgetter("at"))
            while position < stop and self.executions[position].at < end:
                yield position
                position += 1

    def quotes(self, symbol: str, start: int, end: int) -> list[Quote]:
        """Quotes from `start` to `end`, both included, oldest first."""
        return _between(self._quotes.get(symbol, ()), start, end)

    def trades(self, symbol: str, start: int, end: int) -> list[Trade]:
        """Trades from `start` to `end`, both included, oldest first."""
        return _between(self._trades.get(symbol, ()), start, end)

    def bars(self, symbol: str, timeframe: Timeframe, start: int, end: int) -> list[Bar]:
        """Bars that begin from `start` to `end`, of the trades there were; none where there was no trade."""
        trades = self._trades.get(symbol, ())
        groups = groupby(trades, lambda trade: timeframe.start_of(trade.at))
        return [bar_of(at, list(group)) for at, group in groups if start <= at <= end]

    def bar(self, symbol: str, timeframe: Timeframe, start: int) -> Bar | None:
        """The bar that begins at the instant, read from the newest trade back; None if there was no trade."""
        found = []
        for trade in reversed(self._trades.get(symbol, ())):
            begins = timeframe.start_of(trade.at)
            if begins < start:
                break
            if begins == start:
                found.append(trade)
        return bar_of(start, found[::-1]) if found else None

    def newest_bar(self, symbol: str, timeframe: Timeframe, before: int = 0) -> Bar | None:
        """The newest bar, or the one so many bars before it; None if there is none."""
        trades = reversed(self._trades.get(symbol, ()))
        groups = groupby(trades, lambda trade: timeframe.start_of(trade.at))
        found = next(islice(groups, before, None), None)
        return bar_of(found[0], list(found[1])[::-1]) if found else None


class Timeframe:
    """The length of a bar, as `15Min`, `1Hour`, `1Day`, `1Week` or `3Month`."""

    def __init__(self, text: str) -> None:
        digits = text[: len(text) - len(text.lstrip("0123456789"))]
        self._unit = _UNITS.get(text[len(digits) :], "")
        self._amount = int(digits or 0)
        most = {"minutes": 59, "hours": 23, "days": 1, "weeks": 1, "months": 12}.get(self._unit, 0)
        if not 1 <= self._amount <= most:
            raise ApiError(400, 40010001, f"invalid timeframe: {text}")
        self._day = (0, 0, 0)

    def start_of(self, instant: int) -> int:
        """The start of the bar that the instant belongs to; days begin at midnight in New York."""
        if self._unit in ("minutes", "hours"):
            length = self._amount * MINUTE * (60 if self._unit == "hours" else 1)
            return instant - instant % length
        # Asked for at each trade, nearly always of the day before it: New York's midnight is dear to find.
        midnight, next_midnight, start = self._day
        if midnight <= instant < next_midnight:
            return start
        today = day = eastern(instant).date()
        if self._unit == "weeks":
            day -= timedelta(days=day.weekday())
        elif self._unit == "months":
            day = day.replace(day=1, month=day.month - (day.month - 1) % self._amount)
        start = _midnight(day)
        self._day = (_midnight(today), _midnight(today + timedelta(days=1)), start)
        return start


def _midnight(day: date) -> int:
    return eastern_ns(day, time(0))


def _between(items: Sequence[_Item] | deque[_Item], start: int, end: int) -> list[_Item]:
    return [item for item in items if start <= item.at <= end]


def bar_of(at: int, trades: list[Trade]) -> Bar:
    """The bar of trades in their order, of which there is one at least."""
    prices = [trade.price for trade in trades]
    volume = sum((trade.size for trade in trades), ZERO)
    worth = sum((trade.price * trade.size for trade in trades), ZERO)
    return Bar(
        at=at,
        open=prices[0],
        high=max(prices),
        low=min(prices),
        close=prices[-1],
        volume=volume,
        count=len(trades),
        vwap=round(worth / volume, 6) if volume else prices[-1],
    )
