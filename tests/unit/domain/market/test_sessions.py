"""Sessions from the real NYSE calendar: half-hour before the open, early closes, holidays, changes of clock; expiry."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from repeg.domain.market.sessions import Phase, leaves_time_for
from repeg.domain.order.verdicts import Refusal, Wait
from repeg.domain.patience import ENTRY_MARGIN_BEFORE_CLOSE
from repeg.domain.reasons import Reason
from repeg.domain.rules.parking import expiry, parked_seconds, wait_seconds_for, waiting_for
from repeg.domain.rules.timing import session_verdict, turn_backoff
from repeg.domain.settings import Settings
from tests.support.make import FRIDAY, NOON, calendar_from, eastern, order, session_of

CALENDAR = calendar_from()
THANKSGIVING, EARLY_CLOSE = date(2026, 11, 26), date(2026, 11, 27)
SATURDAY, MONDAY = date(2026, 11, 21), date(2026, 11, 23)


@pytest.mark.parametrize(
    ("at", "day", "phase"),
    [
        ("08:59:59", FRIDAY, Phase.CLOSED),
        ("09:00:00", FRIDAY, Phase.BEFORE_OPEN),
        ("09:29:59.999", FRIDAY, Phase.BEFORE_OPEN),
        ("09:30:00", FRIDAY, Phase.REGULAR),
        ("15:59:59.999", FRIDAY, Phase.REGULAR),
        ("16:00:00", FRIDAY, Phase.CLOSED),
        ("09:15:00", SATURDAY, Phase.CLOSED),
        ("10:00:00", THANKSGIVING, Phase.CLOSED),
        ("09:15:00", THANKSGIVING, Phase.CLOSED),
        ("12:59:59", EARLY_CLOSE, Phase.REGULAR),
        ("13:00:00", EARLY_CLOSE, Phase.CLOSED),
    ],
)
def test_phases_of_ordinary_days_holidays_and_early_closes(at: str, day: date, phase: Phase) -> None:
    assert CALENDAR.phase(eastern(at, day)) is phase


@pytest.mark.parametrize(
    ("day", "utc_open"),
    [
        (date(2026, 3, 6), "14:30"),
        (date(2026, 3, 9), "13:30"),
        (date(2026, 10, 30), "13:30"),
        (date(2026, 11, 2), "14:30"),
    ],
    ids=["before spring", "after spring", "before autumn", "after autumn"],
)
def test_the_open_is_at_half_past_nine_in_new_york_all_year(day: date, utc_open: str) -> None:
    calendar = calendar_from(day)
    opens = datetime.combine(day, datetime.strptime(utc_open, "%H:%M").time(), UTC)
    assert calendar.phase(opens) is Phase.REGULAR
    assert calendar.phase(opens - timedelta(seconds=1)) is Phase.BEFORE_OPEN
    assert calendar.phase(opens - timedelta(minutes=31)) is Phase.CLOSED


def test_a_calendar_covers_today_only_while_it_knows_the_next_open() -> None:
    short = calendar_from(FRIDAY, 0)
    assert short.covers(eastern("09:00"))
    assert not short.covers(eastern("09:30"))
    assert not short.covers(eastern("09:00", FRIDAY - timedelta(days=1)))


def _verdict(at: str, day: date = FRIDAY, **fields: object) -> Wait | Refusal | None:
    return session_verdict(order(**fields), CALENDAR, eastern(at, day), Settings())


def test_inside_the_session_an_order_goes_on() -> None:
    assert _verdict("12:00") is None


@pytest.mark.parametrize("kind", ["order", "close"])
def test_outside_the_session_an_order_is_refused_by_default(kind: str) -> None:
    verdict = _verdict("16:00", kind=kind)
    assert isinstance(verdict, Refusal)
    assert verdict.reason is Reason.MARKET_CLOSED
    assert verdict.detail.endswith("; next open Mon 23 Nov 09:30 ET"), "as the order's page says all times"


@pytest.mark.parametrize("when_closed", ["reject", "next_open"])
def test_in_the_half_hour_before_the_open_every_order_waits_for_it(when_closed: str) -> None:
    verdict = _verdict("09:29:30", when_closed=when_closed)
    assert isinstance(verdict, Wait)
    assert (verdict.seconds, verdict.parked_until is not None) == (30, True)


def test_an_order_that_may_wait_is_parked_over_the_weekend() -> None:
    verdict = _verdict("17:00", when_closed="next_open")
    assert isinstance(verdict, Wait)
    assert (verdict.seconds, verdict.parked_until is not None) == (1800, True)
    assert "Mon 23 Nov 09:30 ET" in verdict.sentence


def test_the_early_close_closes() -> None:
    assert _verdict("12:59", EARLY_CLOSE) is None
    verdict = _verdict("13:00", EARLY_CLOSE)
    assert isinstance(verdict, Refusal) and verdict.reason is Reason.MARKET_CLOSED


def test_expiry_comes_before_the_session() -> None:
    verdict = _verdict("17:00", expires_at=eastern("16:30"))
    assert isinstance(verdict, Refusal) and verdict.reason is Reason.EXPIRED


@pytest.mark.parametrize(("at", "expired"), [("12:14:59.999", False), ("12:15:00", True)])
def test_an_order_expires_at_its_expiry(at: str, expired: bool) -> None:
    verdict = _verdict(at, expires_at=eastern("12:15"))
    assert (verdict is not None) is expired


# --- when a signal expires ---


def _expiry(sent: datetime, **fields: object) -> datetime | None:
    return expiry(order(created_at=sent, **fields), CALENDAR)


def test_a_signal_lives_for_fifteen_minutes() -> None:
    assert _expiry(NOON) == NOON + timedelta(minutes=15)


@pytest.mark.parametrize("sent", [eastern("09:05"), eastern("03:00")])
def test_a_signal_that_waits_for_the_open_lives_until_a_quarter_of_an_hour_after_it(sent: datetime) -> None:
    assert _expiry(sent, when_closed="next_open") == eastern("09:45")


def test_a_signal_of_the_weekend_lives_until_after_mondays_open() -> None:
    assert _expiry(eastern("11:00", SATURDAY), when_closed="next_open") == eastern("09:45", MONDAY)


def test_a_signal_of_a_holiday_lives_until_after_the_next_trading_days_open() -> None:
    assert _expiry(eastern("11:00", THANKSGIVING), when_closed="next_open") == eastern("09:45", EARLY_CLOSE)


def test_whoever_waits_for_an_open_lives_until_a_quarter_of_an_hour_after_it() -> None:
    monday = session_of(MONDAY)
    waits = order(expires_at=eastern("16:10"))
    assert waiting_for(waits, monday).run.expires_at == eastern("09:45", MONDAY)
    explicit = order(expires_at=eastern("16:10"), explicit_expiry=True)
    assert waiting_for(explicit, monday).run.expires_at == eastern("16:10")


def test_an_explicit_expiry_stands() -> None:
    assert _expiry(NOON, expires_at=eastern("12:02"), explicit_expiry=True) == eastern("12:02")


def test_a_close_never_expires() -> None:
    assert _expiry(NOON, kind="close") is None
    assert _expiry(NOON, kind="close", expires_at=eastern("12:02"), explicit_expiry=True) is None


# --- time before the close ---


@pytest.mark.parametrize(
    ("at", "fits"),
    [("15:59:47.500", True), ("15:59:47.501", False), ("15:59:59", False), ("10:00:00", True)],
)
def test_a_rung_must_be_over_ten_seconds_before_the_close(at: str, fits: bool) -> None:
    assert leaves_time_for(2.5, ENTRY_MARGIN_BEFORE_CLOSE, session_of().closes_at, eastern(at)) is fits


@pytest.mark.parametrize(
    ("ladder", "last"), [("better_orders", "15:59:47.500"), ("standard", "15:59:45"), ("market", "15:59:45")]
)
def test_an_entry_needs_time_for_the_first_rung_of_its_ladder(ladder: str, last: str) -> None:
    assert _verdict(last, ask_ladder=ladder) is None
    late = eastern(last) + timedelta(milliseconds=1)
    verdict = session_verdict(order(ask_ladder=ladder), CALENDAR, late, Settings())
    assert isinstance(verdict, Refusal) and verdict.reason is Reason.MARKET_CLOSED


def test_an_entry_on_a_short_day_needs_time_before_the_early_close() -> None:
    assert _verdict("12:59:40", EARLY_CLOSE) is None
    verdict = _verdict("12:59:50", EARLY_CLOSE)
    assert isinstance(verdict, Refusal) and verdict.reason is Reason.MARKET_CLOSED


def test_an_exit_runs_until_the_close() -> None:
    assert _verdict("15:59:57", kind="close") is None


def test_an_entry_too_late_for_today_waits_for_tomorrow_if_it_may() -> None:
    verdict = _verdict("15:59:55", when_closed="next_open")
    assert isinstance(verdict, Wait)
    assert (verdict.seconds, verdict.parked_until is not None) == (5, True)


@pytest.mark.parametrize(
    ("seconds", "waited"), [(0.001, 1), (1, 1), (1.2, 2), (59.5, 60), (61, 60), (86_400, 60), (0, 1), (-5, 1)]
)
def test_a_hold_is_whole_seconds_rounded_up_and_at_most_a_minute(seconds: float, waited: int) -> None:
    assert wait_seconds_for(seconds) == waited


@pytest.mark.parametrize(
    ("at", "waited"),
    [
        ("17:00", 1800),
        ("08:30", 1800),
        ("08:50", 600),
        ("08:59:59.5", 1),
        ("09:00", 60),
        ("09:29:15.5", 45),
    ],
)
def test_a_parked_order_sleeps_for_half_an_hour_and_a_minute_before_the_open(at: str, waited: int) -> None:
    parked = order(when_closed="next_open")
    now = eastern(at)
    upcoming = CALENDAR.next_session(now)
    assert upcoming and parked_seconds(parked, upcoming, now) == waited


def test_a_parked_order_wakes_when_it_expires_or_may_trade_before_the_open() -> None:
    now = eastern("03:50")
    upcoming = CALENDAR.next_session(now)
    assert upcoming
    assert parked_seconds(order(extended_hours=True), upcoming, now) == 600
    assert parked_seconds(order(expires_at=now + timedelta(seconds=90.5)), upcoming, now) == 91
    assert parked_seconds(order(expires_at=now), upcoming, now) == 1800


def test_orders_ask_for_their_turn_ever_more_patiently() -> None:
    waits = [turn_backoff(count) for count in range(9)]
    assert waits[:3] == [1, 2, 5]
    assert waits == sorted(waits)
    assert waits[-1] == 10, "nobody stands by for half a minute while the symbol is free"
