"""Alpaca's JSON in our words. A field that decisions need and that is missing or unreadable raises `Unreadable`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from repeg.domain.market.quotes import Quote, Snapshot
from repeg.domain.market.reports import (
    US_EQUITY,
    Account,
    Asset,
    OrderReport,
    OrderStatus,
    Position,
    TradingDay,
)
from repeg.domain.market.sessions import EASTERN
from repeg.domain.models import Side
from repeg.domain.order.adjustments import CorporateAction

ZERO = Decimal(0)
MAX_MAGNITUDE = 30
"""Decimal places before or behind the point that a number of the broker's may begin at."""

# Where the calendar does not tell: from 04:00 until four hours after the close.
_EXTENDED_OPEN = time(4)
_AFTER_HOURS = timedelta(hours=4)

# Left out on purpose: `done_for_day`, `calculated` and whatever is new. They sound final and may fill yet.
_STATUS = {
    "new": OrderStatus.LIVE,
    "partially_filled": OrderStatus.LIVE,
    "pending_cancel": OrderStatus.PENDING_CANCEL,
    "filled": OrderStatus.FILLED,
    "canceled": OrderStatus.CANCELED,
    "expired": OrderStatus.EXPIRED,
    "rejected": OrderStatus.REJECTED,
    "replaced": OrderStatus.REPLACED,
}

_CLOSED_AT = {
    OrderStatus.FILLED: "filled_at",
    OrderStatus.CANCELED: "canceled_at",
    OrderStatus.EXPIRED: "expired_at",
    OrderStatus.REJECTED: "failed_at",
    OrderStatus.REPLACED: "replaced_at",
}


class Unreadable(ValueError):
    """The answer is JSON, but not what the broker is known to send."""


def order_report(body: Any) -> OrderReport:
    """An order. A status that is not known to be final may still fill, so it counts as pending."""
    fields = _object(body, "order")
    broker_status = _text(fields, "status").lower()
    status = _STATUS.get(broker_status, OrderStatus.PENDING)
    untouched = status is OrderStatus.PENDING or broker_status == "new"
    filled = _number(fields, "filled_qty", ZERO if untouched else None)
    return OrderReport(
        broker_order_id=_text(fields, "id"),
        client_order_id=_text(fields, "client_order_id"),
        symbol=_text(fields, "symbol"),
        side=_side(_text(fields, "side")),
        status=status,
        broker_status=broker_status,
        # An order by amount (somebody else's) has no quantity until it is filled.
        qty=_number(fields, "qty", filled),
        filled_qty=filled,
        # No share was ever filled at nothing: 0 is a price that is not known yet.
        avg_fill_price=_optional_number(fields, "filled_avg_price") or None,
        limit_price=_optional_number(fields, "limit_price"),
        submitted_at=_optional_moment(fields, "submitted_at"),
        filled_at=_optional_moment(fields, "filled_at"),
        closed_at=_closed_at(fields, status),
        replaced_by=_optional_text(fields, "replaced_by"),
        replaces=_optional_text(fields, "replaces"),
        type=_optional_text(fields, "type") or _optional_text(fields, "order_type"),
        stop_price=_optional_number(fields, "stop_price"),
        legs=tuple(order_report(leg) for leg in _list(fields, "legs")),
    )


def order_reports(symbol: str, body: Any) -> list[OrderReport]:
    """The orders of a list that concern `symbol`."""
    if not isinstance(body, list):
        raise Unreadable("the orders are not a list")
    mine = (order for order in body if _object(order, "order").get("symbol") == symbol)
    return [order_report(order) for order in mine]


def readable_order_reports(body: Any) -> list[OrderReport]:
    """The orders of a list. Somebody else's that cannot be read do not hide the others."""
    if not isinstance(body, list):
        raise Unreadable("the orders are not a list")
    found = []
    for order in body:
        with suppress(Unreadable):
            found.append(order_report(order))
    return found


def quote(symbol: str, body: Any) -> Quote | None:
    """The latest quote of a symbol in an answer for several. A side without an order has price 0."""
    return _quote(symbol, _object(_object(body, "answer").get("quotes") or {}, "quotes").get(symbol))


