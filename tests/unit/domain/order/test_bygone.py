"""Child orders of long ago: their figures stay, their lines do not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from repeg.domain.history import MAX_EVENTS
from repeg.domain.metrics.listed import Metric
from repeg.domain.metrics.measured import lines_of
from repeg.domain.order.bygone import FIRST_KEPT, MAX_CHILDREN
from repeg.domain.order.children import ChildRecord, ChildStatus
from repeg.domain.order.record import Order
from repeg.domain.order.views import order_view
from repeg.store.items import item_order, order_item
from tests.support.make import order

AT = datetime(2026, 11, 20, 15, tzinfo=UTC)
STATUSES = [ChildStatus.CANCELED, ChildStatus.FILLED, ChildStatus.NEVER_SENT, ChildStatus.REJECTED]


def _child(number: int, name: str, filled: int = 0, **changes: object) -> ChildRecord:
    child = ChildRecord(
        rung=number,
        client_order_id=name,
        broker_order_id=f"3f5c1e52-0000-4000-8000-{number:012d}",
        type="market" if number % 7 == 0 else "limit",
        limit_price=Decimal("50.98"),
        qty=Decimal(5000),
        filled_qty=Decimal(filled),
        avg_fill_price=Decimal("50.123456") + number if filled else None,
        status=STATUSES[number % 4] if not filled else ChildStatus.CANCELED,
        bid=Decimal("50.95"),
        ask=Decimal("50.98"),
        sent_at=AT + timedelta(seconds=20 * number),
        closed_at=AT + timedelta(seconds=20 * number + 19),
        saved_wall=AT + timedelta(seconds=20 * number),
        patience=Decimal(20),
        sends=1,
    )
    return child.changed(**changes)


def _life(count: int, fills: int) -> tuple[Order, list[ChildRecord]]:
    """An exit that goes on for hours: one child order after the other, `fills` of them for a share."""
    living, all_of_it = order(kind="close", requested_qty=Decimal(5000), children=()), []
    for number in range(1, count + 1):
        child = _child(number, living.client_order_id, int(number <= fills))
        all_of_it.append(child)
        living = living.with_child(child.changed(status=ChildStatus.LIVE))
        living = living.with_child(child).noted(AT, "PlaceOrder", "x" * 150)
    return living, all_of_it


@pytest.mark.parametrize(("count", "fills"), [(10, 3), (30, 30), (31, 0), (200, 40), (200, 200), (1200, 700)])
def test_figures_are_those_of_all_child_orders(count: int, fills: int) -> None:
    living, all_of_it = _life(count, fills)
    sent = [child for child in all_of_it if child.status is not ChildStatus.NEVER_SENT]
    value = sum((child.filled_qty * (child.avg_fill_price or 0) for child in all_of_it), Decimal(0))
    told = lines_of(living)[0].values
    assert told[Metric.CHILD_ORDERS] == len(sent)
    assert told[Metric.CHILD_ORDERS_CANCELLED] == sum(child.status is ChildStatus.CANCELED for child in all_of_it)
    assert told[Metric.CHILD_ORDERS_FILLED] == fills
    assert living.filled_qty == fills
    assert living.avg_fill_price == (value / fills if fills else None)
    assert living.first_sent_at == all_of_it[0].sent_at
    assert living.repegs == len([child for child in sent if child.type == "limit"]) - 1
    assert living.market_fallback is any(child.type == "market" for child in sent)
    assert living.client_order_id.endswith(f"-e{count + 1}")
    assert len(living.children) == min(count, MAX_CHILDREN)
    assert living.children[:FIRST_KEPT] == tuple(all_of_it[:FIRST_KEPT])
    assert living.children[-1] == all_of_it[-1]
    assert len(order_view(living)["rungs"]) + order_view(living)["older_rungs"] == len(sent)


def test_ids_are_never_used_twice() -> None:
    _, all_of_it = _life(200, 50)
    assert len({child.client_order_id for child in all_of_it}) == 200


def test_a_day_of_child_orders_stays_small_and_survives_the_table() -> None:
    living, _ = _life(1200, 700)
    assert len(living.events) == MAX_EVENTS
    item = order_item(living)
    assert len(str(item)) < 100_000
    assert item_order(item) == living


def test_an_open_child_order_is_never_dropped() -> None:
    living, _ = _life(29, 0)
    hanging = _child(99, "hangs", status=ChildStatus.CANCELING)
    living = living.with_child(hanging)
    for number in range(100, 140):
        living = living.with_child(_child(number, f"later-{number}"))
    assert hanging in living.children
    assert living.open_child == hanging


def test_a_price_that_nobody_knows_stays_missing() -> None:
    living, _ = _life(40, 0)
    for number in range(41, 90):
        living = living.with_child(
            _child(number, f"n-{number}", 1, avg_fill_price=None if number == 41 else Decimal(50))
        )
    assert living.filled_qty == 49
    assert living.avg_fill_price is None
