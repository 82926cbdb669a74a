"""NBBO quotes: validity, mid, spread and its class."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from repeg.domain.models import Frozen, Side
from repeg.domain.reasons import Reason

CENT = Decimal("0.01")
TIGHT_CENTS = Decimal(3)
WIDE_CENTS = Decimal(5)
SAME_LOOK = timedelta(milliseconds=150)
"""Market time for which what was decided on a quote may also be priced by it."""


class SpreadClass(StrEnum):
    """Tight up to 3 cents, wide above 5, normal between."""

    TIGHT = "tight"
    NORMAL = "normal"
    WIDE = "wide"


class Quote(Frozen):
    """Top of book: dollars and shares; `at` is the quote's own (market) time."""

    symbol: str
    bid: Decimal
    ask: Decimal
    bid_size: Decimal
    ask_size: Decimal
    at: datetime

    @property
    def mid(self) -> Decimal:
        """Midpoint in dollars."""
        return (self.bid + self.ask) / 2

    @property
    def half_spread(self) -> Decimal:
        """Half of the quoted spread in dollars."""
        return (self.ask - self.bid) / 2

    @property
    def spread_cents(self) -> Decimal:
        """Quoted spread in cents, exact."""
        return (self.ask - self.bid) / CENT

    @property
    def spread_bps(self) -> Decimal:
        """Quoted spread in basis points of the mid."""
        return (self.ask - self.bid) / self.mid * 10_000

    @property
    def spread_class(self) -> SpreadClass:
        """The class of the quoted spread, by cents."""
        if self.spread_cents <= TIGHT_CENTS:
            return SpreadClass.TIGHT
        return SpreadClass.WIDE if self.spread_cents > WIDE_CENTS else SpreadClass.NORMAL

    def touch(self, side: Side) -> Decimal:
        """The far touch: the price at which an order of `side` would trade now."""
        return self.ask if side == "buy" else self.bid

    def touch_size(self, side: Side) -> Decimal:
        """Shares displayed at the far touch."""
        return self.ask_size if side == "buy" else self.bid_size


class SeenQuote(NamedTuple):
    """A quote that may be traded on, and the market time at which it was asked for."""

    quote: Quote
    at: datetime

    def lasts(self, now: datetime) -> bool:
        """True while a price may be derived from it without looking again."""
        return timedelta(0) <= now - self.at <= SAME_LOOK


def describe(quote: Quote) -> str:
    """A quote in words: the touch, and the spread in cents, in basis points of the mid, and by class."""
    cents = f"{quote.spread_cents.normalize():f} cents, {quote.spread_bps:.1f} bps, {quote.spread_class}"
    return f"bid {quote.bid} ask {quote.ask} ({cents})"


def quote_problem(quote: Quote | None, now: datetime, max_age_seconds: Decimal) -> Reason | None:
    """Why `quote` must not be traded on, or None if it may be."""
    if quote is None or quote.bid <= 0 or quote.ask <= 0:
        return Reason.NO_QUOTE
    if (now - quote.at).total_seconds() > max_age_seconds:
        return Reason.STALE_QUOTE
    if quote.bid >= quote.ask:
        return Reason.BAD_QUOTE
    return None