def snapshot(symbol: str, witnesses: Iterable[str], body: Any) -> Snapshot:
    """What an answer for several symbols tells of one; the others only show how young the feed is."""
    known = _object(body, "answer")
    fields = _object(known.get(symbol) or {}, "snapshot")
    last_price = last_at = feed_at = None
    with suppress(Unreadable):
        trade = _object(fields.get("latestTrade") or {}, "trade")
        last_price, last_at = _optional_number(trade, "p"), _optional_moment(trade, "t")
    for other in witnesses:
        with suppress(Unreadable):
            seen = _quote(other, _object(known.get(other) or {}, "snapshot").get("latestQuote"))
            feed_at = max(feed_at or seen.at, seen.at) if seen else feed_at
    return Snapshot(
        quote=_quote(symbol, fields.get("latestQuote")), last_price=last_price, last_at=last_at, feed_at=feed_at
    )


def _quote(symbol: str, raw: Any) -> Quote | None:
    if not raw:
        return None
    fields = _object(raw, "quote")
    at = _optional_moment(fields, "t")
    if at is None:
        return None
    return Quote(
        symbol=symbol,
        bid=_number(fields, "bp", ZERO),
        ask=_number(fields, "ap", ZERO),
        bid_size=_number(fields, "bs", ZERO),
        ask_size=_number(fields, "as", ZERO),
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


def position(body: Any) -> Position | None:
    """A position, None if it is empty. A short has a negative quantity, and so has what is available of it."""
    fields = _object(body, "position")
    qty = _number(fields, "qty")
    if qty == 0:
        return None
    sign = -1 if fields.get("side") == "short" or qty < 0 else 1
    available = _number(fields, "qty_available", qty)
    return Position(
        symbol=_text(fields, "symbol"),
        qty=sign * abs(qty),
        qty_available=sign * abs(available),
        avg_entry_price=_number(fields, "avg_entry_price"),
    )


def positions(body: Any) -> tuple[Position, ...]:
    """The positions of a list. One that cannot be read makes the list unreadable: a gap would look like a sale."""
    if not isinstance(body, list):
        raise Unreadable("the positions are not a list")
    return tuple(held for held in map(position, body) if held)


def corporate_actions(symbol: str, body: Any) -> tuple[CorporateAction, ...]:
    """Splits and stock dividends of a symbol, oldest first; `ratio` is new shares for one old share."""
    groups = _object(_object(body, "answer").get("corporate_actions") or {}, "corporate actions")
    found = []
    for kind in ("forward_split", "reverse_split", "stock_dividend"):
        for entry in groups.get(f"{kind}s") or ():
            fields = _object(entry, kind)
            if fields.get("symbol") == symbol:
                found.append(_corporate_action(kind, symbol, fields))
    return tuple(sorted(found, key=lambda action: action.ex_date))


def _corporate_action(kind: Any, symbol: str, fields: dict[str, Any]) -> CorporateAction:
    if kind == "stock_dividend":
        ratio = 1 + _number(fields, "rate")
    else:
        old = _number(fields, "old_rate")
        if old <= 0:
            raise Unreadable(f"old_rate {old} is no rate")
        ratio = _number(fields, "new_rate") / old
    if ratio <= 0:
        raise Unreadable(f"a ratio of {ratio} is none")
    try:
        ex_date = date.fromisoformat(_text(fields, "ex_date"))
    except ValueError as error:
        raise Unreadable(str(error)) from error
    return CorporateAction(symbol=symbol, kind=kind, ratio=ratio, ex_date=ex_date)


def account(body: Any) -> Account:
    """The account; blocked in whichever way the broker says so."""
    fields = _object(body, "account")
    blocks = ("trading_blocked", "account_blocked", "trade_suspended_by_user")
    return Account(
        account_number=_text(fields, "account_number"),
        equity=_number(fields, "equity"),
        cash=_number(fields, "cash"),
        buying_power=_number(fields, "buying_power"),
        trading_blocked=any(fields.get(block) is True for block in blocks),
    )


def asset(body: Any) -> Asset:
    """An asset. What the broker does not say it allows is not allowed."""
    fields = _object(body, "asset")
    borrow = fields.get("borrow_status")
    easy = borrow == "easy_to_borrow" if borrow else fields.get("easy_to_borrow") is True
    return Asset(
        symbol=_text(fields, "symbol"),
        tradable=fields.get("tradable") is True and fields.get("status") == "active",
        fractionable=fields.get("fractionable") is True,
        shortable=fields.get("shortable") is True,
        easy_to_borrow=easy,
        asset_class=str(fields.get("class") or US_EQUITY).lower(),
    )


def clock(body: Any) -> datetime:
    """The broker's time, in UTC."""
    fields = _object(body, "clock")
    return moment(_text(fields, "timestamp"))


def trading_days(body: Any) -> tuple[TradingDay, ...]:
    """Trading days, oldest first, in UTC. The calendar's times are wall times of the exchange."""
    # An early close must not be missed: without a calendar nothing new is begun.
    if not isinstance(body, list):
        raise Unreadable("the calendar is not a list")
    return tuple(sorted((_trading_day(day) for day in body), key=lambda day: day.date))


def moment(text: str) -> datetime:
    """A time with a zone, in UTC; digits beyond microseconds are cut."""
    try:
        parsed = datetime.fromisoformat(text)
        in_utc = parsed.astimezone(UTC) if parsed.tzinfo else None
    except (ValueError, OverflowError) as error:
        raise Unreadable(f"{text!r} is not a time") from error
    if in_utc is None:
        raise Unreadable(f"{text!r} has no time zone")
    return in_utc


def _closed_at(fields: dict[str, Any], status: OrderStatus) -> datetime | None:
    if not status.terminal:
        return None
    return _optional_moment(fields, _CLOSED_AT[status]) or _optional_moment(fields, "updated_at")


def _trading_day(body: Any) -> TradingDay:
    fields = _object(body, "trading day")
    try:
        day = date.fromisoformat(_text(fields, "date"))
    except ValueError as error:
        raise Unreadable(str(error)) from error
    closes_at = _exchange_time(day, _text(fields, "close"))
    early, late = fields.get("session_open"), fields.get("session_close")
    return TradingDay(
        date=day,
        opens_at=_exchange_time(day, _text(fields, "open")),
        closes_at=closes_at,
        extended_opens_at=_exchange_time(day, early) if early else _utc(datetime.combine(day, _EXTENDED_OPEN)),
        extended_closes_at=_exchange_time(day, late) if late else closes_at + _AFTER_HOURS,
    )


def _exchange_time(day: date, text: Any) -> datetime:
    # Alpaca writes 09:30 for the session and 0400 for the extended one.
    found = re.fullmatch(r"(\d\d):?(\d\d)(?::\d\d)?", str(text))
    try:
        if found:
            return _utc(datetime.combine(day, time(int(found[1]), int(found[2]))))
    except ValueError:
        pass
    raise Unreadable(f"{text!r} is not a time of day")


def _utc(exchange_time: datetime) -> datetime:
    return exchange_time.replace(tzinfo=EASTERN).astimezone(UTC)


def _side(text: str) -> Side:
    if text.startswith("buy"):
        return "buy"
    if text.startswith("sell"):
        return "sell"
    raise Unreadable(f"{text!r} is not a side")


def _object(body: Any, what: str) -> dict[str, Any]:
    if not isinstance(body, dict):
        raise Unreadable(f"the {what} is not an object")
    return body


def _text(fields: dict[str, Any], name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str) or not value:
        raise Unreadable(f"{name} is missing")
    return value


def _optional_text(fields: dict[str, Any], name: str) -> str | None:
    return None if fields.get(name) in (None, "") else _text(fields, name)


def _list(fields: dict[str, Any], name: str) -> list[Any]:
    value = fields.get(name) or []
    if not isinstance(value, list):
        raise Unreadable(f"the {name} are not a list")
    return value


def _number(fields: dict[str, Any], name: str, default: Decimal | None = None) -> Decimal:
    value = fields.get(name)
    if value is None or value == "":
        if default is None:
            raise Unreadable(f"{name} is missing")
        return default
    try:
        number = Decimal(str(value))
    except InvalidOperation as error:
        raise Unreadable(f"{name} {value!r} is not a number") from error
    # One that no market knows would overflow in the first product, or be written out with a billion noughts.
    if not number.is_finite() or abs(number.adjusted()) > MAX_MAGNITUDE:
        raise Unreadable(f"{name} {value!r} is not a number")
    return number


def _optional_number(fields: dict[str, Any], name: str) -> Decimal | None:
    return None if fields.get(name) in (None, "") else _number(fields, name)


def _optional_moment(fields: dict[str, Any], name: str) -> datetime | None:
    value = fields.get(name)
    return moment(value) if isinstance(value, str) and value else None
