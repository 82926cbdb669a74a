"""The blotter's look at the table: all that changed is seen, and what is over costs nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from desk.blotter.book import LOOKS_BETWEEN_LISTS, Book
from desk.blotter.glances import Glances
from desk.blotter.rows import order_detail, order_row
from desk.stack.records import Records
from repeg.domain.order.children import ChildStatus
from repeg.domain.order.record import UNKNOWN_SYMBOL, Order
from repeg.domain.reasons import Status
from repeg.store.orders import OrderStore
from tests.support.clinic import Clinic
from tests.support.make import NOON, child, order, with_fields
from tests.unit.blotter.conftest import Desk


@pytest.fixture
def book(clinic: Clinic) -> Book:
    return Book(Records(clinic["dynamodb"], "repeg"), Glances(clinic["dynamodb"], "repeg"))


def _ended(order: Order) -> Order:
    filled = child(filled_qty=Decimal(100), avg_fill_price=Decimal("50.98"), status=ChildStatus.FILLED, closed_at=NOON)
    return with_fields(order, status=Status.FILLED, children=(filled,), completed_at=NOON)


def test_an_order_shows_with_its_rungs_as_soon_as_it_is_written_until_it_is_over(book: Book, desk: Desk) -> None:
    assert book.look()["orders"] == {}
    desk.taken_in()
    assert book.look()["orders"]["ord-1"]["status"] == "received"
    working = desk.store.save(with_fields(_of(desk), status=Status.WORKING, children=(child(),)))
    row = book.look()["orders"]["ord-1"]
    assert (row["live"], row["rungs"][0]["limit_price"], row["rungs"][0]["open"]) == (True, "50.99", True)
    desk.store.finish(_ended(working))
    row = book.look()["orders"]["ord-1"]
    assert (row["live"], row["status"], row["filled_qty"], row["avg_fill_price"]) == (False, "filled", "100", "50.98")


def test_what_is_over_and_told_is_not_read_again(book: Book, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    ended = desk.store.finish(_ended(desk.working()))
    desk.store.save(with_fields(ended, published=True))
    first = book.look()["orders"]["ord-1"]
    asked: list[Any] = []
    monkeypatch.setattr(Glances, "versions", lambda self, ids: asked.extend(ids) or {})
    assert book.look()["orders"]["ord-1"] is first
    assert asked == []


def test_a_row_that_nobody_wrote_is_not_made_anew(book: Book, desk: Desk) -> None:
    desk.working()
    assert book.look()["orders"]["ord-1"] is book.look()["orders"]["ord-1"]


def test_what_is_watched_is_not_read_again_because_it_is_listed(
    book: Book, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Five hundred live orders were read in full every few seconds, and held up what had changed."""
    desk.working()
    book.look()
    read: list[str] = []
    real = OrderStore.several
    monkeypatch.setattr(OrderStore, "several", lambda self, ids: (read.extend(ids), real(self, ids))[1])
    for _ in range(2 * LOOKS_BETWEEN_LISTS):
        book.look()
    assert read == []


def test_an_open_order_of_days_ago_is_found(book: Book, clinic: Clinic, desk: Desk) -> None:
    desk.working()
    late = Book(
        Records(clinic["dynamodb"], "repeg"), Glances(clinic["dynamodb"], "repeg"), lambda: NOON + timedelta(days=900)
    )
    assert "ord-1" in late.look()["orders"]


def test_what_came_and_ended_while_nobody_looked_is_found(clinic: Clinic, desk: Desk) -> None:
    """No page was open, or the machine slept."""
    clock = datetime.now(UTC) - timedelta(hours=1)
    book = Book(Records(clinic["dynamodb"], "repeg"), Glances(clinic["dynamodb"], "repeg"), lambda: clock)
    book.look()
    desk.store.finish(_ended(desk.working()))
    clock += timedelta(hours=3)
    assert book.look()["orders"]["ord-1"]["status"] == "filled"


@pytest.mark.parametrize("seen_before", [True, False])
def test_a_record_that_cannot_be_read_hides_no_other(book: Book, clinic: Clinic, desk: Desk, seen_before: bool) -> None:
    desk.working()
    desk.working("ord-2")
    if seen_before:
        book.look()
    _written_by_a_later_version(clinic, "99")
    for _ in range(LOOKS_BETWEEN_LISTS + 1):
        shown = book.look()
        assert "ord-1" in shown["orders"]
        assert set(shown["unreadable"]) == {"ord-2"}
    _written_by_a_later_version(clinic, "2")
    for _ in range(LOOKS_BETWEEN_LISTS):
        shown = book.look()
    assert (set(shown["orders"]), shown["unreadable"]) == ({"ord-1", "ord-2"}, {})


def _written_by_a_later_version(clinic: Clinic, form: str) -> None:
    clinic["dynamodb"].update_item(
        TableName="repeg",
        Key={"pk": {"S": "ORDER#ord-2"}, "sk": {"S": "ORDER"}},
        UpdateExpression="SET form = :form ADD version :one",
        ExpressionAttributeValues={":form": {"N": form}, ":one": {"N": "1"}},
    )


def test_what_names_no_known_symbol_has_none_and_says_what_it_is_about() -> None:
    row = order_row(with_fields(order(symbol=UNKNOWN_SYMBOL, kind="adjust", side=None), names="s-lost"))
    assert (row["symbol"], row["kind"], row["about"]) == (None, "adjust", "s-lost")
    assert order_row(order(symbol="TQQQ"))["symbol"] == "TQQQ"


def test_the_detail_says_what_a_rung_met_and_how_long_it_may_rest() -> None:
    rung = child(bid=Decimal("50.95"), ask=Decimal("50.98"))
    detail = order_detail(order(children=(rung,)))
    assert (detail["rungs"][0]["bid"], detail["rungs"][0]["patience"], detail["rungs"][0]["open"]) == (
        "50.95",
        "2.5",
        True,
    )


def _of(desk: Desk) -> Order:
    found = desk.store.get("ord-1")
    assert found
    return found
