"""The value of the account over time."""

from __future__ import annotations

from typing import Any

import pytest

from desk.exchange.market.moments import SECOND, parse_instant
from tests.unit.exchange.virtual import VirtualExchange

HISTORY = "/v2/account/portfolio/history"


def label(moment: str) -> int:
    return parse_instant(moment) // SECOND


def test_the_value_of_the_account_since_the_last_close(exchange: VirtualExchange) -> None:
    exchange.control("PUT", "account", {"cash": "101000"})
    history = exchange.ok("GET", HISTORY)
    assert (history["equity"], history["profit_loss_pct"]) == ([100_000.0, 101_000.0], [0.0, 0.01])
    assert "cashflow" not in history


@pytest.mark.parametrize(
    "query",
    [
        {"period": "1Y"},
        {"timeframe": "2Min"},
        {"intraday_reporting": "always"},
        {"pnl_reset": "never"},
        {"start": "soon"},
        {"period": "1D", "start": "2026-11-19T00:00:00Z", "end": "2026-11-20T00:00:00Z"},
    ],
)
def test_a_history_that_makes_no_sense(exchange: VirtualExchange, query: dict[str, str]) -> None:
    assert exchange.send("GET", HISTORY, **query).status == 422


def test_a_day_has_the_equity_of_its_close(exchange: VirtualExchange) -> None:
    exchange.hold("TQQQ", "100", "50")
    exchange.advance_to("2026-11-20T16:00:00-05:00")
    exchange.quote("TQQQ", "52", "52.02")
    exchange.advance_to("2026-11-23T16:30:00-05:00")
    exchange.quote("TQQQ", "53", "53.02")
    exchange.advance_to("2026-11-24T11:00:00-05:00")
    history = exchange.ok("GET", HISTORY, period="1M", timeframe="1D")
    assert history["timestamp"] == [label(f"2026-11-{day}T20:00:00-05:00") for day in (19, 20, 23, 24)]
    assert history["equity"] == [100_000.0, 105_096.0, 105_201.0, 105_301.0]
    assert history["profit_loss"] == [0.0, 5_096.0, 5_201.0, 5_301.0]
    assert history["profit_loss_pct"] == [0.0, 0.051, 0.052, 0.053]
    assert history["base_value"] == 100_000.0 and "base_value_asof" not in history
    later = exchange.ok("GET", HISTORY, start="2026-11-23T00:00:00-05:00", end="2026-11-23T23:00:00-05:00")
    assert (later["timeframe"], later["base_value"], later["base_value_asof"]) == ("1Min", 105_096.0, "2026-11-20")
    older = exchange.ok("GET", HISTORY, date_start="2026-11-23", date_end="2026-11-23")
    assert older == later
    daily = exchange.ok("GET", HISTORY, start="2026-11-23T00:00:00-05:00", timeframe="1D")
    assert (daily["equity"], daily["profit_loss"]) == ([105_201.0, 105_301.0], [105.0, 205.0])


def test_windows_of_a_day(exchange: VirtualExchange) -> None:
    exchange.hold("TQQQ", "100", "50")
    exchange.quote("TQQQ", "50.95", "50.98")
    exchange.advance(20 * 60)
    exchange.quote("TQQQ", "51.95", "51.98")
    exchange.advance(25 * 60)
    history = exchange.ok("GET", HISTORY, period="1D", timeframe="15Min")
    assert history["timestamp"] == [label(f"2026-11-20T10:{minute}:00-05:00") for minute in ("00", 15, 30, 45)]
    assert history["equity"] == [105_096.0, 105_196.0, 105_196.0, 105_196.0]
    assert (history["base_value"], history["base_value_asof"]) == (100_000.0, "2026-11-19")
    assert history["profit_loss"] == [5_096.0, 5_196.0, 5_196.0, 5_196.0]
    assert len(exchange.ok("GET", HISTORY, period="1D")["equity"]) == 46


