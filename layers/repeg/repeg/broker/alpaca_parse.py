"""Alpaca's JSON in our words. A field that decisions need and that is missing or unreadable raises `Unreadable`."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from repeg.broker import alpaca_fields as read
from repeg.broker.alpaca_fields import Unreadable
from repeg.domain.market.reports import (
    US_EQUITY,
    Account,
    Asset,
    Fill,
    OrderReport,
    OrderStatus,
    Position,
    TradingDay,
)
from repeg.domain.market.sessions import EASTERN
from repeg.domain.models import Side

ZERO = Decimal(0)
_ONE = Decimal(1)
# Premiums are told for one share, and a contract is for a hundred (docs.alpaca.markets/docs/options-trading-overview).
_OPTION = Decimal(100)
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


def order_report(body: Any) -> OrderReport:
    """An order. A status that is not known to be final may still fill, so it counts as pending."""
    fields = read.object_of(body, "order")
    broker_status = read.text(fields, "status").lower()
    status = _STATUS.get(broker_status, OrderStatus.PENDING)
    untouched = status is OrderStatus.PENDING or broker_status == "new"
    filled = read.number(fields, "filled_qty", ZERO if untouched else None)
    return OrderReport(
        broker_order_id=read.text(fields, "id"),
        client_order_id=read.text(fields, "client_order_id"),
        symbol=read.text(fields, "symbol"),
        side=_side(read.text(fields, "side")),
        status=status,
        broker_status=broker_status,
        # An order by amount (somebody else's) has no quantity until it is filled.
        qty=read.number(fields, "qty", filled),
        filled_qty=filled,
        # No share was ever filled at nothing: 0 is a price that is not known yet.
        avg_fill_price=read.optional_number(fields, "filled_avg_price") or None,
        limit_price=read.optional_number(fields, "limit_price"),
        submitted_at=read.optional_moment(fields, "submitted_at"),
        filled_at=read.optional_moment(fields, "filled_at"),
        closed_at=_closed_at(fields, status),
        replaced_by=read.optional_text(fields, "replaced_by"),
        replaces=read.optional_text(fields, "replaces"),
        type=read.optional_text(fields, "type") or read.optional_text(fields, "order_type"),
        stop_price=read.optional_number(fields, "stop_price"),
        notional=read.optional_number(fields, "notional") or None,
        multiplier=_OPTION if fields.get("asset_class") == "us_option" else _ONE,
        legs=tuple(order_report(leg) for leg in read.items(fields, "legs")),
    )


def order_reports(symbol: str, body: Any) -> list[OrderReport]:
    """The orders of a list that concern `symbol`."""
    if not isinstance(body, list):
        raise Unreadable("the orders are not a list")
    mine = (order for order in body if read.object_of(order, "order").get("symbol") == symbol)
    return [order_report(order) for order in mine]


def readable_order_reports(body: Any) -> list[OrderReport]:
    """The orders of a list. Somebody else's that cannot be read do not hide the others."""
    return [report for report in _reports(body) if isinstance(report, OrderReport)]


def order_reports_with_every_buy(body: Any) -> list[OrderReport]:
    """The same, unless one that cannot be read may be a buy: for who must know what is spent, a gap is no list."""
    found = []
    for order, report in zip(body, _reports(body), strict=True):
        if isinstance(report, OrderReport):
            found.append(report)
        elif isinstance(order, dict) and order.get("order_class") == "mleg":
            found.append(_several_options(order))
        elif not isinstance(order, dict) or not str(order.get("side")).startswith("sell"):
            raise Unreadable(f"an open order cannot be read: {report}")
    return found


def _several_options(fields: dict[str, Any]) -> OrderReport:
    """An order for several options at once, which has neither symbol nor side: what it takes counts as a buy of all."""
    # The limit is for all legs together, and negative where they bring money
    # (docs.alpaca.markets/docs/options-level-3-trading).
    limit = read.optional_number(fields, "limit_price")
    legs = [read.object_of(leg, "leg").get("symbol") for leg in read.items(fields, "legs")]
    side = "sell" if limit is not None and limit <= 0 else "buy"
    named = fields | {"symbol": " and ".join(map(str, legs)) or "options", "side": side, "legs": None}
    return order_report(named).changed(multiplier=_OPTION)


def _reports(body: Any) -> list[OrderReport | Unreadable]:
    if not isinstance(body, list):
        raise Unreadable("the orders are not a list")
    return [_report_or_why_not(order) for order in body]


def _report_or_why_not(order: Any) -> OrderReport | Unreadable:
    try:
        return order_report(order)
    except Unreadable as problem:
        return problem


def fills(body: Any) -> tuple[Fill, ...]:
    """The fills of a list of activities. Those that cannot be read do not hide the others: no single one is proof."""
    if not isinstance(body, list):
        raise Unreadable("the activities are not a list")
    found = []
    for activity in body:
        with suppress(Unreadable):
            found.append(_fill(read.object_of(activity, "activity")))
    return tuple(found)


def last_activity(body: list[Any]) -> str | None:
    """The id of the last activity of a list, from which the next page goes on; None if it has none."""
    last = body[-1] if body else None
    return str(last["id"]) if isinstance(last, dict) and last.get("id") else None


def _fill(fields: dict[str, Any]) -> Fill:
    return Fill(
        broker_order_id=read.text(fields, "order_id"),
        symbol=read.text(fields, "symbol"),
        at=read.moment(read.text(fields, "transaction_time")),
        filled_qty=read.number(fields, "cum_qty", read.number(fields, "qty")),
    )


