"""Order records, and the journal entries that an exchange would have written about them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from repeg.domain.order.bracket import Bracket, Levels
from repeg.domain.order.children import ChildRecord, ChildStatus
from repeg.domain.order.protection import Exit, ExitReason, Protection, ProtectionStatus
from repeg.domain.order.record import Order
from repeg.domain.order.views import order_view
from repeg.domain.reasons import Reason, Status
from tests.support.make import in_parts

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
        status=ChildStatus.FILLED if qty == filled else ChildStatus.CANCELED,
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
        "received_wall": START,
    }
    return Order(status=status, reason=reason, children=rungs, **in_parts(fields | more))


def view(*rungs: ChildRecord, **fields: Any) -> dict[str, Any]:
    return order_view(order(*rungs, **fields))


BOUGHT = rung(1, 25, 25, "534.80", "535.09")
"""The entry of the bracket below."""


def oco(status: ProtectionStatus = ProtectionStatus.LIVE, qty: int = 25, number: int = 1, **fields: Any) -> Protection:
    if status.closed:
        fields = {"closed_at": START + timedelta(minutes=31)} | fields
    return Protection(
        client_order_id=f"ord-1-p{number}",
        broker_order_id=f"oco-{number}",
        qty=Decimal(qty),
        levels=Levels(stop=Decimal("529.45"), target=Decimal("545.50")),
        status=status,
        placed_at=START,
        **fields,
    )


def gone(reason: ExitReason, qty: int = 25, at: str | None = "545.50", source: str = "ord-2") -> Exit:
    price = Decimal(at) if at else None
    return Exit(source=source, reason=reason, qty=Decimal(qty), price=price, at=START + timedelta(minutes=31))


def bracket(*rungs: ChildRecord, **fields: Any) -> Order:
    terms = Bracket(
        side="buy",
        signal_price=Decimal("534.82"),
        stop_loss=Decimal("529.47"),
        take_profit=Decimal("545.52"),
        anchor="fill",
    )
    known: dict[str, Any] = {
        "kind": "bracket",
        "symbol": "CRWD",
        "ladder": "smart_limit",
        "bracket": terms,
        "requested_qty": Decimal(25),
        "reference_price": Decimal("534.82"),
        "max_slippage_bps": Decimal(10),
        "stop_loss": Decimal("529.45"),
        "take_profit": Decimal("545.50"),
        "risk_reward": Decimal(2),
    }
    return order(*rungs, **(known | fields))


HELD = bracket(BOUGHT, protected=True, protections=(oco(),))
TAKEN = bracket(
    BOUGHT,
    protected=True,
    protections=(oco(ProtectionStatus.DONE, exits=(gone(ExitReason.TARGET, source="oco-1"),)),),
)
STOPPED = bracket(
    BOUGHT,
    protected=True,
    protections=(oco(ProtectionStatus.DONE, exits=(gone(ExitReason.STOP, at="529.40", source="oco-1-stop"),)),),
)
SOLD_IN_PART = HELD.with_guard(
    exits=(gone(ExitReason.CLOSE, 10, "540"),), protections=(oco(ProtectionStatus.GONE), oco(qty=15, number=2))
)


def journal(*orders: Order) -> list[dict[str, Any]]:
    """What the exchange saw if every record is true."""
    return [entry for one in orders for part in (_children(one), _ocos(one)) for entry in part]


def _children(one: Order) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = []
    for child in one.children:
        order = _order(one, child.client_order_id, child.broker_order_id, child.sent_at, str(child.qty)) | {
            "order_type": child.type,
            "limit_price": str(child.limit_price) if child.limit_price else None,
        }
        entries.append(order | {"event": "accepted"})
        if child.filled_qty:
            entries.append(_fill(order, child.filled_qty, child.avg_fill_price))
        entries.append(order | {"event": child.status.value, "filled_qty": str(child.filled_qty)})
    return entries


def _ocos(one: Order) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = []
    for guard in one.guard.protections:
        oco_id, size = guard.broker_order_id, str(guard.qty)
        terms = {"side": "sell" if one.side == "buy" else "buy", "order_class": "oco", "time_in_force": "gtc"}
        target = _order(one, guard.client_order_id, oco_id, guard.placed_at, size) | terms
        target |= {"limit_price": str(guard.levels.target)}
        stop = _order(one, f"{oco_id}-x", f"{oco_id}-stop", guard.placed_at, size) | terms
        stop |= {"order_type": "stop", "stop_price": str(guard.levels.stop), "parent_order_id": oco_id}
        entries += [target | {"event": "accepted"}, stop | {"event": "accepted"}]
        took_target = [taken for taken in guard.exits if taken.source == oco_id]
        for taken in guard.exits:
            entries.append(_fill(target if taken in took_target else stop, taken.qty, taken.price))
        if guard.status.closed:
            entries.append(target | {"event": "filled" if took_target else "canceled"})
            entries.append(stop | {"event": "filled" if guard.exits and not took_target else "canceled"})
    return entries


def _order(one: Order, client_order_id: str, order_id: str | None, at: datetime, qty: str) -> dict[str, Any]:
    return {
        "type": "order",
        "at": at.isoformat(),
        "order_id": order_id,
        "client_order_id": client_order_id,
        "symbol": one.symbol,
        "side": one.side,
        "order_type": "limit",
        "time_in_force": "day",
        "qty": qty,
        "filled_qty": "0",
        "limit_price": None,
        "stop_price": None,
        "order_class": "",
        "parent_order_id": None,
        "replaces": None,
    }


def _fill(order: dict[str, Any], qty: Decimal, price: Decimal | None) -> dict[str, Any]:
    same = ("at", "order_id", "client_order_id", "parent_order_id", "symbol", "side")
    return {name: order[name] for name in same} | {"type": "fill", "qty": str(qty), "price": str(price)}
