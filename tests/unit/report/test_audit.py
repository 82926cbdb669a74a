from __future__ import annotations

from decimal import Decimal

import pytest

from desk.report.audit import audit
from repeg.domain.order.record import Order
from repeg.domain.order.views import order_view
from tests.unit.samples import BOUGHT, HELD, SOLD_IN_PART, STOPPED, TAKEN, bracket, journal, oco, order, rung

WORKED = order(rung(1, 100, 40, "50.98"), rung(2, 60, 60, "50.99", "51.00"))


def test_true_records_agree_with_the_journal() -> None:
    found = audit([order_view(WORKED)], journal(WORKED))
    assert (found.orders, found.child_orders, found.fills, found.differences) == (1, 2, 2, [])


def test_an_order_in_no_record_is_a_difference() -> None:
    stray = order(rung(3, 5, 5, "51.00"))
    assert audit([order_view(WORKED)], journal(WORKED, stray)).differences == [
        "ord-1-e3: at the exchange, but in no record"
    ]


def test_a_child_order_that_the_exchange_never_saw_is_a_difference() -> None:
    lines = audit([order_view(WORKED)], journal(WORKED)[:3]).differences
    assert "ord-1-e2: in the record as filled, but the exchange never saw it" in lines
    assert "ord-1: 100 filled in the record, 40 at the exchange" in lines


def test_wrong_quantities_prices_and_endings_are_differences() -> None:
    lied = order(rung(1, 100, 50, "50.97"), rung(2, 60, 60, "50.99", "51.01"))
    lines = audit([order_view(lied)], journal(WORKED)).differences
    assert "ord-1-e1: 50 filled in the record, 40 at the exchange" in lines
    assert "ord-1-e2: limit 51.01 in the record, 51.00 at the exchange" in lines
    open_there = [entry for entry in journal(WORKED) if entry.get("event") != "canceled"]
    assert (
        "ord-1-e1: canceled in the record, live at the exchange" in audit([order_view(WORKED)], open_there).differences
    )


def test_a_second_rung_before_the_first_is_over_is_an_overfill_in_the_making() -> None:
    first, second = journal(order(rung(1, 100, 0))), journal(order(rung(2, 100, 100, "50.99")))
    entries = [first[0], *second, first[1]]
    record = order(rung(1, 100, 0), rung(2, 100, 100, "50.99"))
    assert any("200 filled or live" in line for line in audit([order_view(record)], entries).differences)


def test_one_signal_with_two_orders_is_a_difference() -> None:
    twin = WORKED.changed(order_id="ord-2")
    assert "s-1: became 2 orders" in audit([order_view(WORKED), order_view(twin)], journal(WORKED)).differences


def test_prices_are_compared_as_numbers() -> None:
    child = rung(1, 100, 100, "50.980", "50.990")
    entries = journal(order(child))
    for entry in entries:
        if "price" in entry:
            entry["price"] = str(Decimal(entry["price"]).normalize())
    assert audit([order_view(order(child))], entries).differences == []


@pytest.mark.parametrize("one", [HELD, TAKEN, STOPPED, SOLD_IN_PART])
def test_protection_as_recorded_agrees_with_the_journal(one: Order) -> None:
    found = audit([order_view(one)], journal(one))
    assert (found.child_orders, found.protections, found.differences) == (1, len(one.guard.protections), [])


def test_an_exit_that_the_record_does_not_know_is_a_difference() -> None:
    lines = audit([order_view(HELD)], journal(TAKEN)).differences
    assert "ord-1-p1: by its target 0 in the record, 25 at 545.50 at the exchange" in lines
    assert "ord-1-p1: live in the record, over at the exchange" in lines
    assert "ord-1: 25 held by the record, 0 guarded at the exchange" in lines


def test_levels_and_sizes_of_protection_are_compared() -> None:
    other = HELD.with_guard(protections=(oco(qty=20),))
    lines = audit([order_view(other)], journal(HELD)).differences
    assert "ord-1-p1: quantity 20 in the record, 25 at the exchange" in lines
    entries = journal(HELD)
    entries[-1]["stop_price"] = "500"
    assert any("stop 529.45 in the record" in line for line in audit([order_view(HELD)], entries).differences)


def test_protection_that_the_exchange_never_saw_is_a_difference() -> None:
    lines = audit([order_view(HELD)], journal(bracket(BOUGHT))).differences
    assert "ord-1-p1: in the record as live, but the exchange never saw it" in lines


def test_protection_of_nobody_is_a_difference() -> None:
    lines = audit([order_view(bracket(BOUGHT))], journal(HELD)).differences
    assert "ord-1-p1: at the exchange, but in no record" in lines


def test_guarding_more_than_is_held_is_a_difference() -> None:
    twice = HELD.with_guard(protections=(oco(), oco(number=2)))
    assert "ord-1: 25 held by the record, 50 guarded at the exchange" in (
        audit([order_view(twice)], journal(twice)).differences
    )


def test_what_leaves_for_an_order_shares_its_signal() -> None:
    leaving = order(rung(1, 25, 25, "50.98"), order_id="ord-2", kind="unwind", requested_qty=Decimal(25))
    assert "s-1: became 2 orders" not in audit([order_view(WORKED), order_view(leaving)], []).differences
