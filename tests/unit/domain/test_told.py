"""Lasting trouble is told at once, again every 15 minutes, and anew once it was over."""

from __future__ import annotations

from datetime import timedelta

from tests.unit.samples import START as NOW
from tests.unit.samples import order as an_order


def test_is_told_once_and_again_after_fifteen_minutes() -> None:
    order = an_order()
    assert order.due_to_tell("bare", NOW)
    told = order.having_told("bare", NOW)
    assert not told.due_to_tell("bare", NOW + timedelta(minutes=14, seconds=59))
    assert told.due_to_tell("bare", NOW + timedelta(minutes=15))
    assert told.due_to_tell("frozen", NOW)


def test_is_news_again_once_it_was_over() -> None:
    told = an_order().having_told("bare", NOW).having_told("frozen", NOW)
    assert told.no_longer("bare").due_to_tell("bare", NOW)
    assert not told.no_longer("bare").due_to_tell("frozen", NOW)


def test_does_not_fall_silent_when_the_clock_was_set_back() -> None:
    assert an_order().having_told("bare", NOW).due_to_tell("bare", NOW - timedelta(days=1))