def test_hours_and_bases_of_windows(exchange: VirtualExchange) -> None:
    exchange.hold("TQQQ", "100", "50")
    exchange.quote("TQQQ", "50.95", "50.98")
    exchange.advance_to("2026-11-23T12:00:00-05:00")
    exchange.quote("TQQQ", "51.95", "51.98")

    def history(**query: str) -> dict[str, Any]:
        span = {"start": "2026-11-23T00:00:00-05:00", "timeframe": "1H"}
        return dict(exchange.ok("GET", HISTORY, **span, **query))

    assert [len(history(intraday_reporting=hours)["equity"]) for hours in ("market_hours", "extended_hours")] == [3, 9]
    assert len(history(intraday_reporting="continuous")["equity"]) == 13
    assert len(history(extended_hours="true")["equity"]) == 9
    two_days: dict[str, Any] = {"start": "2026-11-20T00:00:00-05:00", "timeframe": "1H"}
    reset = exchange.ok("GET", HISTORY, **two_days)
    kept = exchange.ok("GET", HISTORY, pnl_reset="no_reset", **two_days)
    assert (reset["profit_loss"][0], reset["profit_loss"][-1]) == (5_096.0, 100.0)
    assert (kept["profit_loss"][0], kept["profit_loss"][-1]) == (5_096.0, 5_196.0)


def test_cents_are_rounded(exchange: VirtualExchange) -> None:
    exchange.control("PUT", "positions/TQQQ", {"qty": "0.123456789", "avg_entry_price": 50})
    history = exchange.ok("GET", HISTORY)
    assert (history["equity"][1], history["profit_loss"][1], history["profit_loss_pct"][1]) == (
        100_006.29,
        6.29,
        0.0001,
    )


def test_a_loss_of_next_to_nothing_has_no_sign(exchange: VirtualExchange) -> None:
    """In JSON it would be -0.0, which some clients print."""
    exchange.control("PUT", "positions/TQQQ", {"qty": "0.1", "avg_entry_price": 51})
    exchange.control("PUT", "account", {"cash": "99994.88"})
    history = exchange.ok("GET", HISTORY)
    assert (history["profit_loss"][1], str(history["profit_loss_pct"][1])) == (-0.02, "0.0")


def test_nothing_is_known_of_the_time_before(exchange: VirtualExchange) -> None:
    history = exchange.ok("GET", HISTORY, start="2025-01-01T00:00:00Z", end="2025-12-31T00:00:00Z")
    assert [history[name] for name in ("timestamp", "equity", "profit_loss", "profit_loss_pct")] == [[], [], [], []]
    assert (history["timeframe"], history["base_value"]) == ("1D", 100_000.0)


def test_a_clock_that_is_set_back_and_a_reset_forget(exchange: VirtualExchange) -> None:
    exchange.hold("TQQQ", "100", "50")
    exchange.advance_to("2026-11-23T12:00:00-05:00")
    exchange.quote("TQQQ", "51.95", "51.98")
    exchange.control("PUT", "clock", {"now": "2026-11-20T10:30:00-05:00"})
    exchange.quote("TQQQ", "40", "40.02")
    history = exchange.ok("GET", HISTORY, period="1D", timeframe="15Min")
    assert history["equity"][-1] == 104_001.0
    exchange.control("POST", "reset")
    assert exchange.ok("GET", HISTORY, period="1D", timeframe="15Min")["equity"] == [100_000.0]


@pytest.mark.parametrize("start", ["0001-01-01T00:00:00Z", "1969-01-01", "2026-11-20"])
def test_any_start_before_now(exchange: VirtualExchange, start: str) -> None:
    assert exchange.send("GET", HISTORY, start=start, timeframe="1D").status == 200


@pytest.mark.parametrize(
    "query",
    [
        {"start": "9999-12-31T23:59:59-14:00"},
        {"start": "2026-11-20T15:00:00Z", "end": "2026-11-20T14:00:00Z"},
        {"period": "3M", "timeframe": "15Min"},
        {"extended_hours": "perhaps"},
        {"date_end": "0001-01-01"},
        {"date_end": "soon"},
    ],
)
def test_spans_that_make_no_sense(exchange: VirtualExchange, query: dict[str, str]) -> None:
    assert exchange.send("GET", HISTORY, **query).status == 422
