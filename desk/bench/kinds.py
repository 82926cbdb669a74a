"""The kinds of orders whose cost is measured, each with the market that makes it what it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

Quote = tuple[str, str, int]
"""Bid, ask, shares on each side."""


@dataclass(frozen=True)
class Kind:
    """An order kind; `before` is a signal that is worked first and not counted, `away` how often the quote runs off.

    `others` are symbols that it is worked in beside its own, one after the other: right behind a trade of the same
    symbol its position is read, which a signal of every day need not.
    """

    name: str
    title: str
    signal: Mapping[str, Any]
    quote: Quote
    status: str = "filled"
    before: Mapping[str, Any] | None = None
    position: str | None = None
    away: tuple[int, str] = (0, "0")
    slow: bool = False
    others: tuple[str, ...] = ()

    def in_round(self, number: int) -> Kind:
        """The kind in the symbol of a round; the first, 0, has its own."""
        symbols = (self.symbol, *self.others)
        return replace(self, signal={**self.signal, "symbol": symbols[number % len(symbols)]})

    @property
    def symbol(self) -> str:
        return str(self.signal["symbol"])

    @property
    def script(self) -> list[dict[str, Any]]:
        """Each time a buy limit arrives, the quote moves up by a step, as often as asked."""
        times, step = self.away
        bid, ask, size = self.quote
        return [
            {
                "on": {"symbol": self.symbol, "event": "new", "side": "buy", "nth": nth},
                "symbol": self.symbol,
                "bid": str(Decimal(bid) + Decimal(step) * nth),
                "ask": str(Decimal(ask) + Decimal(step) * nth),
                "bid_size": size,
                "ask_size": size,
            }
            for nth in range(1, times + 1)
        ]


_BUY = {"kind": "order", "symbol": "TQQQ", "side": "buy", "qty": 100}
_SELL = {"kind": "order", "symbol": "TQQQ", "side": "sell", "qty": 100}
_STOCK = {"kind": "order", "symbol": "AAPL", "side": "buy", "qty": 10}
_BRACKET = {
    "kind": "bracket",
    "symbol": "CRWD",
    "side": "buy",
    "qty": 25,
    "signal_price": "534.82",
    "stop_loss": "529.47",
    "take_profit": "545.52",
}
_CLOSE = {"kind": "close", "symbol": "CRWD"}
_TQQQ, _AAPL = ("50.95", "50.98", 2000), ("229.95", "229.99", 800)
_CRWD_NEAR, _CRWD_AWAY = ("534.70", "534.80", 500), ("535.10", "535.20", 500)

KINDS = (
    Kind("buy_at_once", "order, buy, filled at once", _BUY, _TQQQ),
    Kind("sell_at_once", "order, sell, filled at once", _SELL, _TQQQ, position="100"),
    Kind("one_repeg", "order, one re-peg", _BUY, _TQQQ, away=(1, "0.03"), slow=True),
    Kind("full_ladder", "order, full ladder to market", _BUY, _TQQQ, away=(3, "0.02"), slow=True),
    Kind("standard", "order, standard, third limit", _STOCK, _AAPL, slow=True),
    Kind("bracket_at_once", "bracket, filled at once", _BRACKET, _CRWD_NEAR, others=("NVDA", "CRM", "ADBE", "ORCL")),
    Kind("bracket_unfilled", "bracket, 60 s unfilled", _BRACKET, _CRWD_AWAY, status="unfilled", slow=True),
    Kind("close", "close of a protected position", _CLOSE, _CRWD_NEAR, before=_BRACKET),
)
