"""How long an intent may be sent, and when its sender must be dead."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from repeg.domain.sending import SENDER_LIFE, in_time, sender_may_live

SAVED = datetime(2026, 11, 20, 15, tzinfo=UTC)


@pytest.mark.parametrize(("age", "sent"), [(0, True), (2.99, True), (3, False), (60, False), (-0.1, False)])
def test_an_intent_may_be_sent_for_three_seconds(age: float, sent: bool) -> None:
    assert in_time(SAVED, SAVED + timedelta(seconds=age)) is sent


@pytest.mark.parametrize(("age", "left"), [(0, 75), (15, 60), (74.5, 0.5), (75, 0), (1000, 0), (-30, 75)])
def test_a_sender_lives_no_longer_than_its_function(age: float, left: float) -> None:
    assert sender_may_live(SAVED, SAVED + timedelta(seconds=age)) == left


def test_a_record_of_before_says_nothing_of_its_sender() -> None:
    assert sender_may_live(None, SAVED) == SENDER_LIFE.total_seconds()
