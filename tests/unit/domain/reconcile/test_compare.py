"""Both sides as plain values: what differs, what is nobody's business, and what two looks make of it."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from repeg.domain.market.reports import Fill, OrderReport, OrderStatus, Position
from repeg.domain.order.protection import ProtectionStatus
from repeg.domain.order.record import Order
from repeg.domain.reasons import Status
from repeg.domain.reconcile.book import Book, Counter, Queue, name_of
from repeg.domain.reconcile.compare import compare
from repeg.domain.reconcile.findings import ABOUT, Finding, Heal, Severity, What, confirmed
from tests.unit.samples import BOUGHT, START, oco, order

ID = "ord-" + "a" * 20
TOKEN = "0123abcd"


def bracket(**fields: Any) -> Order:
    """25 CRWD, told, under one OCO that works."""
    held = order(BOUGHT, order_id=ID, kind="bracket", symbol="CRWD", published=True, protected=True, settled=True)
    held = held.changed(completed_at=START, namespace=TOKEN, **fields)
    return held.with_guard(protections=(oco(),)).with_run(published=True)


def listed(**fields: Any) -> OrderReport:
    """That OCO as it is listed."""
    known: dict[str, Any] = {
        "broker_order_id": "oco-1",
        "client_order_id": "ord-1-p1",
        "symbol": "CRWD",
        "side": "sell",
        "status": OrderStatus.LIVE,
        "broker_status": "new",
        "qty": Decimal(25),
        "filled_qty": Decimal(0),
        "limit_price": Decimal("545.50"),
        "submitted_at": START,
    }
    return OrderReport(**(known | fields))


def book(*orders: Order, **fields: Any) -> Book:
    """All of these, and a broker that shows the same."""
    held = Position(symbol="CRWD", qty=Decimal(25), qty_available=Decimal(0), avg_entry_price=Decimal("534.80"))
    known: dict[str, Any] = {
        "now": START + timedelta(hours=1),
        "wall": START + timedelta(hours=1),
        "positions": {"CRWD": held},
        "open_orders": {"oco-1": listed()},
        "fills": (),
        "asked": {},
        "quotes": {},
        "session": None,
        "orders": {each.order_id: each for each in orders},
        "broken": {},
        "running": frozenset(),
        "listed": frozenset(each.order_id for each in orders if each.unexited_qty > 0),
        "to_do": frozenset(),
        "queues": {},
        "token": TOKEN,
    }
    return Book(**(known | fields))


def whats(**fields: Any) -> list[What]:
    return [finding.what for finding in compare(book(bracket(), **fields))]


def test_what_agrees_differs_in_nothing() -> None:
    assert whats() == []
    assert compare(book()) == ()


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({"open_orders": {}}, What.UNRECORDED_EXIT),
        ({"open_orders": {"oco-1": listed(filled_qty=Decimal(5))}}, What.UNRECORDED_EXIT),
        ({"positions": {}}, What.MISSING_SHARES),
        ({"listed": frozenset()}, What.UNLISTED),
        ({"counters": (Counter("requests", Decimal(3), Decimal(2)),)}, What.COUNTER),
        ({"queues": {"CRWD": Queue("ord-" + "b" * 20)}}, What.DEAD_TURN),
        ({"queues": {"CRWD": Queue(None, ("ord-" + "b" * 20,))}}, What.DEAD_PLACE),
        ({"broken": {"ord-x": "form 9"}}, What.UNREADABLE),
        (
            {"fills": (Fill(broker_order_id="oco-1", symbol="CRWD", at=START, filled_qty=Decimal(5)),)},
            What.UNRECORDED_EXIT,
        ),
        (
            {"fills": (Fill(broker_order_id="b-1", symbol="CRWD", at=START, filled_qty=Decimal(30)),)},
            What.UNRECORDED_FILL,
        ),
    ],
)
def test_each_side_alone_shows_it(fields: dict[str, Any], found: What) -> None:
    assert whats(**fields) == [found]


@pytest.mark.parametrize(
    "fields",
    [
        {"open_orders": {}},
        {"positions": {}},
        {"fills": (Fill(broker_order_id="oco-1", symbol="CRWD", at=START, filled_qty=Decimal(5)),)},
        {"listed": frozenset()},
        {"queues": {"CRWD": Queue(ID)}},
    ],
)
def test_an_order_at_work_differs_in_nothing(fields: dict[str, Any]) -> None:
    assert whats(running=frozenset({ID}), **fields) == []


def test_what_a_close_at_work_has_taken_down_is_its_own_business() -> None:
    close = order(order_id="ord-" + "c" * 20, kind="close", symbol="CRWD", status=Status.WORKING)
    lines = {"CRWD": Queue(close.order_id, (close.order_id,))}
    at_work = book(bracket(), close, queues=lines, running=frozenset({close.order_id}), open_orders={}, positions={})
    assert compare(at_work) == ()


def test_shares_that_no_record_knows_are_somebody_elses() -> None:
    more = Position(symbol="CRWD", qty=Decimal(900), qty_available=Decimal(875), avg_entry_price=Decimal(1))
    theirs = Position(symbol="SPY", qty=Decimal(3), qty_available=Decimal(3), avg_entry_price=Decimal(600))
    assert whats(positions={"CRWD": more, "SPY": theirs}) == []


@pytest.mark.parametrize(
    ("client_order_id", "found"),
    [
        (f"ord-{'b' * 20}-{TOKEN}-e1", [What.ORPHAN_ORDER]),
        (f"{ID}-{TOKEN}-e2", [What.ORPHAN_ORDER]),
        (f"ord-{'b' * 20}-ffffffff-e1", []),
        (f"ord-{'b' * 20}-e1", []),
        ("a-leg-or-anybodys", []),
    ],
    ids=["no record", "not in its record", "another stack's", "of nobody", "somebody else's"],
)
def test_whose_an_open_order_is_follows_from_its_id(client_order_id: str, found: list[What]) -> None:
    stray = listed(broker_order_id="x", client_order_id=client_order_id)
    assert whats(open_orders={"oco-1": listed(), "x": stray}) == found
    assert whats(
        fills=(Fill(broker_order_id="x", symbol="CRWD", at=START, filled_qty=Decimal(1)),), asked={"x": stray}
    ) == (found)


def test_an_oco_that_the_record_has_for_over_is_read_while_it_holds_shares_and_left_alone_when_not() -> None:
    gone = bracket().with_guard(protections=(oco(ProtectionStatus.GONE), oco(number=2)))
    again = {"oco-1": listed(client_order_id=f"{ID}-{TOKEN}-p1"), "oco-2": listed(broker_order_id="oco-2")}
    over = oco(ProtectionStatus.GONE).changed(client_order_id=f"{ID}-{TOKEN}-p1")
    gone = gone.with_guard(protections=(over, oco(number=2)))
    [found] = compare(book(gone, open_orders=again))
    assert (found.what, found.heal) == (What.UNRECORDED_EXIT, Heal.LOOK)
    flat = gone.with_guard(protections=(over,)).with_care(adjustments=())
    flat = flat.without_child(flat.children[0])
    [found] = compare(book(flat, open_orders={"oco-1": again["oco-1"]}))
    assert (found.what, found.heal) == (What.UNWATCHED_OCO, Heal.NONE)


def test_only_what_two_looks_show_is_believed() -> None:
    one, other = Finding(what=What.BARE, symbol="A"), Finding(what=What.BARE, symbol="B")
    assert confirmed((one,), (one.changed(detail="later"), other)) == (one.changed(detail="later"),)
    assert confirmed((one,), ()) == confirmed((), (one,)) == ()


def test_every_kind_is_in_the_table_and_nothing_that_may_cost_money_is_mended_by_a_new_send() -> None:
    assert set(ABOUT) == set(What)
    touching = {about.heal for about in ABOUT.values() if about.severity is Severity.MONEY}
    assert touching == {Heal.NONE, Heal.LOOK, Heal.TAKE_BACK, Heal.RECORD, Heal.RELIST}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"{ID}-{TOKEN}-e12", (ID, f"{ID}-{TOKEN}", "e", 12, TOKEN)),
        (f"{ID}-p3", (ID, ID, "p", 3, "")),
        (f"{ID}-{TOKEN}", None),
        (f"x{ID}-e1", None),
    ],
)
def test_an_id_says_of_which_order_it_is(text: str, said: tuple[object, ...] | None) -> None:
    assert name_of(text) == said
