"""Lasting trouble is told at once, again every 15 minutes, and anew once it was over."""

from __future__ import annotations

from datetime import timedelta

from repeg.domain.history import is_due
from tests.unit.samples import START as NOW
from tests.unit.samples import order as an_order


def test_is_told_once_and_again_after_fifteen_minutes() -> None:
    order = an_order()
    assert is_due(order.told, "bare", NOW)
    told = order.having_told("bare", NOW)
    assert not is_due(told.told, "bare", NOW + timedelta(minutes=14, seconds=59))
    assert is_due(told.told, "bare", NOW + timedelta(minutes=15))
    assert is_due(told.told, "frozen", NOW)


def test_is_news_again_once_it_was_over() -> None:
    told = an_order().having_told("bare", NOW).having_told("frozen", NOW)
    assert is_due(told.no_longer("bare").told, "bare", NOW)
    assert not is_due(told.no_longer("bare").told, "frozen", NOW)


def test_does_not_fall_silent_when_the_clock_was_set_back() -> None:
    assert is_due(an_order().having_told("bare", NOW).told, "bare", NOW - timedelta(days=1))
