"""Shared readings: clock, calendar and the last valid settings."""

from __future__ import annotations

from repeg.domain.history import ClockAnchor
from repeg.domain.settings import Settings
from repeg.settings import Kept, load_settings
from repeg.store.shared import SharedStore
from tests.support.make import NOON, calendar_from


def test_nothing_is_kept_at_first(market: SharedStore) -> None:
    assert market.clock() is None and market.calendar() is None and market.load() is None


def test_readings_come_back_as_they_were_kept(market: SharedStore) -> None:
    anchor, calendar = ClockAnchor(market_at=NOON, wall_at=NOON), calendar_from()
    market.keep_clock(anchor)
    market.keep_calendar(calendar)
    assert market.clock() == anchor
    assert market.calendar() == calendar


def test_the_newest_reading_wins(market: SharedStore) -> None:
    market.keep(Kept("first", "a"))
    market.keep(Kept("second", "b"))
    assert market.load() == Kept("second", "b")


def test_valid_settings_are_kept_and_bad_ones_fall_back_to_them(market: SharedStore) -> None:
    complaints: list[str] = []
    tuned = load_settings(lambda: ('{"max_repegs": 1}', None), market, complaints.append)
    assert tuned == Settings(max_repegs=1)
    assert not complaints
    for bad in ('{"max_repegs": 99}', "not json", '{"no_such": 1}'):
        assert load_settings(lambda bad=bad: ("{}", bad), market, complaints.append) == tuned  # type: ignore[misc]
    assert len(complaints) == 3
    assert "max_repegs" in complaints[0]
