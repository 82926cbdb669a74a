"""The arithmetic of the request budget."""

from __future__ import annotations

import pytest

from repeg.budget.ledger import Ledger

NOON = 1_795_194_000


def test_an_empty_ledger_grants_entries_all_but_what_is_kept_for_urgent_requests() -> None:
    ledger = Ledger()
    assert ledger.capacity(NOON, 200, urgent=False) == 180
    assert ledger.capacity(NOON, 200, urgent=True) == 200


def test_a_request_counts_for_a_minute_from_the_end_of_its_second() -> None:
    ledger = Ledger(spent={NOON: 1})
    assert ledger.used(NOON + 60.999) == 1
    assert ledger.used(NOON + 61) == 0
    assert ledger.returned(NOON + 61) == {NOON: 1}


def test_a_request_may_be_under_way_before_the_broker_counts_it() -> None:
    ledger = Ledger(spent={NOON: 200}, travel_seconds=4)
    assert ledger.wait_seconds(NOON, 200, urgent=True) == 65
    assert ledger.used(NOON + 64.999) == 200


def test_the_wait_ends_when_enough_requests_have_come_back() -> None:
    ledger = Ledger(spent={NOON: 5, NOON + 10: 180})
    assert ledger.wait_seconds(NOON + 20, 200, urgent=False) == 51
    assert ledger.wait_seconds(NOON + 20, 200, urgent=True) == 0
    assert ledger.wait_seconds(NOON + 71, 200, urgent=False) == 0


def test_others_on_the_account_take_from_entries_until_the_broker_counts_anew() -> None:
    ledger = Ledger(foreign=180, foreign_until=NOON + 30)
    assert ledger.wait_seconds(NOON, 200, urgent=False) == 30
    assert ledger.wait_seconds(NOON, 200, urgent=True) == 0
    assert ledger.wait_seconds(NOON + 30, 200, urgent=False) == 0


def test_throttling_holds_back_entries_only() -> None:
    ledger = Ledger(blocked_until=NOON + 12)
    assert ledger.wait_seconds(NOON, 200, urgent=False) == 12
    assert ledger.wait_seconds(NOON, 200, urgent=True) == 0


@pytest.mark.parametrize(("broker_limit", "capacity"), [(None, 180), (100, 90), (1000, 180)])
def test_the_lower_limit_holds(broker_limit: int | None, capacity: int) -> None:
    assert Ledger(broker_limit=broker_limit).capacity(NOON, 200, urgent=False) == capacity


def test_what_was_written_before_the_clock_was_set_back_does_not_block() -> None:
    ahead = NOON + 3600
    ledger = Ledger(spent={ahead: 200}, foreign=200, foreign_until=ahead, blocked_until=ahead)
    assert ledger.wait_seconds(NOON, 200, urgent=False) == 0
