"""Splits and stock dividends, and how they are told of."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from decimal import Context, Decimal
from enum import StrEnum
from typing import Any
from uuid import NAMESPACE_DNS, uuid5

from desk.exchange.market.model import Bar
from desk.exchange.market.moments import eastern

_CUSIP_DIGITS = 10**9
_PRICES = ("open", "high", "low", "close", "vwap")
# Wide, as quantize raises where what comes out has more digits than its context.
_FINE, _WIDE = Decimal("0.0001"), Context(prec=80)


class ActionType(StrEnum):
    FORWARD_SPLIT = "forward_split"
    REVERSE_SPLIT = "reverse_split"
    STOCK_DIVIDEND = "stock_dividend"


@dataclass(frozen=True, slots=True)
class CorporateAction:
    """`new_rate` shares for `old_rate` shares; of a dividend, `new_rate` further shares for one."""

    id: str
    type: ActionType
    symbol: str
    new_rate: Decimal
    old_rate: Decimal
    ex_date: date
    process_date: date
    record_date: date | None = None
    payable_date: date | None = None

    @property
    def ratio(self) -> Decimal:
        """Shares after it for one share before."""
        if self.type is ActionType.STOCK_DIVIDEND:
            return 1 + self.new_rate
        return self.new_rate / self.old_rate

    def as_json(self) -> dict[str, Any]:
        """As `GET /v1/corporate-actions` of the market data host has it; dates that are not known are left out."""
        dates = {"record_date": self.record_date, "payable_date": self.payable_date}
        return {
            "id": self.id,
            "symbol": self.symbol,
            **self._terms(),
            "process_date": self.process_date.isoformat(),
            "ex_date": self.ex_date.isoformat(),
            **{name: day.isoformat() for name, day in dates.items() if day is not None},
        }

    def _terms(self) -> dict[str, Any]:
        if self.type is ActionType.STOCK_DIVIDEND:
            return {"cusip": cusip(self.symbol), "rate": _number(self.new_rate)}
        rates = {"new_rate": _number(self.new_rate), "old_rate": _number(self.old_rate)}
        if self.type is ActionType.FORWARD_SPLIT:
            return {"cusip": cusip(self.symbol), **rates}
        return {"old_cusip": cusip(self.symbol), "new_cusip": cusip(f"{self.symbol} after {self.id}"), **rates}


def adjusted(bar: Bar, symbol: str, actions: Iterable[CorporateAction]) -> Bar:
    """A bar in the shares that there are after all splits of the symbol since."""
    day = eastern(bar.at).date()
    for action in actions:
        split = action.type is not ActionType.STOCK_DIVIDEND and action.symbol == symbol
        if split and day < action.ex_date:
            bar = _split(bar, action.ratio)
    return bar


def _split(bar: Bar, ratio: Decimal) -> Bar:
    prices = {name: (getattr(bar, name) / ratio).quantize(_FINE, context=_WIDE) for name in _PRICES}
    return replace(bar, volume=bar.volume * ratio, **prices)


def cusip(name: str) -> str:
    """Nine digits that stand for a security here."""
    return f"{uuid5(NAMESPACE_DNS, name).int % _CUSIP_DIGITS:09d}"


def _number(value: Decimal) -> int | float:
    # A number here, where the trading API writes decimals as texts: docs.alpaca.markets/reference/corporateactions-1.
    return int(value) if value % 1 == 0 else float(value)
