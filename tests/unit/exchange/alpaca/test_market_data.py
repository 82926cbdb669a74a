"""Latest quotes, trades and snapshots."""

from __future__ import annotations

import pytest

from tests.unit.exchange.virtual import VirtualExchange


def test_latest_quote_of_one_and_of_many(exchange: VirtualExchange) -> None:
    quote = {
        "t": "2026-11-20T15:00:00.000000000Z",
        "ax": "Q",
        "ap": 50.98,
        "as": 300,
        "bx": "Q",
        "bp": 50.95,
        "bs": 300,
        "c": ["R"],
        "z": "C",
    }
    assert exchange.ok("GET", "/v2/stocks/TQQQ/quotes/latest", feed="sip") == {"symbol": "TQQQ", "quote": quote}
    many = exchange.ok("GET", "/v2/stocks/quotes/latest", symbols="TQQQ,NOPE,AAPL")
    assert many == {"quotes": {"TQQQ": quote}}


def test_a_quote_that_holds_is_restamped_every_second(exchange: VirtualExchange) -> None:
    exchange.advance("7.5")
    assert exchange.ok("GET", "/v2/stocks/TQQQ/quotes/latest")["quote"]["t"] == "2026-11-20T15:00:07.000000000Z"
    assert exchange.ok("GET", "/v2/stocks/TQQQ/trades/latest")["trade"]["t"] == "2026-11-20T15:00:07.000000000Z"
    assert len(exchange.journal("quote")) == 1


def test_a_frozen_quote_ages(exchange: VirtualExchange) -> None:
    exchange.quote("TQQQ", "50.95", "50.98", frozen=True)
    exchange.advance(60)
    assert exchange.ok("GET", "/v2/stocks/TQQQ/quotes/latest")["quote"]["t"] == "2026-11-20T15:00:00.000000000Z"


def test_an_empty_side_has_price_zero_and_no_venue(exchange: VirtualExchange) -> None:
    exchange.quote("TQQQ", "0", "50.98", 0, 300)
    quote = exchange.ok("GET", "/v2/stocks/TQQQ/quotes/latest")["quote"]
    assert (quote["bp"], quote["bs"], quote["bx"]) == (0, 0, " ")


def test_the_quote_shows_what_was_put_even_when_its_size_is_taken(exchange: VirtualExchange) -> None:
    exchange.order("TQQQ", "buy", "300", "50.99")
    exchange.advance(1)
    assert exchange.ok("GET", "/v2/stocks/TQQQ/quotes/latest")["quote"]["as"] == 300


def test_latest_trade_is_the_last_fill(exchange: VirtualExchange) -> None:
    exchange.order("TQQQ", "buy", "10", "50.99")
    exchange.advance(5)
    trade = exchange.ok("GET", "/v2/stocks/trades/latest", symbols="TQQQ")["trades"]["TQQQ"]
    assert (trade["p"], trade["s"], trade["t"]) == (50.98, 10, "2026-11-20T15:00:00.070000000Z")


def test_snapshots_have_no_wrapper(exchange: VirtualExchange) -> None:
    many = exchange.ok("GET", "/v2/stocks/snapshots", symbols="TQQQ,NOPE")
    assert many.keys() == {"TQQQ"}
    assert many["TQQQ"]["latestQuote"]["ap"] == 50.98
    assert exchange.ok("GET", "/v2/stocks/TQQQ/snapshot")["latestTrade"]["p"] == 50.96


def test_a_symbol_without_a_quote(exchange: VirtualExchange) -> None:
    assert exchange.send("GET", "/v2/stocks/AAPL/quotes/latest").status == 404
    assert exchange.send("GET", "/v2/stocks/quotes/latest").status == 400
    assert exchange.ok("GET", "/v2/stocks/quotes/latest", symbols="AAPL") == {"quotes": {}}


def test_the_last_sale_is_the_midpoint_unless_the_quote_says_otherwise(exchange: VirtualExchange) -> None:
    exchange.quote("TQQQ", "1.00", "1.01", last="50.9")
    snapshot = exchange.ok("GET", "/v2/stocks/TQQQ/snapshot")
    assert (snapshot["latestQuote"]["ap"], snapshot["latestTrade"]["p"], snapshot["dailyBar"]["c"]) == (
        1.01,
        50.9,
        50.9,
    )
    exchange.quote("TQQQ", "0", "1.01", last="51")
    assert exchange.ok("GET", "/v2/stocks/TQQQ/snapshot")["latestTrade"]["p"] == 51
    exchange.quote("TQQQ", "52.00", "52.02")
    assert exchange.ok("GET", "/v2/stocks/TQQQ/snapshot")["latestTrade"]["p"] == 52.01


def test_nobody_trades_at_a_misprint_unless_the_exchange_is_told_so(exchange: VirtualExchange) -> None:
    def last() -> float:
        return float(exchange.ok("GET", "/v2/stocks/TQQQ/snapshot")["latestTrade"]["p"])

    exchange.quote("TQQQ", "50.00", "50.02")
    for bid, ask in (("1.00", "1.02"), ("25.00", "25.00"), ("100.03", "100.05")):
        exchange.quote("TQQQ", bid, ask)
        assert last() == 50.01
    exchange.quote("TQQQ", "1.00", "1.02", last="1.01")
    assert last() == 1.01


def test_the_previous_close_is_of_the_last_session_before_today(exchange: VirtualExchange) -> None:
    def bars() -> list[tuple[str, float] | None]:
        snapshot = exchange.ok("GET", "/v2/stocks/TQQQ/snapshot")
        found = [snapshot["dailyBar"], snapshot["prevDailyBar"]]
        return [(bar["t"][:10], bar["c"]) if bar else None for bar in found]

    exchange.quote("TQQQ", "50.95", "50.97", previous_close="70")
    exchange.quote("TQQQ", "50.95", "50.97", previous_close="60")
    assert bars() == [("2026-11-20", 50.96), ("2026-11-19", 60)]
    # On Monday before its first trade, both are of days before.
    exchange.advance_to("2026-11-23T09:30:00-05:00")
    assert bars() == [("2026-11-20", 50.96), ("2026-11-19", 60)]
    exchange.quote("TQQQ", "55", "55.02", previous_close="54")
    assert bars() == [("2026-11-23", 55.01), ("2026-11-20", 54)]


def test_a_script_stages_a_misprint(exchange: VirtualExchange) -> None:
    exchange.control("POST", "script", {"events": [{"symbol": "TQQQ", "bid": "1", "ask": "1.01", "last": "50.9"}]})
    exchange.advance(1)
    snapshot = exchange.ok("GET", "/v2/stocks/TQQQ/snapshot")
    assert (snapshot["latestQuote"]["bp"], snapshot["latestTrade"]["p"]) == (1, 50.9)


@pytest.mark.parametrize("field", ["last", "previous_close"])
@pytest.mark.parametrize("price", ["0", "-1", "soon"])
def test_a_sale_for_nothing_is_refused(exchange: VirtualExchange, field: str, price: str) -> None:
    reply = exchange.send("PUT", "/_exchange/quotes/TQQQ", {"bid": 1, "ask": 2, field: price})
    assert (reply.status, reply.body["error"].split(":")[0]) == (400, field)
