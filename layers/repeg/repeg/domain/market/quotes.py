"""NBBO quotes: validity, mid, spread and its class."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from repeg.domain.models import Frozen, Side
from repeg.domain.money import BPS, plain, quoted, tick_size, told_apart
from repeg.domain.reasons import Reason
from repeg.domain.settings import Settings

CENT = Decimal("0.01")
TIGHT_CENTS = Decimal(3)
WIDE_CENTS = Decimal(5)
# Long enough for a plain buy, for which nothing else is asked in between. Where the account is looked at on the way, a
# second quote is read: meanwhile the market may fall through a bracket's stop.
SAME_LOOK = timedelta(milliseconds=150)
"""Market time for which what was decided on a quote may also be priced by it."""
# Of a million recorded quotes of 2012 to 2018 the farthest lay 1 % off.
MID_OFF_LAST = Decimal("0.05")
"""A mid that is farther than this fraction from the last trade belongs to no market."""
LAST_TRADE_COUNTS_FOR = timedelta(minutes=5)
"""A trade older than that says nothing of a quote: the price may have moved since."""


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
    def mark(self) -> Decimal | None:
        """What shares are valued at: the mid in dollars; None where a side is missing."""
        # A side without an order has price 0, as after hours: the mid is half of a price then.
        return self.mid if self.bid > 0 and self.ask > 0 else None

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
    last: Decimal | None = None
    """The last trade in dollars, if it is recent."""

    def lasts(self, now: datetime) -> bool:
        """True while a price may be derived from it without looking again."""
        return timedelta(0) <= now - self.at <= SAME_LOOK


def describe(quote: Quote) -> str:
    """A quote in words: the touch, and the spread in cents, in basis points of the mid, and by class."""
    cents = f"{quote.spread_cents.normalize():f} cent{'' if quote.spread_cents == 1 else 's'}"
    return (
        f"bid {quoted(quote.bid)} ask {quoted(quote.ask)} ({cents}, {quote.spread_bps:.1f} bps, {quote.spread_class})"
    )


class Snapshot(Frozen):
    """What one look at the market showed of a symbol, and how alive the feed was.

    A quote's time is when it last *changed*: that it is old says nothing while the feed is seen to tick.
    """

    quote: Quote | None
    last_price: Decimal | None = None
    last_at: datetime | None = None
    """The last trade, in dollars, and its time."""
    feed_at: datetime | None = None
    """Time of the newest quote of the symbols that always tick, seen in the same look."""
    previous_close: Decimal | None = None
    previous_close_on: date | None = None
    """The close of the last session before today, in dollars as they were then, and its day (looks at many only)."""

    def last_trade(self, now: datetime) -> Decimal | None:
        """The last trade in dollars, if it is recent enough to say something of a price."""
        recent = self.last_at is not None and now - self.last_at <= LAST_TRADE_COUNTS_FOR
        return self.last_price if recent else None

    @property
    def newest_at(self) -> datetime | None:
        """The newest time that the feed has shown."""
        return max((at for at in (self.quote and self.quote.at, self.feed_at) if at), default=None)


class QuoteRules(Frozen):
    """What a quote must be to be traded on. Ages in seconds of market time; no `max_spread_bps`: any width will do."""

    max_age: Decimal
    max_quiet_age: Decimal
    max_spread_bps: Decimal | None

    def problem(self, seen: Snapshot, now: datetime) -> Reason | None:
        """Why the quote must not be traded on, or None if it may be."""
        # Alpaca's latest quote is the last one that changed, however long ago. IBM's stood still for more than ten
        # seconds a hundred times a day: by its age alone a quiet stock could not be traded.
        alive = seen.feed_at is not None and (now - seen.feed_at).total_seconds() <= self.max_age
        age = max(self.max_age, self.max_quiet_age) if alive else self.max_age
        return quote_problem(seen.quote, now, age) or (Reason.BAD_QUOTE if self.doubt(seen, now) else None)

    def doubt(self, seen: Snapshot, now: datetime) -> str | None:
        """Why a two-sided quote shows no market, in words, or None. A market one tick wide is as tight as it gets."""
        quote = seen.quote
        if quote is None or not 0 < quote.bid < quote.ask:
            return None
        spread, most = quote.spread_bps, self.max_spread_bps
        if most is not None and spread > most and quote.ask - quote.bid > tick_size(quote.ask):
            return f"a spread of {told_apart(spread, most, 0)} bps is no market: max_spread_bps is {plain(most)}"
        last = seen.last_trade(now)
        if not last or abs(quote.mid - last) <= last * MID_OFF_LAST:
            return None
        return f"a mid {abs(quote.mid - last) / last * BPS:.0f} bps off the last trade at {quoted(last)} is no market"


def quote_rules(settings: Settings, any_width: bool) -> QuoteRules:
    """The rules by which quotes are judged; `any_width`: for exits, and for who only measures how wide a spread is."""
    return QuoteRules(
        max_age=settings.max_quote_age_seconds,
        max_quiet_age=settings.max_quiet_quote_age_seconds,
        # An entry can wait for a better market; shares that are to be sold have only this one.
        max_spread_bps=None if any_width else settings.max_spread_bps,
    )


def quote_problem(quote: Quote | None, now: datetime, max_age_seconds: Decimal) -> Reason | None:
    """Why `quote` must not be traded on, or None if it may be."""
    # Alpaca reports a side on which no order rests as a price of 0.
    if quote is None or quote.bid <= 0 or quote.ask <= 0:
        return Reason.NO_QUOTE
    if (now - quote.at).total_seconds() > max_age_seconds:
        return Reason.STALE_QUOTE
    if quote.bid >= quote.ask:
        return Reason.BAD_QUOTE
    return None
