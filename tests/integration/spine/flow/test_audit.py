"""The audit that every test relies on: each of its rules bites when a true story is told a little differently."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from repeg.domain.order.protection import Protection, ProtectionStatus
from repeg.domain.order.record import Order
from repeg.domain.reasons import Status
from tests.support.brackets import CRWD, bracket, crwd, moves
from tests.support.crowd import Crowd
from tests.support.lab import Lab
from tests.support.make import with_fields
from tests.support.observed.audit import audit
from tests.support.scenes import market_time, send

Story = tuple[list[Order], list[dict[str, Any]]]
Change = Callable[[Order, list[dict[str, Any]]], Story]


def _protected(lab: Lab) -> Story:
    crwd(lab)
    return [bracket(lab)], lab.control.journal()


def _exited(lab: Lab) -> Story:
    """The target was hit, and the sweep has seen it."""
    _protected(lab)
    crwd(lab, "545.60", "545.70")
    with Crowd(lab) as crowd:
        crowd.work(until=market_time("10:03"), sweep_every=60)
    lab.check()
    return [lab.order("a")], lab.control.journal()


def _unwound(lab: Lab) -> Story:
    crwd(lab)
    moves(lab, "fill", "529.00", "529.10")
    bracket(lab)
    return list(lab.orders.newest()), lab.control.journal()


def _oco(order: Order, **changes: Any) -> Order:
    changed: Protection = order.guard.protections[0].changed(**changes)
    return order.with_protection(changed)


def _levels(order: Order, **changes: str) -> Order:
    levels = order.guard.protections[0].levels.changed(**{name: Decimal(value) for name, value in changes.items()})
    return _oco(order, levels=levels)


def _child(order: Order, **changes: Any) -> Order:
    return order.changed(children=(order.children[0].changed(**changes),))


def _above_target(order: Order) -> Order:
    """No cap is in the way of the price."""
    return _child(order, avg_fill_price=Decimal(546)).with_terms(max_slippage_bps=None)


def _and_then(journal: list[dict[str, Any]], *entries: dict[str, Any]) -> list[dict[str, Any]]:
    last = journal[-1]["seq"]
    return [*journal, *(entry | {"seq": last + number} for number, entry in enumerate(entries, start=1))]


def _of(journal: list[dict[str, Any]], order_type: str, event: str = "accepted") -> dict[str, Any]:
    found = [e for e in journal if e["type"] == "order" and e["order_class"] == "oco" and e["event"] == event]
    return next(e for e in found if e["order_type"] == order_type)


def _cancelled(journal: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return _and_then(journal, *(_of(journal, leg) | {"event": "canceled"} for leg in ("limit", "stop")))


def _filled_at(journal: list[dict[str, Any]], price: str) -> list[dict[str, Any]]:
    return [entry | {"price": price} if entry["type"] == "fill" else entry for entry in journal]


STRANGER = {"order_id": "b", "client_order_id": "b"}
STORIES: list[tuple[str, Change]] = [
    ("is working", lambda o, j: ([o.changed(status=Status.WORKING)], j)),
    (
        "filled at 534.81 in the record, 534.8 at the exchange",
        lambda o, j: ([_child(o, avg_fill_price=Decimal("534.81"))], j),
    ),
    ("24 filled in the record, 25 at the exchange", lambda o, j: ([_child(o, filled_qty=Decimal(24))], j)),
    ("quantity 26 in the record, 25 at the exchange", lambda o, j: ([_child(o, qty=Decimal(26))], j)),
    ("25 filled or live at .*, 20 wanted", lambda o, j: ([o.with_terms(requested_qty=Decimal(20))], j)),
    ("limit 535 in the record, 535.09", lambda o, j: ([_child(o, limit_price=Decimal("535.00"))], j)),
    ("in no record", lambda o, j: ([o.with_guard(protections=())], j)),
    ("in no record", lambda o, j: ([], j)),
    ("target 545.51 in the record, 545.5", lambda o, j: ([_levels(o, target="545.51")], j)),
    ("quantity 24 in the record, 25", lambda o, j: ([_oco(o, qty=Decimal(24))], j)),
    ("stop 529.46 in the record, 529.45", lambda o, j: ([_levels(o, stop="529.46")], j)),
    ("stop 529.45, filled at 529", lambda o, j: ([_child(o, avg_fill_price=Decimal(529))], _filled_at(j, "529"))),
    ("target 545.5.*filled at 546", lambda o, j: ([_above_target(o)], _filled_at(j, "546"))),
    ("accepted 2 times", lambda o, j: ([o], _and_then(j, _of(j, "limit") | {"order_id": "another"}))),
    (
        "b: at the exchange, but in no record",
        lambda o, j: ([o], _and_then(j, _of(j, "limit") | {"order_id": "b", "client_order_id": "b"})),
    ),
    ("25 held by the record, 0 guarded", lambda o, j: ([o], _cancelled(j))),
    ("without its stop", lambda o, j: ([o], _and_then(j, _of(j, "stop") | {"event": "canceled"}))),
    ("nobody was alerted that 25 are", lambda o, j: ([o.with_guard(protected=False)], _cancelled(j))),
    ("beyond the cap", lambda o, j: ([o], _filled_at(j, "535.36"))),
    ("is unwound and holds", lambda o, j: ([o.changed(status=Status.UNWOUND)], j)),
]


def test_a_true_story_passes(lab: Lab) -> None:
    orders, journal = _protected(lab)
    audit(orders, journal, alerted=())


@pytest.mark.parametrize(("complaint", "change"), STORIES)
def test_a_story_that_is_not_true_is_found_out(lab: Lab, complaint: str, change: Change) -> None:
    (order,), journal = _protected(lab)
    with pytest.raises(AssertionError, match=complaint):
        audit(*change(order, journal), alerted=())


@pytest.mark.parametrize(
    ("changes", "alerted"),
    [({}, True), ({"outside_session": True, "unprotected_ok": True}, False)],
    ids=["told", "wanted"],
)
def test_shares_without_protection_may_be_told_or_wanted(lab: Lab, changes: dict[str, Any], alerted: bool) -> None:
    (order,), journal = _protected(lab)
    gone = _oco(order, status=ProtectionStatus.GONE, closed_at=order.created_at)
    naked = with_fields(gone, **changes).with_guard(protected=False)
    audit([naked], _cancelled(journal), alerted=[order.order_id] if alerted else [])


def test_a_second_protection_of_the_same_shares_is_found_out(lab: Lab) -> None:
    (order,), journal = _protected(lab)
    again = order.guard.protections[0].changed(client_order_id=f"{order.order_id}-p2")
    second = {"order_id": "second", "client_order_id": again.client_order_id}
    with pytest.raises(AssertionError, match="exceed the position"):
        audit([order.with_protection(again)], _and_then(journal, _of(journal, "limit") | second), alerted=())


def test_exits_are_compared_by_quantity_and_price(lab: Lab) -> None:
    (order,), journal = _exited(lab)
    gone = order.guard.protections[0].exits[0]
    audit([order], journal, alerted=())
    for told in ((), (gone.changed(price=Decimal(540)),)):
        with pytest.raises(AssertionError, match="by its target"):
            audit([_oco(order, exits=told)], journal, alerted=())
    with pytest.raises(AssertionError, match="more left than was bought"):
        audit([_oco(order, exits=(gone.changed(qty=Decimal(26)),))], journal, alerted=())


def test_what_an_unwind_sold_is_on_its_brackets_record(lab: Lab) -> None:
    orders, journal = _unwound(lab)
    audit(orders, journal, alerted={order.order_id for order in orders})
    forgotten = [order.with_guard(exits=()) for order in orders]
    with pytest.raises(AssertionError, match="its unwinds sold"):
        audit(forgotten, journal, alerted={order.order_id for order in orders})


def test_an_exit_that_is_larger_than_the_position_is_found_out(lab: Lab) -> None:
    orders, journal = _unwound(lab)
    fewer = [entry | {"qty": "20"} if entry["type"] == "fill" else entry for entry in journal]
    with pytest.raises(AssertionError, match="exceed the position"):
        audit(orders, fewer, alerted=())


def test_two_live_orders_of_a_symbol_are_found_out(lab: Lab) -> None:
    crwd(lab, "535.10", "535.20")
    send(lab, **CRWD)
    with Crowd(lab) as crowd:
        crowd.work(until=market_time("10:00:10"))
        order = lab.order("a")
        other = order.changed(order_id="ord-2", children=(order.children[0].changed(client_order_id="ord-2-e1"),))
        journal = lab.control.journal()
        entry = next(e for e in journal if e["type"] == "order" and e["event"] == "accepted")
        doubled = _and_then(journal, entry | {"order_id": "second", "client_order_id": "ord-2-e1"})
        with pytest.raises(AssertionError, match="has several live"):
            audit([order, other], doubled, all_over=False)
        crowd.work()
