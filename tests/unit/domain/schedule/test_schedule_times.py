"""When schedules fire: holidays, early closes, the days on which New York's clocks change, and what was missed."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from repeg.domain.schedule.times import (
    MISSED_AFTER,
    Schedule,
    Timing,
    day_of,
    fires_at,
    fires_within,
    last_firing,
    look_out,
    next_firing,
    timing,
)
from tests.support.make import calendar_from, eastern, session_of

REBALANCE = Schedule.MARKET_OPEN_REBALANCE
ASSESSMENT = Schedule.PRE_MARKET_ASSESSMENT
SUMMARY = Schedule.END_OF_DAY_SUMMARY
THANKSGIVING, EARLY_CLOSE = date(2026, 11, 26), date(2026, 11, 27)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("day", "at"),
    [
        (date(2026, 3, 6), "2026-03-06T14:25"),
        (date(2026, 3, 9), "2026-03-09T13:25"),
        (date(2026, 10, 30), "2026-10-30T13:25"),
        (date(2026, 11, 2), "2026-11-02T14:25"),
    ],
)
def test_it_fires_at_new_yorks_time_whichever_that_is(day: date, at: str) -> None:
    assert fires_at(REBALANCE, day) == utc(at)


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2026-03-06T14:24:59", "2026-03-06T14:25"),
        ("2026-03-06T14:25:00", "2026-03-09T13:25"),
        ("2026-10-30T20:00:00", "2026-11-02T14:25"),
        ("2026-11-25T15:00:00", "2026-11-27T14:25"),
        ("2026-11-27T15:00:00", "2026-11-30T14:25"),
    ],
)
def test_next_is_on_a_day_with_a_session(now: str, expected: str) -> None:
    days = calendar_from(utc(now).date() - timedelta(days=1)).days
    assert next_firing(REBALANCE, utc(now), days) == utc(expected)


def test_what_the_calendar_does_not_reach_is_not_known() -> None:
    assert next_firing(REBALANCE, eastern("09:26"), [session_of()]) is None


@pytest.mark.parametrize(
    ("schedule", "clock", "found"),
    [
        (REBALANCE, "03:00", Timing.EARLY),
        (REBALANCE, "09:23:59", Timing.EARLY),
        (REBALANCE, "09:24:30", Timing.DUE),
        (REBALANCE, "09:34:59", Timing.DUE),
        (REBALANCE, "09:35", Timing.LATE),
        (REBALANCE, "15:00", Timing.LATE),
        (ASSESSMENT, "09:20:30", Timing.DUE),
        (ASSESSMENT, "09:30", Timing.LATE),
        (SUMMARY, "13:05", Timing.EARLY),
        (SUMMARY, "16:20", Timing.DUE),
        (SUMMARY, "23:59", Timing.DUE),
    ],
)
def test_a_firing_is_early_due_or_late(schedule: Schedule, clock: str, found: Timing) -> None:
    assert timing(schedule, eastern(clock), session_of()) is found


def test_on_a_holiday_there_is_nothing_to_do() -> None:
    assert timing(REBALANCE, eastern("09:25", THANKSGIVING), None) is Timing.CLOSED


def test_an_early_close_moves_no_firing() -> None:
    session = session_of(EARLY_CLOSE)
    assert session.closes_at == eastern("13:00", EARLY_CLOSE)
    assert timing(SUMMARY, eastern("13:05", EARLY_CLOSE), session) is Timing.EARLY
    assert timing(SUMMARY, eastern("16:20", EARLY_CLOSE), session) is Timing.DUE
    assert timing(REBALANCE, eastern("09:25", EARLY_CLOSE), session) is Timing.DUE


# ---- what was missed ----


def test_a_firing_that_was_awaited_is_missed_once() -> None:
    calendar = calendar_from()
    awaited = look_out(REBALANCE, None, eastern("09:00"), calendar).next_at
    assert awaited == eastern("09:25")
    assert look_out(REBALANCE, awaited, eastern("09:30"), calendar) == (None, awaited)
    missing_of, next_at = look_out(REBALANCE, awaited, awaited + MISSED_AFTER, calendar)
    assert (missing_of, next_at) == (date(2026, 11, 20), eastern("09:25", date(2026, 11, 23)))
    assert look_out(REBALANCE, next_at, eastern("09:45"), calendar).missing_of is None


def test_none_is_missed_that_lies_before_the_schedule_was_turned_on() -> None:
    assert look_out(REBALANCE, None, eastern("10:00"), calendar_from()).missing_of is None


def test_holidays_are_not_awaited() -> None:
    calendar = calendar_from(date(2026, 11, 25))
    after = look_out(REBALANCE, eastern("09:25", date(2026, 11, 25)), eastern("10:00", date(2026, 11, 25)), calendar)
    assert after.next_at == eastern("09:25", EARLY_CLOSE)


def test_a_session_that_was_called_off_is_not_missed() -> None:
    calendar = calendar_from(date(2026, 11, 25))
    assert (
        look_out(SUMMARY, eastern("16:20", THANKSGIVING), eastern("17:00", THANKSGIVING), calendar).missing_of is None
    )


def test_a_sweep_that_was_away_for_days_tells_of_the_firing_that_it_awaited() -> None:
    friday = eastern("09:25", date(2026, 11, 20))
    back = eastern("12:00", date(2026, 11, 25))
    assert look_out(REBALANCE, friday, back, calendar_from(date(2026, 11, 24))).missing_of == date(2026, 11, 20)


def test_a_clock_that_was_set_back_has_an_earlier_firing_before_it() -> None:
    monday = eastern("09:25", date(2026, 11, 23))
    assert look_out(REBALANCE, monday, eastern("09:00"), calendar_from()) == (None, eastern("09:25"))


@pytest.mark.parametrize("schedule", Schedule)
@pytest.mark.parametrize(("first", "last"), [("2026-03-02", "2026-03-15"), ("2026-10-28", "2026-12-02")])
def test_over_weeks_every_session_is_looked_out_for_once(schedule: Schedule, first: str, last: str) -> None:
    """Over both changes of New York's clocks, Thanksgiving and the early close after it."""
    now, end, awaited = utc(first), utc(last), None
    missed: list[date] = []
    while now < end:
        calendar = calendar_from(day_of(now) - timedelta(days=1))
        day, awaited = look_out(schedule, awaited, now, calendar)
        missed += [day] if day else []
        now += timedelta(minutes=20)
    whole = calendar_from(utc(first).date(), (end - utc(first)).days).days
    over = [day.date for day in whole if fires_at(schedule, day.date) + MISSED_AFTER < end - timedelta(minutes=20)]
    assert missed == over


def test_the_last_firing_has_had_time_to_be_carried_out() -> None:
    days = calendar_from(date(2026, 11, 19)).days
    assert last_firing(REBALANCE, eastern("09:30"), days) == eastern("09:25", date(2026, 11, 19))
    assert last_firing(REBALANCE, eastern("09:31"), days) == eastern("09:25")


@pytest.mark.parametrize(
    ("after", "until", "fires"),
    [("09:24:58", "09:25:01", True), ("09:25", "09:26", False), ("09:20", "09:24:59", False)],
)
def test_it_fires_once_between_two_looks(after: str, until: str, fires: bool) -> None:
    assert fires_within(REBALANCE, eastern(after), eastern(until)) is fires


def test_it_fires_on_holidays_as_eventbridge_does_but_on_no_weekend() -> None:
    for day, fires in ((THANKSGIVING, True), (date(2026, 11, 28), False)):
        assert fires_within(REBALANCE, eastern("09:24", day), eastern("09:25", day)) is fires
