"""Shared readings: clock, calendar and the last valid settings."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest

from repeg.clock import TimeKeeper
from repeg.domain.history import ClockAnchor
from repeg.domain.market.reports import KnownAssets
from repeg.domain.settings import Settings
from repeg.errors import ConfigurationError
from repeg.settings import Kept, load_settings
from repeg.store.shared import SharedStore
from tests.support.make import FRIDAY, NOON, asset, calendar_from


def test_nothing_is_kept_at_first(market: SharedStore) -> None:
    assert market.clock() is None and market.calendar() is None and market.load() is None
    assert market.assets() is None


def test_readings_come_back_as_they_were_kept(market: SharedStore) -> None:
    anchor, calendar = ClockAnchor(market_at=NOON, wall_at=NOON), calendar_from()
    market.keep_clock(anchor)
    market.keep_calendar(calendar)
    assets = KnownAssets(on=FRIDAY, assets=(asset(), asset(fractionable=False).changed(symbol="SPY")))
    market.keep_assets(assets)
    assert market.assets() == assets
    assert market.clock() == anchor
    assert market.calendar() == calendar


@pytest.mark.parametrize("document", ["", "{", "[]", '{"market_at": 7, "first": "soon", "keys": []}'])
def test_a_reading_that_cannot_be_read_counts_as_none(market: SharedStore, document: str) -> None:
    """Who reads it asks the broker then, and keeps its answer: else no order would move until somebody cleans up."""
    for name in ("CLOCK", "CALENDAR", "ACCOUNT", "ASSETS"):
        market._keep("MARKET", name, document)
    assert [read() for read in (market.clock, market.calendar, market.account, market.assets)] == [None] * 4


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


@pytest.mark.parametrize("document", ["", "{", '{"max_repegs": "many"}', '{"execution_mode": "OF_ANOTHER_VERSION"}'])
def test_a_kept_document_that_cannot_be_read_counts_as_none(market: SharedStore, document: str) -> None:
    complaints: list[str] = []
    load_settings(lambda: ("{}", None), market, complaints.append)
    kept = market.load()
    assert kept
    market.keep(kept._replace(document=document))
    with pytest.raises(ConfigurationError):
        load_settings(lambda: ("{}", "not json"), market, complaints.append)
    assert load_settings(lambda: ("{}", None), market, complaints.append) == Settings()
    assert market.load() == kept, "kept anew"


@pytest.mark.parametrize(
    ("rule", "later"), [("SYMBOL", re.compile("[A-Z]+")), ("ExecutionMode", str), ("to_json", lambda _: "defaults")]
)
def test_a_version_with_other_rules_or_defaults_checks_the_texts_anew(
    market: SharedStore, monkeypatch: pytest.MonkeyPatch, rule: str, later: Any
) -> None:
    def kept_of() -> str:
        load_settings(lambda: ("{}", None), market, pytest.fail)
        kept = market.load()
        assert kept
        return kept.of

    before = kept_of()
    assert kept_of() == before
    monkeypatch.setattr(f"repeg.settings.{rule}", later)
    assert kept_of() != before


def test_a_kept_clock_is_asked_for_once_in_five_seconds_and_less_on_a_fast_market(market: SharedStore) -> None:
    """The orders of a burst share one look into the table; what another process kept is seen by the next."""
    for speed, known_ms in ((1.0, 5000), (60.0, 80)):
        wall = [NOON]
        time = TimeKeeper(market, speed, lambda wall=wall: wall[0])  # type: ignore[misc]
        market.keep_clock(ClockAnchor(market_at=NOON, wall_at=NOON))
        assert time.approximate().now() == NOON
        market.keep_clock(ClockAnchor(market_at=NOON + timedelta(hours=1), wall_at=NOON))
        wall[0] = NOON + timedelta(milliseconds=known_ms - 1)
        assert time.approximate().now() < NOON + timedelta(minutes=1)
        wall[0] += timedelta(milliseconds=10)
        assert time.approximate().now() >= NOON + timedelta(hours=1)
        wall[0] = NOON - timedelta(hours=2)
        assert time.approximate().now() == NOON + timedelta(hours=1) - timedelta(hours=2) * speed, (
            "the wall was set back"
        )


def test_that_no_clock_is_kept_yet_is_not_remembered(market: SharedStore) -> None:
    time = TimeKeeper(market, 1.0, lambda: NOON)
    assert time.approximate().now() == NOON
    market.keep_clock(ClockAnchor(market_at=NOON + timedelta(hours=1), wall_at=NOON))
    assert time.approximate().now() == NOON + timedelta(hours=1)
