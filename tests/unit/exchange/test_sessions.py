"""The trading calendar: sessions, holidays, early closes, phases."""

from __future__ import annotations

from datetime import date

import pytest

from desk.exchange.market.moments import eastern_text, parse_instant, utc_text
from desk.exchange.market.sessions import Phase, next_close, next_open, order_session, phase_at, session_on
from tests.unit.exchange.virtual import VirtualExchange


@pytest.mark.parametrize(
    ("moment", "phase"),
    [
        ("2026-11-20T00:00:00-05:00", Phase.OVERNIGHT),
        ("2026-11-20T03:59:59.999999-05:00", Phase.OVERNIGHT),
        ("2026-11-20T04:00:00-05:00", Phase.PRE),
        ("2026-11-20T09:29:59.999999-05:00", Phase.PRE),
        ("2026-11-20T09:30:00-05:00", Phase.CORE),
        ("2026-11-20T15:59:59.999999-05:00", Phase.CORE),
        ("2026-11-20T16:00:00-05:00", Phase.POST),
        ("2026-11-20T20:00:00-05:00", Phase.CLOSED),
        ("2026-11-19T20:00:00-05:00", Phase.OVERNIGHT),
        ("2026-11-21T03:00:00-05:00", Phase.CLOSED),
        ("2026-11-21T12:00:00-05:00", Phase.CLOSED),
        ("2026-11-22T19:59:59-05:00", Phase.CLOSED),
        ("2026-11-22T20:00:00-05:00", Phase.OVERNIGHT),
        # No session before the full holiday; one before the half day, on the holiday's evening.
        ("2026-11-25T20:00:00-05:00", Phase.CLOSED),
        ("2026-11-26T03:00:00-05:00", Phase.CLOSED),
        ("2026-11-26T20:00:00-05:00", Phase.OVERNIGHT),
        ("2026-11-26T12:00:00-05:00", Phase.CLOSED),
        ("2026-11-27T12:59:59-05:00", Phase.CORE),
        ("2026-11-27T13:00:00-05:00", Phase.CLOSED),
        ("2026-07-01T09:30:00-04:00", Phase.CORE),
    ],
)
def test_phase_of_the_day(moment: str, phase: Phase) -> None:
    assert phase_at(parse_instant(moment)) is phase


@pytest.mark.parametrize("holiday", ["2024-03-29", "2025-01-09", "2026-07-03", "2027-06-18", "2027-12-24"])
def test_holidays_have_no_session(holiday: str) -> None:
    assert session_on(date.fromisoformat(holiday)) is None


@pytest.mark.parametrize("year", [2024, 2025, 2026, 2027])
def test_each_year_has_the_sessions_that_the_nyse_announced(year: int) -> None:
    days = [date.fromordinal(n) for n in range(date(year, 1, 1).toordinal(), date(year + 1, 1, 1).toordinal())]
    assert sum(session_on(day) is not None for day in days) == {2024: 252, 2025: 250, 2026: 251, 2027: 251}[year]


def test_next_open_and_close_step_over_the_holiday() -> None:
    wednesday_evening = parse_instant("2026-11-25T17:00:00-05:00")
    assert eastern_text(next_open(wednesday_evening)) == "2026-11-27T09:30:00-05:00"
    assert eastern_text(next_close(wednesday_evening)) == "2026-11-27T13:00:00-05:00"


def test_a_day_order_belongs_to_the_session_that_is_still_to_close() -> None:
    friday_close = parse_instant("2026-11-20T16:00:00-05:00")
    assert order_session(friday_close, extended=False).day == date(2026, 11, 23)
    assert order_session(friday_close, extended=True).day == date(2026, 11, 20)


def test_instants_keep_nanoseconds() -> None:
    assert utc_text(parse_instant("2026-11-20T10:00:00.123456789-05:00")) == "2026-11-20T15:00:00.123456789Z"
    assert parse_instant("2026-11-20T15:00:00+00:00") == parse_instant("2026-11-20T15:00:00 00:00")


@pytest.mark.parametrize("text", ["", "today", "2026-11-20T10:00:00", "2026-13-01T00:00:00Z"])
def test_a_time_needs_an_offset_and_a_sense(text: str) -> None:
    with pytest.raises(ValueError):
        parse_instant(text)


def test_clock_speaks_eastern_time_and_of_the_regular_session_only() -> None:
    exchange = VirtualExchange("2026-11-27T13:00:00-05:00")
    assert exchange.ok("GET", "/v2/clock") == {
        "timestamp": "2026-11-27T13:00:00-05:00",
        "is_open": False,
        "next_open": "2026-11-30T09:30:00-05:00",
        "next_close": "2026-11-30T16:00:00-05:00",
    }


def test_calendar_shows_the_early_close() -> None:
    days = VirtualExchange().ok("GET", "/v2/calendar", start="2026-11-25", end="2026-11-27")
    assert [day["date"] for day in days] == ["2026-11-25", "2026-11-27"]
    assert days[0] == {
        "date": "2026-11-25",
        "open": "09:30",
        "close": "16:00",
        "session_open": "0400",
        "session_close": "2000",
        "settlement_date": "2026-11-27",
    }
    assert days[1]["close"] == "13:00"


def test_extended_orders_trade_overnight_and_others_do_not() -> None:
    exchange = VirtualExchange("2026-11-19T20:30:00-05:00")
    exchange.quote("TQQQ", "50.95", "50.98")
    order = exchange.order("TQQQ", "buy", "10", "50.99", extended_hours=True)
    other = exchange.order("TQQQ", "buy", "10", "50.99")
    exchange.advance(1)
    assert [exchange.read(o)["status"] for o in (order, other)] == ["filled", "accepted"]
    assert not exchange.ok("GET", "/v2/clock")["is_open"]


def test_an_overnight_order_lasts_until_the_evening() -> None:
    exchange = VirtualExchange("2026-11-19T20:30:00-05:00")
    order = exchange.order("TQQQ", "buy", "10", "50.00", extended_hours=True)
    exchange.advance_to("2026-11-20T19:59:59-05:00")
    assert exchange.read(order)["status"] == "new"
    exchange.advance(1)
    assert exchange.read(order)["status"] == "expired"


def test_an_order_of_the_weekend_trades_from_sunday_evening() -> None:
    exchange = VirtualExchange("2026-11-21T12:00:00-05:00")
    exchange.quote("TQQQ", "50.95", "50.98")
    order = exchange.order("TQQQ", "buy", "10", "50.99", extended_hours=True)
    exchange.advance_to("2026-11-22T20:00:01-05:00")
    assert exchange.read(order)["status"] == "filled"


def test_an_account_may_switch_the_night_off() -> None:
    exchange = VirtualExchange("2026-11-19T20:30:00-05:00")
    exchange.quote("TQQQ", "50.95", "50.98")
    exchange.ok("PATCH", "/v2/account/configurations", {"disable_overnight_trading": True})
    order = exchange.order("TQQQ", "buy", "10", "50.99", extended_hours=True)
    exchange.advance_to("2026-11-20T03:59:59-05:00")
    assert exchange.read(order)["status"] == "accepted"
    exchange.advance(2)
    assert exchange.read(order)["status"] == "filled"
