"""Clock and calendar by market, as REST v3 has them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.exchange.virtual import VirtualExchange

FRIDAY = "2026-11-20"
NEXT_OPEN, NEXT_CLOSE = "2026-11-23T09:30:00-05:00", "2026-11-23T16:00:00-05:00"


@pytest.fixture
def exchange() -> VirtualExchange:
    return VirtualExchange()


def clock(exchange: VirtualExchange, time: str) -> dict[str, Any]:
    (told,) = exchange.ok("GET", "/v3/clock", markets="NYSE", time=time)["clocks"]
    return dict(told)


def test_the_clock_is_the_exchanges(exchange: VirtualExchange) -> None:
    (told,) = exchange.ok("GET", "/v3/clock", markets="NYSE")["clocks"]
    assert told == {
        "market": {
            "mic": "XNYS",
            "acronym": "NYSE",
            "name": "New York Stock Exchange",
            "timezone": "America/New_York",
        },
        "timestamp": f"{FRIDAY}T10:00:00-05:00",
        "is_market_day": True,
        "next_market_open": NEXT_OPEN,
        "next_market_close": f"{FRIDAY}T16:00:00-05:00",
        "phase": "core",
        "phase_until": f"{FRIDAY}T16:00:00-05:00",
    }


@pytest.mark.parametrize(
    ("time", "market_day", "phase", "until"),
    [
        ("2026-11-20T03:59:59-05:00", True, "closed", "2026-11-20T04:00:00-05:00"),
        ("2026-11-20T04:00:00-05:00", True, "pre", "2026-11-20T09:30:00-05:00"),
        ("2026-11-20T16:00:00-05:00", True, "post", "2026-11-20T20:00:00-05:00"),
        ("2026-11-20T20:00:00-05:00", True, "closed", "2026-11-23T04:00:00-05:00"),
        ("2026-11-22T21:00:00-05:00", False, "closed", "2026-11-23T04:00:00-05:00"),
        ("2026-11-26T12:00:00Z", False, "closed", "2026-11-27T04:00:00-05:00"),
        ("2026-11-27T13:00:00-05:00", True, "closed", "2026-11-30T04:00:00-05:00"),
    ],
)
def test_the_phases(exchange: VirtualExchange, time: str, market_day: bool, phase: str, until: str) -> None:
    told = clock(exchange, time)
    assert (told["is_market_day"], told["phase"], told["phase_until"]) == (market_day, phase, until)


def test_markets_by_acronym_or_mic_or_all(exchange: VirtualExchange) -> None:
    named = exchange.ok("GET", "/v3/clock", markets="XNAS, nyse")["clocks"]
    assert [told["market"]["acronym"] for told in named] == ["NASDAQ", "NYSE"]
    assert len(exchange.ok("GET", "/v3/clock")["clocks"]) == 4


def test_the_calendar_of_a_week(exchange: VirtualExchange) -> None:
    told = exchange.ok("GET", "/v3/calendar/XNYS")
    assert told["market"]["acronym"] == "NYSE"
    assert [day["date"][-2:] for day in told["calendar"]] == ["20", "23", "24", "25", "27"]
    first, last = told["calendar"][0], told["calendar"][-1]
    assert first == {
        "date": FRIDAY,
        "pre_start": f"{FRIDAY}T04:00:00-05:00",
        "pre_end": f"{FRIDAY}T09:30:00-05:00",
        "core_start": f"{FRIDAY}T09:30:00-05:00",
        "core_end": f"{FRIDAY}T16:00:00-05:00",
        "post_start": f"{FRIDAY}T16:00:00-05:00",
        "post_end": f"{FRIDAY}T20:00:00-05:00",
        "settlement_date": "2026-11-23",
    }
    assert last["core_end"] == "2026-11-27T13:00:00-05:00" and "post_start" not in last


def test_the_calendar_of_a_span_in_utc(exchange: VirtualExchange) -> None:
    span = {"start": "2027-12-30", "end": "2028-02-01", "timezone": "UTC"}
    days = exchange.ok("GET", "/v3/calendar/NASDAQ", **span)["calendar"]
    assert [day["core_start"] for day in days] == ["2027-12-30T14:30:00Z", "2027-12-31T14:30:00Z"]
    assert "settlement_date" not in days[-1]
    assert exchange.ok("GET", "/v3/calendar/NYSE", start="9999-12-31")["calendar"] == []


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/v3/clock", {"markets": "LSE"}),
        ("/v3/clock", {"time": "now"}),
        ("/v3/clock", {"time": "0001-01-01T00:00:00Z"}),
        ("/v3/calendar/TSE", {}),
        ("/v3/calendar/NYSE", {"start": "soon"}),
        ("/v3/calendar/NYSE", {"timezone": "CET"}),
    ],
)
def test_what_it_does_not_know(exchange: VirtualExchange, path: str, query: dict[str, str]) -> None:
    assert exchange.send("GET", path, **query).status == 400
    assert exchange.send("GET", "/v3/nothing").status == 404
