"""Evidence of trips is counted by the table, and halts once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from repeg.domain.halt import Halt, Mode, Scope
from repeg.domain.trips import Errors, Trip, Tripped
from repeg.store.orders import OrderStore
from repeg.store.trips import Word

TEN = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)
HALT = Halt(mode=Mode.HALTED, reason="tripped")
TRIPPED = Tripped(Trip.BROKER, "errors", "", "now")


def test_errors_of_many_workers_are_all_counted(store: OrderStore) -> None:
    counts = [store.trips().add_errors(count, anew=False, wall=TEN).in_a_row for count in (1, 4, 1)]
    assert counts == [1, 5, 6], "one write, which answers with the count"


def test_a_request_that_is_served_or_minutes_of_silence_begin_the_count_anew(store: OrderStore) -> None:
    trips = store.trips()
    trips.add_errors(7, anew=False, wall=TEN)
    assert trips.add_errors(2, anew=True, wall=TEN).in_a_row == 2
    assert trips.add_errors(1, anew=False, wall=TEN + timedelta(minutes=4, seconds=59)).in_a_row == 3
    assert trips.add_errors(1, anew=False, wall=TEN + timedelta(minutes=10)).in_a_row == 1


def test_one_failure_that_is_told_twice_is_one(store: OrderStore) -> None:
    trips = store.trips()
    trips.add_failure("ord-1", TEN)
    assert trips.add_failure("ord-1", TEN + timedelta(minutes=5)).at == {"ord-1": TEN}
    assert list(trips.add_failure("ord-2", TEN).at) == ["ord-1", "ord-2"]


def test_failures_of_long_ago_are_dropped(store: OrderStore) -> None:
    trips = store.trips()
    for number in range(60):
        trips.add_failure(f"ord-{number}", TEN)
    found = trips.add_failure("ord-new", TEN + timedelta(hours=2))
    assert len(trips.add_failure("ord-new", found.at["ord-new"]).at) == 1


def test_by_the_same_evidence_it_halts_once(store: OrderStore) -> None:
    trips = store.trips()
    trips.add_errors(20, anew=False, wall=TEN)
    assert [trips.trip(TRIPPED, HALT, trips.word_on_account()) for _ in range(2)] == [True, False]
    assert store.halts() == (HALT,)
    assert trips.add_errors(0, anew=False, wall=TEN) == Errors(0, "now")
    store.lift_halt(Scope.ACCOUNT)
    assert not trips.trip(TRIPPED, HALT, trips.word_on_account())
    assert store.halts() == ()


def test_an_operators_word_of_the_same_moment_is_not_written_over(store: OrderStore) -> None:
    said = Halt(mode=Mode.HALTED, reason="mine", cancel_open=True)
    store.keep_halt(said)
    assert not store.trips().trip(TRIPPED, HALT, Word())
    assert store.halts() == (said,)
    assert store.trips().trip(TRIPPED, HALT, store.trips().word_on_account())
