"""Every rule of the audit bites: true records with one thing told differently, in the record or by the exchange."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import pytest

from desk.report.audit import audit
from repeg.domain.order.bygone import Bygone
from repeg.domain.order.children import ChildStatus
from repeg.domain.order.protection import ExitReason, ProtectionStatus
from repeg.domain.order.record import Order
from repeg.domain.order.views import order_view
from repeg.domain.reasons import Status
from tests.support.make import with_fields
from tests.unit.samples import BOUGHT, HELD, STOPPED, TAKEN, bracket, gone, journal, oco, order, rung

Entries = list[dict[str, Any]]


def _with_child(one: Order, **changes: Any) -> Order:
    return one.changed(children=(one.children[0].changed(**changes),))


CLOSED = order(rung(1, 25, 25, "540"), kind="close", symbol="CRWD", side="sell", order_id="ord-2", signal_id="s-2")
CLOSED = _with_child(CLOSED, client_order_id="ord-2-e1", broker_order_id="b-9").with_terms(requested_qty=Decimal(25))
SOLD = bracket(BOUGHT, exits=(gone(ExitReason.CLOSE, 25, "540"),))
LEFT = with_fields(CLOSED, kind="unwind", parent_id="ord-1")
UNWOUND = bracket(BOUGHT, status=Status.UNWOUND, exits=(gone(ExitReason.UNWIND, 25, "540"),))
LONG_AGO = bracket(BOUGHT, exits=(gone(ExitReason.TARGET, source="oco-0"),))
TOO_LARGE = bracket(BOUGHT, protections=(oco(qty=26),))
TWICE = bracket(BOUGHT, protections=(oco(), oco(number=2)))
GONE = bracket(BOUGHT, protections=(oco(ProtectionStatus.GONE),))


def _with_oco(**changes: Any) -> Order:
    return HELD.with_guard(protections=(HELD.guard.protections[0].changed(**changes),))


def _left(one: Order, qty: int, price: str) -> Order:
    return one.with_guard(exits=(gone(one.guard.exits[0].reason, qty, price),))


def _told(entries: Entries, name: str, **changes: Any) -> Entries:
    """Everything that the exchange says of one order, with something else in it."""
    return [entry | changes if entry.get("client_order_id") == name else entry for entry in entries]


def _ended(entries: Entries, name: str, event: str = "canceled") -> Entries:
    last = next(entry for entry in entries if entry.get("client_order_id") == name and entry["type"] == "order")
    return [*entries, last | {"event": event}]


def _without_ends(entries: Entries) -> Entries:
    return [entry for entry in entries if entry.get("event") in (None, "accepted")]


def _again(entries: Entries, name: str, **changes: Any) -> Entries:
    first = next(entry for entry in entries if entry.get("client_order_id") == name)
    return [*entries, first | changes]


def _of(*orders: Order) -> Entries:
    return [{"type": "position", "symbol": "TQQQ", "position_qty": "0"}, *journal(*orders)]


TWO_LIVE = [*_without_ends(journal(order(rung(1, 60, 0)))), *_without_ends(journal(order(rung(2, 40, 0))))]

FALSEHOODS: list[tuple[str, list[Order], Entries]] = [
    # at every moment
    ("x: at the exchange, but in no record", [HELD], _again(_of(HELD), "ord-1-e1", order_id="x", client_order_id="x")),
    ("ord-1-e1: filled at 535.36, beyond the cap", [HELD], _told(_of(HELD), "ord-1-e1", price="535.36")),
    ("ord-1: 25 filled or live at .*, 20 wanted", [HELD.with_terms(requested_qty=Decimal(20))], _of(HELD)),
    ("ord-1: 50 left of 25 bought", [TAKEN, LEFT], [*_of(TAKEN), *journal(LEFT)]),
    ("TQQQ: has several live orders: ord-1-e1, ord-1-e2", [order(rung(1, 60, 0), rung(2, 40, 0))], TWO_LIVE),
    ("CRWD: 26 in protection and 0 in exits exceed", [TOO_LARGE], _of(TOO_LARGE)),
    ("CRWD: 0 in protection and 25 in exits exceed the position of 0", [CLOSED], _of(CLOSED)),
    # records
    ("s-1: became 2 orders", [HELD, HELD.changed(order_id="ord-3")], _of(HELD)),
    ("ord-1-e1: in the record as filled, but the exchange never saw it", [bracket(BOUGHT)], []),
    ("ord-1-e1: 25 filled in the record, none at", [_with_child(HELD, status=ChildStatus.LIVE)], []),
    ("ord-1-e1: accepted 2 times", [HELD], _again(_of(HELD), "ord-1-e1")),
    ("ord-1-p1: accepted 2 times", [HELD], _again(_of(HELD), "ord-1-p1", order_id="oco-9")),
    ("ord-1-e1: symbol CRWD in the record, NVDA at", [HELD], _told(_of(HELD), "ord-1-e1", symbol="NVDA")),
    ("ord-1-e1: side buy in the record, sell at", [HELD], _told(_of(HELD), "ord-1-e1", side="sell")),
    ("ord-1-e1: type market in the record, limit at", [_with_child(HELD, type="market")], _of(HELD)),
    ("ord-1-e1: class  in the record, bracket at", [HELD], _told(_of(HELD), "ord-1-e1", order_class="bracket")),
    ("ord-1-e1: limit 535 in the record, 535.09 at", [_with_child(HELD, limit_price=Decimal(535))], _of(HELD)),
    ("ord-1-e1: quantity 26 in the record, 25 at", [_with_child(HELD, qty=Decimal(26))], _of(HELD)),
    ("ord-1-e1: 24 filled in the record, 25 at", [_with_child(HELD, filled_qty=Decimal(24))], _of(HELD)),
    ("ord-1-e1: filled at 534.81 in the record", [_with_child(HELD, avg_fill_price=Decimal("534.81"))], _of(HELD)),
    ("ord-1-e1: filled at None in the record", [_with_child(HELD, avg_fill_price=None)], _of(HELD)),
    ("ord-1-e1: canceled in the record, filled at", [_with_child(HELD, status=ChildStatus.CANCELED)], _of(HELD)),
    ("ord-1-e1: filled in the record, live at", [HELD], _without_ends(_of(HELD))),
    ("ord-1: 24 filled in the record, 25 at", [_with_child(HELD, filled_qty=Decimal(24))], _of(HELD)),
    ("ord-1: says filled, and 5 of it are not", [HELD.with_terms(requested_qty=Decimal(30))], _of(HELD)),
    ("ord-1: more left than was bought: 1", [_left(SOLD, 26, "540")], _of(SOLD)),
    ("ord-1: 2 older child orders in the record, 0", [HELD.changed(bygone=Bygone(written=2, sent=2))], _of(HELD)),
    ("ord-1: 25 left by OCOs of long ago in the record, 0", [LONG_AGO], _of(HELD)),
    ("CRWD: a position of 24 by the records, 25 at", [_with_child(HELD, filled_qty=Decimal(24))], _of(HELD)),
    # protection
    ("ord-1-p1: symbol CRWD in the record, NVDA at", [HELD], _told(_of(HELD), "ord-1-p1", symbol="NVDA")),
    ("ord-1-p1: side sell in the record, buy at", [HELD], _told(_of(HELD), "ord-1-p1", side="buy")),
    ("ord-1-p1: quantity 24 in the record, 25 at", [_with_oco(qty=Decimal(24))], _of(HELD)),
    ("ord-1-p1: class oco in the record,  at", [HELD], _told(_of(HELD), "ord-1-p1", order_class="")),
    ("ord-1-p1: time in force gtc in the record, day", [HELD], _told(_of(HELD), "ord-1-p1", time_in_force="day")),
    ("ord-1-p1: target 545.5 in the record, 546 at", [HELD], _told(_of(HELD), "ord-1-p1", limit_price="546")),
    ("ord-1-p1: stop 529.45 in the record, 529 at", [HELD], _told(_of(HELD), "oco-1-x", stop_price="529")),
    ("ord-1-p1: stop 529.45 in the record, None at", [HELD], [e for e in _of(HELD) if e.get("stop_price") is None]),
    ("ord-1-p1: type of its stop stop in the record", [HELD], _told(_of(HELD), "oco-1-x", order_type="stop_limit")),
    ("ord-1-p1: quantity of its stop 25 in the record, 24", [HELD], _told(_of(HELD), "oco-1-x", qty="24")),
    ("ord-1-p1: time in force of its stop gtc", [HELD], _told(_of(HELD), "oco-1-x", time_in_force="day")),
    ("ord-1-p1: stop 529.45, filled at 529", [_with_child(HELD, avg_fill_price=Decimal(529))], _of(HELD)),
    ("ord-1-p1: target 545.50, filled at 546", [_with_child(HELD, avg_fill_price=Decimal(546))], _of(HELD)),
    ("ord-1-p1: protects nothing", [HELD.changed(children=())], _of(HELD)),
    # in the end
    ("ord-1-e1: is live", [_with_child(HELD, status=ChildStatus.LIVE)], _of(HELD)),
    ("ord-1: is working", [HELD.changed(status=Status.WORKING)], _of(HELD)),
    ("ord-1-p1: in the record as live, but the exchange never", [HELD], _of(bracket(BOUGHT))),
    ("ord-1-p1: live in the record, over at", [HELD], _ended(_ended(_of(HELD), "ord-1-p1"), "oco-1-x")),
    ("ord-1-p1: gone in the record, live at", [GONE], _of(HELD)),
    ("ord-1: live at the exchange after the end: ord-1-e1", [HELD], _without_ends(_of(HELD))),
    ("ord-1-p1: by its target 0 in the record, 25 at 545.50 at", [HELD], _of(TAKEN)),
    (
        "ord-1-p1: by its stop 25 at 529.4 in the record, 25 at 529.30",
        [STOPPED],
        _told(_of(STOPPED), "oco-1-x", price="529.30"),
    ),
    (
        "ord-1: unwound nothing in the record, its unwinds sold 25 at 540",
        [UNWOUND.with_guard(exits=()), LEFT],
        _of(UNWOUND, LEFT),
    ),
    (
        "ord-1: unwound 25 at 541 .*, its unwinds sold 25 at 540",
        [_left(UNWOUND, 25, "541"), LEFT],
        _of(UNWOUND, LEFT),
    ),
    (
        "ord-2: sold 25, and 26 are booked",
        [_left(SOLD, 26, "540"), CLOSED],
        _of(SOLD, CLOSED),
    ),
    (
        "ord-2: sold at 540, and booked at 541",
        [_left(SOLD, 25, "541"), CLOSED],
        _of(SOLD, CLOSED),
    ),
    ("ord-1: is no bracket, and has protection", [HELD.changed(kind="order")], _of(HELD)),
    ("ord-1: 25 held by the record, 0 guarded at", [HELD], _ended(_ended(_of(HELD), "ord-1-p1"), "oco-1-x")),
    ("ord-1: 25 held by the record, 50 guarded at", [TWICE], _of(TWICE)),
    ("ord-1: a target without its stop", [HELD], _ended(_of(HELD), "oco-1-x")),
    ("ord-1: is unwound and holds 25", [HELD.changed(status=Status.UNWOUND)], _of(HELD)),
    ("ord-1: nobody was alerted that 25 are unprotected", [bracket(BOUGHT)], _of(bracket(BOUGHT))),
]


@pytest.mark.parametrize(("complaint", "orders", "entries"), FALSEHOODS, ids=[each[0] for each in FALSEHOODS])
def test_a_falsehood_is_found(complaint: str, orders: list[Order], entries: Entries) -> None:
    lines = audit([order_view(one) for one in orders], entries, alerted=()).differences
    assert any(re.match(complaint, line) for line in lines), lines


@pytest.mark.parametrize(
    "orders",
    [[HELD], [TAKEN], [STOPPED], [SOLD, CLOSED], [UNWOUND, LEFT]],
    ids=["held", "taken", "stopped", "closed", "unwound"],
)
def test_the_same_told_truly_is_fine(orders: list[Order]) -> None:
    assert audit([order_view(one) for one in orders], _of(*orders), alerted=()).differences == []