def position(body: Any) -> Position | None:
    """A position, None if it is empty. A short has a negative quantity, and so has what is available of it."""
    fields = read.object_of(body, "position")
    qty = read.number(fields, "qty")
    if qty == 0:
        return None
    sign = -1 if fields.get("side") == "short" or qty < 0 else 1
    available = read.number(fields, "qty_available", qty)
    return Position(
        symbol=read.text(fields, "symbol"),
        qty=sign * abs(qty),
        qty_available=sign * abs(available),
        avg_entry_price=read.number(fields, "avg_entry_price"),
        asset_class=str(fields.get("asset_class") or US_EQUITY).lower(),
        market_value=_if_readable(fields, "market_value"),
        last_close=_if_readable(fields, "lastday_price"),
    )


def positions(body: Any) -> tuple[Position, ...]:
    """The positions of a list. One that cannot be read makes the list unreadable: a gap would look like a sale."""
    if not isinstance(body, list):
        raise Unreadable("the positions are not a list")
    return tuple(held for held in map(position, body) if held)


def account(body: Any) -> Account:
    """The account; blocked in whichever way the broker says so."""
    fields = read.object_of(body, "account")
    blocks = ("trading_blocked", "account_blocked", "trade_suspended_by_user")
    return Account(
        account_number=read.text(fields, "account_number"),
        equity=read.number(fields, "equity"),
        last_equity=_if_readable(fields, "last_equity"),
        cash=read.number(fields, "cash"),
        buying_power=read.number(fields, "buying_power"),
        trading_blocked=any(fields.get(block) is True for block in blocks),
        settled_cash=_settled_cash(fields),
    )


def paid_in(after: date, until: date, body: Any) -> Decimal:
    """The sum of account activities that moved cash; one that cannot be read makes all of them unreadable."""
    if not isinstance(body, list):
        raise Unreadable("the activities are not a list")
    moved = [(str(each.get("date") or until)[:10], each) for each in (read.object_of(one, "activity") for one in body)]
    between = (each for on, each in moved if after.isoformat() < on <= until.isoformat())
    return sum((read.number(each, "net_amount") for each in between), Decimal(0))


def _settled_cash(fields: dict[str, Any]) -> Decimal | None:
    """What an account without margin may spend; None of one with margin."""
    multiplier = _if_readable(fields, "multiplier")
    if multiplier is not None and multiplier > 1:
        return None
    amounts = [read.number(fields, "cash"), read.number(fields, "buying_power")]
    # Alpaca offers no cash accounts. Those of multiplier 1 may spend what they sold for at once
    # (alpaca.markets/support/alpaca-cash-accounts), and their buying power says so; the one that is not marginable
    # leaves it out until it is settled. Of an account that does not tell its kind, the least of the three is believed.
    settled = _if_readable(fields, "non_marginable_buying_power") if multiplier is None else None
    return min(amounts if settled is None else [*amounts, settled])


def _if_readable(fields: dict[str, Any], name: str) -> Decimal | None:
    """A number that only some decisions need: the account is not unreadable for it."""
    with suppress(Unreadable):
        return read.optional_number(fields, name)
    return None


def asset(body: Any) -> Asset:
    """An asset. What the broker does not say it allows is not allowed."""
    fields = read.object_of(body, "asset")
    borrow = fields.get("borrow_status")
    easy = borrow == "easy_to_borrow" if borrow else fields.get("easy_to_borrow") is True
    return Asset(
        symbol=read.text(fields, "symbol"),
        tradable=fields.get("tradable") is True and fields.get("status") == "active",
        fractionable=fields.get("fractionable") is True,
        shortable=fields.get("shortable") is True,
        easy_to_borrow=easy,
        asset_class=str(fields.get("class") or US_EQUITY).lower(),
    )


def assets(body: Any) -> tuple[Asset, ...]:
    """The assets of a list; one that cannot be read is left out. An empty list is none of all there are."""
    if not isinstance(body, list):
        raise Unreadable("the assets are not a list")
    found = []
    for each in body:
        with suppress(Unreadable):
            found.append(asset(each))
    if not found:
        raise Unreadable("the list of assets is empty")
    return tuple(found)


def clock(body: Any) -> datetime:
    """The broker's time, in UTC."""
    fields = read.object_of(body, "clock")
    return read.moment(read.text(fields, "timestamp"))


def trading_days(body: Any) -> tuple[TradingDay, ...]:
    """Trading days, oldest first, in UTC. The calendar's times are wall times of the exchange."""
    # An early close must not be missed: without a calendar nothing new is begun.
    if not isinstance(body, list):
        raise Unreadable("the calendar is not a list")
    return tuple(sorted((_trading_day(day) for day in body), key=lambda day: day.date))


def _closed_at(fields: dict[str, Any], status: OrderStatus) -> datetime | None:
    if not status.terminal:
        return None
    return read.optional_moment(fields, _CLOSED_AT[status]) or read.optional_moment(fields, "updated_at")


def _trading_day(body: Any) -> TradingDay:
    fields = read.object_of(body, "trading day")
    try:
        day = date.fromisoformat(read.text(fields, "date"))
    except ValueError as error:
        raise Unreadable(str(error)) from error
    closes_at = _exchange_time(day, read.text(fields, "close"))
    early, late = fields.get("session_open"), fields.get("session_close")
    return TradingDay(
        date=day,
        opens_at=_exchange_time(day, read.text(fields, "open")),
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
