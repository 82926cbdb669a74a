"""How long an intent may be sent, and when its sender must be dead."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from repeg.domain.order.sending import in_time, may_arrive_for
from repeg.domain.patience import ON_ITS_WAY, SENDER_LIFE

SAVED = datetime(2026, 11, 20, 15, tzinfo=UTC)


@pytest.mark.parametrize(("age", "sent"), [(0, True), (2.99, True), (3, False), (60, False), (-0.1, False)])
def test_an_intent_may_be_sent_for_three_seconds(age: float, sent: bool) -> None:
    assert in_time(SAVED, SAVED + timedelta(seconds=age)) is sent


@pytest.mark.parametrize(("age", "left"), [(0, 75), (15, 60), (74.5, 0.5), (75, 0), (1000, 0), (-30, 75)])
def test_a_sender_lives_no_longer_than_its_function(age: float, left: float) -> None:
    assert may_arrive_for(SAVED, SAVED + timedelta(seconds=age)) == left


def test_a_record_of_before_says_nothing_of_its_sender() -> None:
    assert may_arrive_for(None, SAVED) == SENDER_LIFE.total_seconds()


def test_an_intent_whose_senders_all_came_back_is_only_waited_for_as_long_as_a_network_holds_it() -> None:
    assert may_arrive_for(SAVED, SAVED + timedelta(seconds=5), heard_wall=SAVED) == ON_ITS_WAY.total_seconds() - 5
    assert may_arrive_for(SAVED, SAVED + ON_ITS_WAY, heard_wall=SAVED) == 0


def test_what_a_worker_sent_that_was_held_up_is_waited_for_from_when_it_came_back() -> None:
    back = SAVED + timedelta(seconds=50)
    assert may_arrive_for(SAVED, back + timedelta(seconds=7), heard_wall=back) == ON_ITS_WAY.total_seconds() - 7
