"""Latest quotes, trades and snapshots."""

from __future__ import annotations

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
