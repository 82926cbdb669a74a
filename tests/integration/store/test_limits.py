"""Counters of entries: exactly as many are admitted as a limit allows, and what is not used comes back once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from typing import Any

from repeg.domain.book import Book, Held
from repeg.domain.counters import NOTIONAL, ORDERS, Bound, Entry, reckoned
from repeg.domain.order.record import Order
from repeg.domain.order.reservation import Counted
from repeg.domain.reasons import Reason, Status
from repeg.store.orders import OrderStore
from tests.support.make import NOON, child, order
from tests.support.stand_ins.tables import OneAtATime

TODAY = NOON.date()
TAKEN = Decimal("51.25")


def entry(number: int) -> Entry:
    return Entry(order_id=f"ord-{number}", strategy="pairs", notional=TAKEN, twin=f"twin {number}", at=NOON)


def at_most(entries: int, dollars: str | None = None) -> tuple[Bound, ...]:
    counts = [Bound(ORDERS, Decimal(entries - 1), Reason.RISK_DAILY_ORDERS, "")]
    sums = [Bound(NOTIONAL, Decimal(dollars) - TAKEN, Reason.RISK_DAILY_NOTIONAL, "")] if dollars else []
    return (*counts, *sums)


def record(number: int, **fields: Any) -> Order:
    counted = Counted(day=TODAY, notional=TAKEN)
    return order(**({"order_id": f"ord-{number}", "strategy": "pairs", "counted": counted} | fields))


def test_of_a_hundred_at_once_exactly_as_many_are_counted_as_fit(dynamodb: Any, table: str) -> None:
    store = OrderStore(OneAtATime(dynamodb), table)
    bounds = at_most(100, str(37 * TAKEN))
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda number: store.count_entry(TODAY, entry(number), bounds), range(100)))
    assert answers.count(None) == 37
    assert {bound.reason for bound in answers if bound} == {Reason.RISK_DAILY_NOTIONAL}
    stands = store.counters(TODAY)
    assert (stands.totals[ORDERS], stands.totals[NOTIONAL], len(stands.entries)) == (37, 37 * TAKEN, 37)


def test_an_entry_that_is_counted_again_counts_once_and_is_admitted(store: OrderStore) -> None:
    for _ in range(2):
        assert store.count_entry(TODAY, entry(1), at_most(1)) is None
    assert store.counters(TODAY).totals[ORDERS] == 1
    refused = store.count_entry(TODAY, entry(2), at_most(1))
    assert refused and refused.reason is Reason.RISK_DAILY_ORDERS


def test_what_was_not_used_comes_back_once(store: OrderStore) -> None:
    store.count_entry(TODAY, entry(1), at_most(1))
    for _ in range(2):
        store.settle_entry(record(1), NOON)
    assert store.counters(TODAY).totals == {}
    assert store.count_entry(TODAY, entry(2), at_most(1)) is None


def test_what_was_never_counted_gives_nothing_back(store: OrderStore) -> None:
    """Its worker died between the record and the counter."""
    store.count_entry(TODAY, entry(1), at_most(9))
    store.settle_entry(record(2), NOON)
    assert store.counters(TODAY).totals[ORDERS] == 1


def test_what_was_filled_stays_counted_at_its_price(store: OrderStore) -> None:
    store.count_entry(TODAY, entry(1), ())
    fill = child(1, filled_qty=Decimal(1), avg_fill_price=Decimal("50.98"))
    filled = record(1, status=Status.FILLED, children=(fill,))
    late = NOON + timedelta(milliseconds=900)
    store.settle_entry(filled, late)
    stands = store.counters(TODAY)
    assert stands.totals == reckoned(TODAY, [filled]).totals
    assert stands.settled == Decimal("50.98")
    assert stands.settled_at == late, (
        "to the moment: by its second a look right behind it would not wait for it to show"
    )


def test_counters_that_are_off_are_brought_to_what_the_records_say(store: OrderStore) -> None:
    store.count_entry(TODAY, entry(1), ())
    store.settle_entry(record(1), NOON)
    stood, right = store.counters(TODAY), reckoned(TODAY, [record(2), record(3)])
    store.correct_counters(TODAY, stood, right)
    assert store.counters(TODAY).totals == right.totals
    store.correct_counters(TODAY, stood.changed(totals={ORDERS: Decimal(9)}), right)
    assert store.counters(TODAY).totals == right.totals, "what moved meanwhile is left alone"


def test_counters_that_are_gone_are_brought_back_once(store: OrderStore) -> None:
    """Each of the counters that differ is a difference of its own, and two comparisons may run at once."""
    stood, right = store.counters(TODAY), reckoned(TODAY, [record(1), record(2)])
    for _ in range(3):
        store.correct_counters(TODAY, stood, right)
    assert store.counters(TODAY).totals == right.totals


def test_another_day_counts_anew(store: OrderStore) -> None:
    store.count_entry(TODAY, entry(1), at_most(1))
    assert store.count_entry(TODAY + timedelta(days=1), entry(2), at_most(1)) is None


def test_an_older_look_does_not_take_the_place_of_a_newer(store: OrderStore) -> None:
    newer = Book(at=NOON, positions={"TQQQ": Held(qty=Decimal(100), value=Decimal(5100))})
    store.keep_book(newer)
    store.keep_book(Book(at=NOON - timedelta(seconds=1)))
    assert store.book() == newer
    assert store.book_and_trades("TQQQ") == (newer, ())
    set_back = Book(at=NOON - timedelta(hours=1))
    store.keep_book(set_back)
    assert store.book() == set_back, "the clock was set back"
