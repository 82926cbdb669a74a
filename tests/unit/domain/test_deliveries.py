from __future__ import annotations

import pytest

from repeg.domain.deliveries import is_given_up, pause_after
from repeg.domain.patience import MAX_DELIVERIES, TOLD_AFTER_DELIVERIES


def test_the_first_tries_are_seconds_apart() -> None:
    assert [pause_after(tries) for tries in range(1, TOLD_AFTER_DELIVERIES + 1)] == [1, 2, 2, 2, 2]


def test_an_outage_of_three_quarters_of_an_hour_loses_nothing() -> None:
    """A close never expires: it must still be there when AWS is back."""
    assert 45 * 60 <= sum(pause_after(tries) for tries in range(1, MAX_DELIVERIES - 1)) <= 50 * 60


@pytest.mark.parametrize(
    ("tries", "outage", "given_up"),
    [(1, False, False), (2, False, False), (3, False, True), (98, True, False), (99, True, True)],
)
def test_a_message_is_given_up_soon_only_if_it_is_at_fault(tries: int, outage: bool, given_up: bool) -> None:
    assert is_given_up(tries, outage) is given_up
