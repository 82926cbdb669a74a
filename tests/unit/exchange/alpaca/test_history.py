"""Historical quotes, trades and bars, and what a market data plan covers."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.exchange.virtual import VirtualExchange

DENIED = {"code": 42210000, "message": "subscription does not permit querying recent SIP data"}


@pytest.fixture
def moving(exchange: VirtualExchange) -> VirtualExchange:
    """TQQQ at 50.96, at 51.96 half a minute later, at 52.96 and 49.96 in the next minute; AAPL once."""
    for pause, bid in ((30, "51.95"), (40, "52.95"), (10, "49.95")):
        exchange.advance(pause)
        exchange.quote("TQQQ", bid, f"{float(bid) + 0.02:.2f}")
    exchange.quote("AAPL", "199.99", "200.01")
    return exchange


def test_quotes_and_trades_of_a_span(moving: VirtualExchange) -> None:
    span = {"start": "2026-11-20T15:00:30Z", "end": "2026-11-20T15:01:10Z"}
    body = moving.ok("GET", "/v2/stocks/quotes", symbols="TQQQ,AAPL,NOPE", **span)
    assert [quote["bp"] for quote in body["quotes"]["TQQQ"]] == [51.95, 52.95]
    assert (body["quotes"].keys(), body["next_page_token"]) == ({"TQQQ"}, None)
    body = moving.ok("GET", "/v2/stocks/TQQQ/trades", sort="desc")
    assert [trade["p"] for trade in body["trades"]] == [49.96, 52.96, 51.96, 50.96]
    assert body["symbol"] == "TQQQ"


def test_bars_are_made_of_trades(moving: VirtualExchange) -> None:
    first, second = moving.ok("GET", "/v2/stocks/bars", symbols="TQQQ", timeframe="1Min")["bars"]["TQQQ"]
    assert first | {"vw": 0} == {
        "t": "2026-11-20T15:00:00.000000000Z",
        "o": 50.96,
        "h": 51.96,
        "l": 50.96,
        "c": 51.96,
        "v": 2,
        "n": 2,
        "vw": 0,
    }
    assert (second["o"], second["h"], second["l"], second["c"]) == (52.96, 52.96, 49.96, 49.96)
    (day,) = moving.ok("GET", "/v2/stocks/TQQQ/bars", timeframe="1Day", start="2026-11-20T05:00:00Z")["bars"]
    assert (day["t"], day["o"], day["c"], day["n"]) == ("2026-11-20T05:00:00.000000000Z", 50.96, 49.96, 4)


@pytest.mark.parametrize(
    ("timeframe", "start"),
    [
        ("15Min", "2026-11-20T15:00:00"),
        ("1H", "2026-11-20T15:00:00"),
        ("1Week", "2026-11-16T05:00:00"),
        ("1Month", "2026-11-01T04:00:00"),
        ("3M", "2026-10-01T04:00:00"),
    ],
)
def test_timeframes(moving: VirtualExchange, timeframe: str, start: str) -> None:
    query = {"timeframe": timeframe, "start": "2026-01-01"}
    (bar,) = moving.ok("GET", "/v2/stocks/TQQQ/bars", **query)["bars"]
    assert bar["t"] == f"{start}.000000000Z"


def test_pages(moving: VirtualExchange) -> None:
    seen: list[tuple[str, float]] = []
    token = ""
    for expected in (2, 2, 1):
        query = {"page_token": token} if token else {}
        body = moving.ok("GET", "/v2/stocks/trades", symbols="TQQQ,AAPL", limit=2, **query)
        found = [(symbol, trade["p"]) for symbol, trades in body["trades"].items() for trade in trades]
        assert len(found) == expected
        seen += found
        token = body["next_page_token"]
    assert token is None
    assert seen == [("AAPL", 200), *(("TQQQ", price) for price in (50.96, 51.96, 52.96, 49.96))]


def test_a_snapshot_has_its_bars(moving: VirtualExchange) -> None:
    moving.advance_to("2026-11-23T10:00:00-05:00")
    moving.quote("TQQQ", "54.99", "55.01")
    snapshot = moving.ok("GET", "/v2/stocks/TQQQ/snapshot")
    assert [snapshot[bar]["c"] for bar in ("minuteBar", "dailyBar", "prevDailyBar")] == [55, 55, 49.96]
    assert moving.ok("GET", "/v2/stocks/bars/latest", symbols="TQQQ")["bars"]["TQQQ"]["c"] == 55


def test_fills_are_trades(exchange: VirtualExchange) -> None:
    exchange.order("TQQQ", "buy", "10", "50.99")
    exchange.advance(1)
    last = exchange.ok("GET", "/v2/stocks/TQQQ/trades")["trades"][-1]
    assert (last["p"], last["s"]) == (50.98, 10)


def test_a_clock_that_is_set_back_takes_the_future_back(moving: VirtualExchange) -> None:
    moving.control("PUT", "clock", {"now": "2026-11-20T10:00:40-05:00"})
    moving.quote("TQQQ", "40", "40.02")
    prices = [trade["p"] for trade in moving.ok("GET", "/v2/stocks/TQQQ/trades")["trades"]]
    assert prices == [50.96, 51.96, 40.01]


def test_sizes_and_volumes_are_whole_shares(exchange: VirtualExchange) -> None:
    for qty in ("0.5", "2.75"):
        exchange.order("TQQQ", "buy", qty)
        exchange.advance(1)
    trades = exchange.ok("GET", "/v2/stocks/TQQQ/trades")["trades"]
    assert [trade["s"] for trade in trades] == [1, 1, 2]
    assert exchange.ok("GET", "/v2/stocks/TQQQ/trades/latest")["trade"]["s"] == 2
    (bar,) = exchange.ok("GET", "/v2/stocks/TQQQ/bars", timeframe="1Min")["bars"]
    assert all(isinstance(bar[name], int) for name in ("v", "n"))
    assert b'"s":2,' in exchange.send("GET", "/v2/stocks/TQQQ/trades").encoded()


def test_bars_in_the_shares_of_today(moving: VirtualExchange) -> None:
    split = {"symbol": "TQQQ", "type": "forward_split", "new_rate": 10, "old_rate": 1, "ex_date": "2026-11-23"}
    moving.control("POST", "corporate_actions", split)

    def bar(**query: str) -> dict[str, Any]:
        span = {"timeframe": "1Day", "start": "2026-11-20T05:00:00Z"}
        return dict(moving.ok("GET", "/v2/stocks/TQQQ/bars", **span, **query)["bars"][0])

    raw = bar()
    assert raw == bar(adjustment="raw") == bar(adjustment="dividend")
    for adjustment in ("split", "all", "dividend,split"):
        adjusted = bar(adjustment=adjustment)
        assert (adjusted["o"], adjusted["h"], adjusted["c"]) == (5.096, 5.296, 4.996)
        assert adjusted["v"] == 10 * raw["v"]


def test_auctions_are_the_first_and_last_trade_of_a_session(exchange: VirtualExchange) -> None:
    assert exchange.ok("GET", "/v2/stocks/TQQQ/auctions")["auctions"][0]["c"] == []
    exchange.advance_to("2026-11-20T15:59:59-05:00")
    exchange.quote("TQQQ", "51.99", "52.01")
    exchange.advance_to("2026-11-20T16:30:00-05:00")
    exchange.quote("TQQQ", "53.99", "54.01")
    body = exchange.ok("GET", "/v2/stocks/auctions", symbols="TQQQ,AAPL")
    (day,) = body["auctions"]["TQQQ"]
    assert body["auctions"].keys() == {"TQQQ"} and body["next_page_token"] is None
    assert day == {
        "d": "2026-11-20",
        "o": [{"t": "2026-11-20T15:00:00.000000000Z", "x": "Q", "p": 50.96, "s": 1, "c": "Q"}],
        "c": [{"t": "2026-11-20T20:59:59.000000000Z", "x": "Q", "p": 52, "s": 1, "c": "M"}],
    }
    assert exchange.send("GET", "/v2/stocks/TQQQ/auctions", feed="iex").status == 400


def test_what_the_codes_mean(exchange: VirtualExchange) -> None:
    assert exchange.ok("GET", "/v2/stocks/meta/exchanges")["Q"] == "NASDAQ OMX"
    assert exchange.ok("GET", "/v2/stocks/meta/conditions/trade", tape="C")["@"] == "Regular Sale"
    assert exchange.ok("GET", "/v2/stocks/meta/conditions/quote", tape="A")["R"] == "Regular Market Maker Open"
    for bad in ("trade", "trade?tape=D", "bars?tape=A"):
        path, _, tape = bad.partition("?tape=")
        assert exchange.send("GET", f"/v2/stocks/meta/conditions/{path}", tape=tape).status == 400


@pytest.mark.parametrize(
    ("path", "query", "status"),
    [
        ("bars", {"timeframe": "1Eon"}, 400),
        ("bars", {"timeframe": "90Min"}, 400),
        ("bars", {}, 400),
        ("quotes", {"feed": "overnight"}, 400),
        ("quotes", {"start": "yesterday"}, 400),
        ("quotes", {"limit": 10_001}, 400),
        ("quotes", {"page_token": "x"}, 400),
        ("quotes", {"sort": "up"}, 400),
        ("quotes", {"asof": "then"}, 400),
        ("quotes", {"currency": "EUR"}, 400),
        ("quotes", {"start": "2026-11-20T15:00:00Z", "end": "2026-11-20T14:00:00Z"}, 400),
        ("bars", {"timeframe": "1Min", "adjustment": "some"}, 400),
        ("bars", {"timeframe": "9" * 5000 + "Min"}, 400),
        ("nonsense", {}, 404),
    ],
)
def test_bad_requests(exchange: VirtualExchange, path: str, query: dict[str, Any], status: int) -> None:
    assert exchange.send("GET", f"/v2/stocks/{path}", symbols="TQQQ", **query).status == status


def test_a_plan_without_sip(moving: VirtualExchange) -> None:
    moving.control("PUT", "settings", {"subscription": "iex"})
    for path in ("TQQQ/quotes/latest", "TQQQ/snapshot", "TQQQ/trades/latest"):
        refused = moving.send("GET", f"/v2/stocks/{path}", feed="sip")
        assert (refused.status, refused.body) == (403, DENIED)
        assert moving.send("GET", f"/v2/stocks/{path}", feed="iex").status == 200
        assert moving.send("GET", f"/v2/stocks/{path}").status == 200
    now = "2026-11-20T15:01:20Z"
    assert moving.send("GET", "/v2/stocks/TQQQ/trades", end=now).status == 403
    assert moving.ok("GET", "/v2/stocks/TQQQ/trades")["trades"] == []
    moving.advance(15 * 60)
    assert len(moving.ok("GET", "/v2/stocks/TQQQ/trades", end=now)["trades"]) == 4
    assert moving.send("PUT", "/_exchange/settings", {"subscription": "gold"}).status == 400


def test_a_day_as_the_end_is_the_whole_day(exchange: VirtualExchange) -> None:
    span = {"start": "2026-11-20", "end": "2026-11-20", "timeframe": "1Min"}
    assert len(exchange.ok("GET", "/v2/stocks/TQQQ/bars", **span)["bars"]) == 1
    assert exchange.ok("GET", "/v2/stocks/TQQQ/bars", **span | {"end": "2026-11-20T00:00:00Z"})["bars"] == []
