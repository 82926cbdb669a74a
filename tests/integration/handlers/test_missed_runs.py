"""The sweep looks out for the runs of schedules, and tells once of each that did not come about."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from repeg.wiring import timetable
from tests.integration.handlers.conftest import Stack, forget_everything

SUMMARY = "end-of-day-summary"


@pytest.fixture
def watched(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stack]:
    """Friday, 16:00 in New York, the summary is on, and the sweep has looked once."""
    monkeypatch.setenv("SCHEDULES_ON", f",,{SUMMARY}")
    timetable.schedule_store.cache_clear()
    assert _sweep(stack, "16:00:00") == []
    yield stack
    timetable.schedule_store.cache_clear()


def _sweep(stack: Stack, clock: str, day: str = "2026-11-20") -> list[str]:
    """The alerts of a sweep at that time."""
    stack.control.set_clock(f"{day}T{clock}-05:00", paused=True)
    # Nobody reads the clock between two sweeps here.
    stack.dynamodb.delete_item(TableName="repeg", Key={"pk": {"S": "MARKET"}, "sk": {"S": "CLOCK"}})
    forget_everything()
    stack.call("sweep_orders", {})
    return [event["detail"]["message"] for event in stack.events()]


def test_a_schedule_that_did_not_fire_is_told_once(watched: Stack) -> None:
    assert _sweep(watched, "16:25:59") == []
    [told] = _sweep(watched, "16:26:00")
    assert (
        f"{SUMMARY}-2026-11-20: it did not fire at 16:20 ET, or failed each time; what it is for was not done" in told
    )
    assert told.endswith("repeg schedules --stack repeg-paper")
    assert _sweep(watched, "16:27:00") == []


def test_a_run_that_did_not_end_is_told(watched: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    _sweep(watched, "16:20:30")
    with monkeypatch.context() as for_now:
        for_now.setattr("repeg.schedules.summary.sum_up", None)
        with pytest.raises(TypeError):
            watched.call("run_schedule", {"schedule": SUMMARY})
    [told] = _sweep(watched, "16:26:30")
    assert "it began and did not end, in try 1; what it is for may be done in part." in told


def test_a_run_that_came_about_is_not_told(watched: Stack) -> None:
    _sweep(watched, "16:20:30")
    watched.call("run_schedule", {"schedule": SUMMARY})
    assert [event for event in _sweep(watched, "16:27:00") if "did not" in event] == []


def test_what_is_off_is_not_looked_out_for(watched: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCHEDULES_ON", ",,")
    assert _sweep(watched, "16:27:00") == []


def test_what_was_turned_on_after_its_time_is_awaited_tomorrow(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCHEDULES_ON", SUMMARY)
    assert _sweep(stack, "17:00:00") == []
    assert _sweep(stack, "18:00:00") == []


def test_a_holiday_is_not_missed(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCHEDULES_ON", SUMMARY)
    assert _sweep(stack, "17:00:00", "2026-11-25") == []
    assert _sweep(stack, "17:00:00", "2026-11-26") == []


def test_runs_that_cannot_be_read_are_looked_for_again(watched: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as for_now:
        for_now.setattr("repeg.store.schedules.ScheduleStore.run", None)
        assert _sweep(watched, "16:26:00") == []
    assert len(_sweep(watched, "16:27:00")) == 1
