"""Small builders of domain records: what a test does not name is an ordinary buy of 100 TQQQ on an ordinary Friday."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, get_type_hints

from desk.exchange.market.sessions import sessions_between
from repeg.domain.market.quotes import Quote
from repeg.domain.market.reports import Asset, OrderReport, OrderStatus, Position, TradingDay
from repeg.domain.market.sessions import EASTERN, Calendar
from repeg.domain.order import parts
from repeg.domain.order.children import ChildRecord, ChildStatus
from repeg.domain.order.record import Order

FRIDAY = date(2026, 11, 20)


def eastern(clock: str, day: date = FRIDAY) -> datetime:
    """`09:30`, `09:31:59` or `09:31:59.5` in New York on `day`, in UTC."""
    hours, minutes, *rest = clock.split(":")
    seconds = float(rest[0]) if rest else 0.0
    start = datetime(day.year, day.month, day.day, int(hours), int(minutes), tzinfo=EASTERN)
    return start.astimezone(UTC) + timedelta(seconds=seconds)


NOON = eastern("12:00")


def calendar_from(first: date = FRIDAY - timedelta(days=1), days: int = 15) -> Calendar:
    """The real NYSE calendar, as the broker would tell it."""
    last = first + timedelta(days=days)
    return Calendar(first=first, last=last, days=tuple(_day(session) for session in sessions_between(first, last)))


def session_of(day: date = FRIDAY) -> TradingDay:
    """The regular session of a trading day."""
    return calendar_from(day, 0).days[0]


def _day(session: Any) -> TradingDay:
    times = (session.open, session.close, session.pre_open, session.post_close)
    opens, closes, early, late = (datetime.fromtimestamp(at / 1_000_000_000, UTC) for at in times)
    return TradingDay(
        date=session.day, opens_at=opens, closes_at=closes, extended_opens_at=early, extended_closes_at=late
    )


def quote(
    bid: str = "50.95", ask: str = "50.98", size: str = "1000", at: datetime = NOON, symbol: str = "TQQQ"
) -> Quote:
    return Quote(
        symbol=symbol, bid=Decimal(bid), ask=Decimal(ask), bid_size=Decimal(size), ask_size=Decimal(size), at=at
    )


def order(**fields: Any) -> Order:
    ordinary: dict[str, Any] = {
        "order_id": "ord-1",
        "signal_id": "s-1",
        "kind": "order",
        "symbol": "TQQQ",
        "side": "buy",
        "requested_qty": Decimal(100),
        "created_at": NOON,
        "received_wall": NOON,
    }
    return Order(**in_parts(ordinary | fields))


def in_parts(fields: dict[str, Any]) -> dict[str, Any]:
    """Fields of an order by their own names, sorted into its parts.

    A name that several parts have is meant of the terms; of another part as `ask_ladder`, `care_seen`.
    """
    sorted_: dict[str, Any] = {}
    for name, value in fields.items():
        part, field = _PLACES.get(name, (None, name))
        if part is None:
            sorted_[field] = value
        else:
            sorted_.setdefault(part, {})[field] = value
    return {name: PARTS[name](**value) if isinstance(value, dict) else value for name, value in sorted_.items()}


def with_fields(order: Order, **fields: Any) -> Order:
    """The order with fields of any part replaced, by the same names."""
    for name, value in fields.items():
        part, field = _PLACES.get(name, (None, name))
        order = order.changed(**{part: getattr(order, part).changed(**{field: value})} if part else {field: value})
    return order


PARTS: dict[str, Any] = {
    name: kind for name, kind in get_type_hints(Order).items() if kind.__module__ == parts.__name__
}
_PLACES = {f"{part}_{field}": (part, field) for part in PARTS for field in PARTS[part].__struct_fields__}
for _part in sorted(PARTS, key=lambda part: part == "terms"):
    _PLACES |= {field: (_part, field) for field in PARTS[_part].__struct_fields__}
for _name in Order.__struct_fields__:
    _PLACES.pop(_name, None)


def child(number: int = 1, **fields: Any) -> ChildRecord:
    ordinary: dict[str, Any] = {
        "rung": number,
        "client_order_id": f"ord-1-e{number}",
        "broker_order_id": f"broker-{number}",
        "type": "limit",
        "limit_price": Decimal("50.99"),
        "qty": Decimal(100),
        "status": ChildStatus.LIVE,
        "sent_at": NOON,
        "patience": Decimal("2.5"),
    }
    return ChildRecord(**(ordinary | fields))


def report(status: OrderStatus = OrderStatus.LIVE, filled: str = "0", price: str | None = None) -> OrderReport:
    return OrderReport(
        broker_order_id="broker-1",
        client_order_id="ord-1-e1",
        symbol="TQQQ",
        side="buy",
        status=status,
        broker_status=status.value,
        qty=Decimal(100),
        filled_qty=Decimal(filled),
        avg_fill_price=Decimal(price) if price else None,
    )


def position(qty: str, available: str | None = None) -> Position:
    free = qty if available is None else available
    return Position(symbol="TQQQ", qty=Decimal(qty), qty_available=Decimal(free), avg_entry_price=Decimal(40))


def asset(fractionable: bool = True, tradable: bool = True) -> Asset:
    return Asset(symbol="TQQQ", tradable=tradable, fractionable=fractionable, shortable=True, easy_to_borrow=True)
