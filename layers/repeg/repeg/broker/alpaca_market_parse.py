"""Alpaca's market data in our words: quotes, snapshots, corporate actions."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from contextlib import suppress
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from repeg.broker import alpaca_fields as read
from repeg.broker.alpaca_fields import Unreadable
from repeg.domain.market.quotes import Quote, Snapshot
from repeg.domain.market.sessions import EASTERN
from repeg.domain.order.adjustments import CorporateAction

ZERO = Decimal(0)


def quote(symbol: str, body: Any) -> Quote | None:
    """The latest quote of a symbol in an answer for several. A side without an order has price 0."""
    return _quote(symbol, read.object_of(read.object_of(body, "answer").get("quotes") or {}, "quotes").get(symbol))


def snapshot(symbol: str, witnesses: Iterable[str], body: Any) -> Snapshot:
    """What an answer for several symbols tells of one; the others only show how young the feed is."""
    known = read.object_of(body, "answer")
    fields = read.object_of(known.get(symbol) or {}, "snapshot")
    last_price, last_at = _last_trade(fields)
    return Snapshot(
        quote=_quote(symbol, fields.get("latestQuote")),
        last_price=last_price,
        last_at=last_at,
        feed_at=_newest(_quoted_at(known), witnesses, symbol),
    )


def snapshots(symbols: Collection[str], body: Any, today: date) -> dict[str, Snapshot]:
    """What an answer tells of each of these symbols; all others of the answer show how young the feed is.

    A symbol that cannot be read is left out; one whose quote cannot be read has none.
    """
    known = read.object_of(body, "answer")
    quoted_at = _quoted_at(known)
    found = {}
    for symbol in symbols:
        fields = known.get(symbol)
        if not isinstance(fields, dict):
            continue
        quote = None
        with suppress(Unreadable):
            quote = _quote(symbol, fields.get("latestQuote"))
        last_price, last_at = _last_trade(fields)
        close, close_on = _previous_close(fields, today)
        found[symbol] = Snapshot(
            quote=quote,
            last_price=last_price,
            last_at=last_at,
            feed_at=_newest(quoted_at, known, symbol),
            previous_close=close,
            previous_close_on=close_on,
        )
    return found


def _last_trade(fields: dict[str, Any]) -> tuple[Decimal | None, datetime | None]:
    with suppress(Unreadable):
        trade = read.object_of(fields.get("latestTrade") or {}, "trade")
        price, at = read.optional_number(trade, "p"), read.optional_moment(trade, "t")
        # No share was ever sold for nothing.
        return (price, at) if price and price > 0 else (None, at)
    return None, None


def _previous_close(fields: dict[str, Any], today: date) -> tuple[Decimal | None, date | None]:
    """The close of the newest session before `today`, and its day."""
    # Not simply that of `prevDailyBar`: until the session has its first trade, `dailyBar` is still that of the one
    # before, and `prevDailyBar` of the one before that (so in the example of the market data specification).
    closes = {}
    for name in ("prevDailyBar", "dailyBar"):
        with suppress(Unreadable):
            bar = read.object_of(fields.get(name) or {}, "bar")
            at, close = read.optional_moment(bar, "t"), read.optional_number(bar, "c")
            if at and close and close > 0:
                closes[at.astimezone(EASTERN).date()] = close
    day = max((day for day in closes if day < today), default=None)
    return (closes[day], day) if day else (None, None)


def _quoted_at(known: dict[str, Any]) -> dict[str, datetime]:
    """Times of all quotes of an answer that can be read."""
    times = {}
    for symbol, fields in known.items():
        with suppress(Unreadable):
            seen = _quote(symbol, read.object_of(fields or {}, "snapshot").get("latestQuote"))
            if seen:
                times[symbol] = seen.at
    return times


def _newest(quoted_at: dict[str, datetime], of: Iterable[str], but: str) -> datetime | None:
    return max((quoted_at[each] for each in of if each != but and each in quoted_at), default=None)


def _quote(symbol: str, raw: Any) -> Quote | None:
    if not raw:
        return None
    fields = read.object_of(raw, "quote")
    at = read.optional_moment(fields, "t")
    if at is None:
        return None
    return Quote(
        symbol=symbol,
        bid=read.number(fields, "bp", ZERO),
        ask=read.number(fields, "ap", ZERO),
        bid_size=read.number(fields, "bs", ZERO),
        ask_size=read.number(fields, "as", ZERO),
        at=at,
    )


def readable_quotes(symbols: Iterable[str], body: Any) -> dict[str, Quote]:
    """As `quote`, for several; one that cannot be read does not hide the others."""
    found = {}
    for symbol in symbols:
        with suppress(Unreadable):
            seen = quote(symbol, body)
            if seen:
                found[symbol] = seen
    return found


def corporate_actions(symbols: Collection[str], body: Any) -> tuple[CorporateAction, ...]:
    """Splits and stock dividends of these symbols, oldest first; `ratio` is new shares for one old share."""
    groups = read.object_of(read.object_of(body, "answer").get("corporate_actions") or {}, "corporate actions")
    found = []
    for kind in ("forward_split", "reverse_split", "stock_dividend"):
        for entry in groups.get(f"{kind}s") or ():
            fields = read.object_of(entry, kind)
            if fields.get("symbol") in symbols:
                found.append(_corporate_action(kind, read.text(fields, "symbol"), fields))
    return tuple(sorted(found, key=lambda action: action.ex_date))


def _corporate_action(kind: Any, symbol: str, fields: dict[str, Any]) -> CorporateAction:
    if kind == "stock_dividend":
        ratio = 1 + read.number(fields, "rate")
    else:
        old = read.number(fields, "old_rate")
        if old <= 0:
            raise Unreadable(f"old_rate {old} is no rate")
        ratio = read.number(fields, "new_rate") / old
    if ratio <= 0:
        raise Unreadable(f"a ratio of {ratio} is none")
    try:
        ex_date = date.fromisoformat(read.text(fields, "ex_date"))
    except ValueError as error:
        raise Unreadable(str(error)) from error
    return CorporateAction(symbol=symbol, kind=kind, ratio=ratio, ex_date=ex_date)
