"""Alpaca's market data, whole and damaged, in our words."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from repeg.broker import alpaca_market_parse as market


def quotes(**fields: Any) -> dict[str, Any]:
    full = {"t": "2026-11-20T15:00:00.987654321Z", "ap": 50.98, "as": 3, "bp": 50.95, "bs": 2, "c": ["R"], "z": "C"}
    return {"quotes": {"TQQQ": {**full, **fields}}}


def test_a_quote_is_read_exactly() -> None:
    quote = market.quote("TQQQ", quotes(bp=Decimal("50.95"), ap=Decimal("50.98")))
    assert quote is not None
    assert (quote.bid, quote.ask, quote.bid_size, quote.ask_size) == (Decimal("50.95"), Decimal("50.98"), 2, 3)
    assert quote.at == datetime(2026, 11, 20, 15, 0, 0, 987654, tzinfo=UTC)


@pytest.mark.parametrize("nothing", [0, None])
def test_an_empty_side_is_zero(nothing: int | None) -> None:
    quote = market.quote("TQQQ", quotes(ap=nothing, **{"as": nothing}))
    assert quote is not None
    assert (quote.ask, quote.ask_size, quote.bid) == (0, 0, Decimal("50.95"))


@pytest.mark.parametrize(
    "body", [{}, {"quotes": {}}, {"quotes": None}, {"quotes": {"QQQ": {}}}, {"quotes": {"TQQQ": None}}, quotes(t=None)]
)
def test_no_quote(body: Any) -> None:
    assert market.quote("TQQQ", body) is None


def snapshots(**others: Any) -> dict[str, Any]:
    one = {"latestQuote": quotes()["quotes"]["TQQQ"], "latestTrade": {"t": "2026-11-20T15:00:00Z", "p": 50.96}}
    return {"TQQQ": one, **others}


def quoted_at(text: str) -> dict[str, Any]:
    return {"latestQuote": quotes(t=text)["quotes"]["TQQQ"], "latestTrade": None}


def test_a_snapshot_tells_quote_last_trade_and_the_youngest_quote_of_the_others() -> None:
    body = snapshots(SPY=quoted_at("2026-11-20T15:00:07Z"), QQQ=quoted_at("2026-11-20T15:00:05Z"))
    seen = market.snapshot("TQQQ", ["QQQ", "SPY"], body)
    assert seen.quote == market.quote("TQQQ", quotes())
    assert (seen.last_price, seen.last_at) == (Decimal("50.96"), datetime(2026, 11, 20, 15, tzinfo=UTC))
    assert seen.feed_at == seen.newest_at == datetime(2026, 11, 20, 15, 0, 7, tzinfo=UTC)


@pytest.mark.parametrize(
    "body",
    [
        {"TQQQ": None},
        {},
        {"TQQQ": {"latestQuote": None, "latestTrade": {"t": "yesterday", "p": "much"}}, "SPY": 5},
        {"SPY": {"latestQuote": {"t": 7}}},
    ],
)
def test_a_snapshot_may_show_nothing(body: Any) -> None:
    seen = market.snapshot("TQQQ", ["SPY"], body)
    assert (seen.quote, seen.feed_at, seen.newest_at) == (None, None, None)


def test_a_trade_or_a_witness_that_cannot_be_read_hides_no_quote() -> None:
    body = snapshots(SPY={"latestQuote": {"t": "soon"}})
    body["TQQQ"]["latestTrade"] = {"t": "2026-11-20T15:00:00Z", "p": "NaN"}
    seen = market.snapshot("TQQQ", ["SPY"], body)
    assert seen.quote is not None and (seen.last_price, seen.feed_at) == (None, None)


TODAY = date(2026, 11, 20)


def bar(day: str, close: Any) -> dict[str, Any]:
    return {"t": f"{day}T05:00:00Z", "o": 1, "h": 1, "l": 1, "c": close, "v": 1, "n": 1, "vw": 1}


def many() -> dict[str, Any]:
    body = snapshots(SPY=quoted_at("2026-11-20T15:00:07Z"), QQQ=quoted_at("2026-11-20T15:00:05Z"))
    body["TQQQ"] |= {"dailyBar": bar("2026-11-20", 50), "prevDailyBar": bar("2026-11-19", 49.5)}
    return body


def test_snapshots_of_many_symbols_are_witnesses_of_each_other() -> None:
    seen = market.snapshots(["QQQ", "SPY", "TQQQ"], many(), TODAY)
    assert seen["TQQQ"] == market.snapshot("TQQQ", ["QQQ", "SPY"], many()).changed(
        previous_close=Decimal("49.5"), previous_close_on=date(2026, 11, 19)
    )
    assert seen["SPY"].feed_at == datetime(2026, 11, 20, 15, 0, 5, tzinfo=UTC)
    assert seen["QQQ"].feed_at == datetime(2026, 11, 20, 15, 0, 7, tzinfo=UTC)
    assert seen["QQQ"].previous_close is None


@pytest.mark.parametrize(
    ("daily", "previous", "close"),
    [
        (bar("2026-11-20", 50), bar("2026-11-19", 49.5), "49.5"),
        # Before the session's first trade, both bars are of days before.
        (bar("2026-11-19", 49.5), bar("2026-11-18", 48), "49.5"),
        (bar("2026-11-13", 44), None, "44"),
        (bar("2026-11-20", 50), None, None),
        (bar("2026-11-20", 50), bar("2026-11-19", 0), None),
        (bar("2026-11-20", 50), {"t": "yesterday", "c": 49}, None),
        (5, bar("2026-11-19", "many"), None),
        (None, None, None),
    ],
)
def test_the_previous_close_is_that_of_the_last_session_before_today(daily: Any, previous: Any, close: Any) -> None:
    body = many()
    body["TQQQ"] |= {"dailyBar": daily, "prevDailyBar": previous}
    seen = market.snapshots(["TQQQ"], body, TODAY)["TQQQ"]
    assert seen.previous_close == (Decimal(close) if close else None)
    assert seen.quote is not None


@pytest.mark.parametrize("damaged", [None, 5, [], {}, {"latestQuote": 7}, {"latestQuote": {"t": "soon"}}])
def test_a_symbol_that_cannot_be_read_hides_no_other(damaged: Any) -> None:
    seen = market.snapshots(["AAPL", "SPY", "TQQQ"], {**many(), "AAPL": damaged}, TODAY)
    assert seen["TQQQ"].quote and seen["SPY"].quote
    assert "AAPL" not in seen or seen["AAPL"].quote is None


def test_a_quote_that_cannot_be_read_hides_no_trade_and_no_close() -> None:
    body = many()
    body["TQQQ"]["latestQuote"]["bp"] = "NaN"
    seen = market.snapshots(["TQQQ"], body, TODAY)["TQQQ"]
    assert (seen.quote, seen.last_price, seen.previous_close) == (None, Decimal("50.96"), Decimal("49.5"))
