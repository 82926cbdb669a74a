"""Order records, and the journal entries that an exchange would have written about them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from repeg.domain.children import ChildRecord, RungStatus
from repeg.domain.orders import Order
from repeg.domain.reasons import Reason, Status
from repeg.domain.views import order_view

START = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)


def rung(number: int, qty: int, filled: int, at: str | None = None, limit: str | None = "50.99") -> ChildRecord:
    return ChildRecord(
        rung=number,
        client_order_id=f"ord-1-e{number}",
        broker_order_id=f"b-{number}",
        type="limit" if limit else "market",
        limit_price=Decimal(limit) if limit else None,
        qty=Decimal(qty),
        filled_qty=Decimal(filled),
        avg_fill_price=Decimal(at) if at else None,
        status=RungStatus.FILLED if qty == filled else RungStatus.CANCELED,
        bid=Decimal("50.95"),
        ask=Decimal("50.98"),
        sent_at=START + timedelta(seconds=3 * number),
        closed_at=START + timedelta(seconds=3 * number + 1),
        patience=Decimal("2.5"),
    )


def order(*rungs: ChildRecord, status: Status = Status.FILLED, reason: Reason | None = None, **more: Any) -> Order:
    fields: dict[str, Any] = {
        "order_id": "ord-1",
        "signal_id": "s-1",
        "kind": "order",
        "symbol": "TQQQ",
        "side": "buy",
        "requested_qty": Decimal(100),
        "ladder": "better_orders",
        "reference_price": Decimal("50.965"),
        "max_slippage_bps": Decimal(20),
        "arrival_bid": Decimal("50.95"),
        "arrival_ask": Decimal("50.98"),
        "created_at": START,
        "received_at": START,
    }
    return Order(status=status, reason=reason, rungs=rungs, **(fields | more))


def view(*rungs: ChildRecord, **fields: Any) -> dict[str, Any]:
    return order_view(order(*rungs, **fields))


def journal(*orders: Order) -> list[dict[str, Any]]:
    """What the exchange saw if every record is true."""
    entries: list[dict[str, Any]] = []
    for one in orders:
        for child in one.rungs:
            name = {"type": "order", "client_order_id": child.client_order_id, "at": child.sent_at.isoformat()}
            limit = str(child.limit_price) if child.limit_price else None
            entries.append(name | {"event": "accepted", "qty": str(child.qty), "limit_price": limit})
            if child.filled_qty:
                fill = {"type": "fill", "qty": str(child.filled_qty), "price": str(child.avg_fill_price)}
                entries.append(name | fill)
            entries.append(name | {"event": child.status.value, "qty": str(child.qty), "limit_price": limit})
    return entries
