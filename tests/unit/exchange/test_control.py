"""The control port: clock, reset, account, assets, positions, settings, quotes, journal."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.exchange.virtual import VirtualExchange


def test_the_clock_can_be_paused_and_advanced(exchange: VirtualExchange) -> None:
    assert exchange.send("POST", "/_exchange/clock/advance", {"seconds": 1}).status == 400
    reading = exchange.control("PUT", "clock", {"paused": True, "now": "2026-11-20T11:00:00-05:00"})
    assert reading == {"now": "2026-11-20T16:00:00.000000000Z", "paused": True, "speed": 1.0}
    exchange.advance(10)
    assert exchange.control("GET", "clock")["now"] == "2026-11-20T16:00:00.000000000Z"
    exchange.control("POST", "clock/advance", {"seconds": "1.5"})
    assert exchange.control("GET", "clock")["now"] == "2026-11-20T16:00:01.500000000Z"
    exchange.control("PUT", "clock", {"paused": False})
    exchange.advance(1)
    assert exchange.control("GET", "clock")["now"] == "2026-11-20T16:00:02.500000000Z"


def test_what_falls_due_happens_when_the_clock_is_set_forward(exchange: VirtualExchange) -> None:
    order = exchange.order("TQQQ", "buy", "10", "50.90")
    exchange.control("PUT", "clock", {"now": "2026-11-23T10:00:00-05:00"})
    assert exchange.read(order)["expired_at"] == "2026-11-20T21:00:00.000000000Z"


def test_the_clock_can_be_set_back(exchange: VirtualExchange) -> None:
    order = exchange.order("TQQQ", "buy", "10", "50.99", time_in_force="gtc")
    exchange.control("PUT", "clock", {"now": "2026-11-19T15:59:59-05:00"})
    assert [o["id"] for o in exchange.ok("GET", "/v2/orders")] == [order["id"]]
    exchange.advance("0.07")
    assert exchange.read(order)["filled_at"] == "2026-11-19T20:59:59.070000000Z"
    resting = exchange.order("TQQQ", "buy", "10", "50.90")
    exchange.advance(1)
    assert exchange.read(resting)["status"] == "expired"


@pytest.mark.parametrize(
    "body", [{"now": "2031-01-01T00:00:00Z"}, {"now": 5}, {"paused": 1}, {"speed": 0}, {"x": 1}, []]
)
def test_a_bad_clock_is_refused(exchange: VirtualExchange, body: Any) -> None:
    assert exchange.send("PUT", "/_exchange/clock", body).status == 400


def test_speed(exchange: VirtualExchange) -> None:
    assert exchange.control("PUT", "clock", {"speed": 20})["speed"] == 20
    exchange.advance(1)
    assert exchange.control("GET", "clock")["now"] == "2026-11-20T15:00:20.000000000Z"


def test_reset_empties_all_but_the_clock(exchange: VirtualExchange) -> None:
    order = exchange.order("TQQQ", "buy", "10", "50.90")
    exchange.hold("TQQQ", "5")
    exchange.control("PUT", "account", {"cash": "5"})
    exchange.control("PUT", "assets/TQQQ", {"tradable": False})
    exchange.control("PUT", "settings", {"ack_ms": 500})
    exchange.control("PUT", "faults", {"faults": [{"kind": "error"}]})
    exchange.advance(90)
    last = exchange.journal()[-1]["seq"]
    exchange.control("POST", "reset")
    assert exchange.journal() == []
    assert exchange.control("GET", "clock")["now"] == "2026-11-20T15:01:30.000000000Z"
    assert exchange.ok("GET", "/v2/orders", status="all") == exchange.ok("GET", "/v2/positions") == []
    assert exchange.ok("GET", "/v2/account")["cash"] == "100000"
    assert exchange.ok("GET", "/v2/assets/TQQQ")["tradable"] is True
    assert exchange.send("GET", "/v2/stocks/TQQQ/quotes/latest").status == 404
    assert exchange.control("GET", "settings")["ack_ms"] == "20"
    assert exchange.journal()[0]["seq"] > last
    exchange.quote("TQQQ", "50.95", "50.98")
    assert exchange.order("TQQQ", "buy", "10", "50.90")["id"] != order["id"]


def test_account(exchange: VirtualExchange) -> None:
    body = exchange.control("PUT", "account", {"cash": "2500.5", "account_number": "PA999", "multiplier": 1})
    assert (body["cash"], body["account_number"], body["buying_power"]) == ("2500.5", "PA999", "2500.5")


def test_a_quote_lists_an_unknown_symbol(exchange: VirtualExchange) -> None:
    exchange.quote("ZZZZ", "9.99", "10.01")
    asset = exchange.ok("GET", "/v2/assets/ZZZZ")
    assert asset["tradable"] and asset["fractionable"] and asset["shortable"] and asset["marginable"]


def test_a_position_can_be_put_and_taken(exchange: VirtualExchange) -> None:
    exchange.control("PUT", "positions/tqqq", {"qty": "12", "avg_entry_price": 48.5})
    assert exchange.ok("GET", "/v2/positions/TQQQ")["cost_basis"] == "582"
    assert exchange.ok("GET", "/v2/account")["cash"] == "100000"
    exchange.control("PUT", "positions/TQQQ", {"qty": 0})
    assert exchange.ok("GET", "/v2/positions") == []


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("quotes/TQQQ", {"bid": "-1", "ask": "2"}, "bid"),
        ("quotes/AAPL", {"bid": "1"}, "ask"),
        ("quotes/TQQQ", {"bid": "1", "ask": "2", "size": 5}, "size"),
        ("quotes/TQQQ", {"frozen": "yes"}, "frozen"),
        ("account", {"equity": "5"}, "equity"),
        ("account", {"trading_blocked": "no"}, "trading_blocked"),
        ("assets/TQQQ", {"tradable": 1}, "tradable"),
        ("positions/AAPL", {"qty": "5"}, "avg_entry_price"),
        ("positions/TQQQ", {}, "qty"),
        ("settings", {"ack_ms": -1}, "ack_ms"),
        ("settings", {"rate_limit": "1.5"}, "rate_limit"),
        ("settings", {"partial_fill_probability": 2}, "partial_fill_probability"),
        ("settings", {"volume": 11}, "volume"),
        ("faults", {"faults": {}}, "faults"),
    ],
)
def test_a_bad_request_names_the_field(exchange: VirtualExchange, path: str, body: Any, field: str) -> None:
    reply = exchange.send("PUT", f"/_exchange/{path}", body)
    assert reply.status == 400
    assert field in reply.body["error"]


def test_the_journal_tells_everything_in_order(exchange: VirtualExchange) -> None:
    order = exchange.order("TQQQ", "buy", "10", "50.99", client_order_id="mine")
    exchange.advance(1)
    entries = exchange.journal()
    assert [entry["seq"] for entry in entries] == [1, 2, 3, 4, 5, 6]
    assert [entry.get("event", entry["type"]) for entry in entries] == [
        "quote",
        "accepted",
        "request",
        "new",
        "fill",
        "filled",
    ]
    assert [entry["at"] for entry in entries] == sorted(entry["at"] for entry in entries)
    assert entries[4] == {
        "seq": 5,
        "at": "2026-11-20T15:00:00.070000000Z",
        "type": "fill",
        "order_id": order["id"],
        "client_order_id": "mine",
        "parent_order_id": None,
        "symbol": "TQQQ",
        "side": "buy",
        "qty": "10",
        "price": "50.98",
        "bid": "50.95",
        "ask": "50.98",
    }
    assert [entry["seq"] for entry in exchange.control("GET", "journal", after=4)] == [5, 6]
    assert exchange.control("GET", "journal", after=99) == []


def test_an_asset_may_be_of_another_class(exchange: VirtualExchange) -> None:
    asset = exchange.control("PUT", "assets/TQQQ", {"class": "crypto"})
    assert asset["class"] == exchange.ok("GET", "/v2/assets/TQQQ")["class"] == "crypto"
    order = exchange.order("TQQQ", "buy", "10")
    share = exchange.order("SPY", "buy", "1", "1", time_in_force="gtc")
    exchange.advance(1)
    assert (order["asset_class"], share["asset_class"]) == ("crypto", "us_equity")
    assert exchange.ok("GET", "/v2/positions/TQQQ")["asset_class"] == "crypto"
    listed = {c: exchange.ok("GET", "/v2/orders", status="all", asset_class=c) for c in ("crypto", "us_equity", "all")}
    assert {c: [o["symbol"] for o in found] for c, found in listed.items()} == {
        "crypto": ["TQQQ"],
        "us_equity": ["SPY"],
        "all": ["SPY", "TQQQ"],
    }
    assert [a["symbol"] for a in exchange.ok("GET", "/v2/assets", asset_class="crypto")] == ["TQQQ"]
    assert exchange.send("PUT", "/_exchange/assets/TQQQ", {"class": "stamps"}).status == 400


def stamps(exchange: VirtualExchange) -> dict[str, str]:
    found = exchange.ok("GET", "/v2/stocks/quotes/latest", symbols="TQQQ,SQQQ")["quotes"]
    return {symbol: quote["t"][11:19] for symbol, quote in found.items()}


def test_one_quote_may_stand_still_while_the_others_tick(exchange: VirtualExchange) -> None:
    exchange.quote("SQQQ", "19.99", "20.01", frozen=True)
    exchange.advance(60)
    assert stamps(exchange) == {"TQQQ": "15:01:00", "SQQQ": "15:00:00"}


def test_a_quote_may_be_old_when_it_comes(exchange: VirtualExchange) -> None:
    exchange.control("PUT", "quotes/SQQQ", {"bid": "19.99", "ask": "20.01", "age": 90})
    assert stamps(exchange) == {"TQQQ": "15:00:00", "SQQQ": "14:58:30"}
    exchange.advance(60)
    assert stamps(exchange) == {"TQQQ": "15:01:00", "SQQQ": "14:58:30"}
    exchange.control("PUT", "quotes/SQQQ", {"bid": "19.98"})
    assert stamps(exchange)["SQQQ"] == "15:01:00"
    wrong = exchange.send("PUT", "/_exchange/quotes/SQQQ", {"age": 5, "frozen": False})
    assert (wrong.status, wrong.body["error"]) == (400, "age: a quote with an age is frozen")


def jump(exchange: VirtualExchange, now: str) -> str | None:
    told: str | None = exchange.control("PUT", "clock", {"now": now}).get("warning")
    return told


def test_a_jump_over_the_end_of_a_session_warns(exchange: VirtualExchange) -> None:
    exchange.order("TQQQ", "buy", "10", "50.90")
    exchange.order("TQQQ", "buy", "10", "50.90", time_in_force="gtc")
    assert jump(exchange, "2026-11-20T15:59:59-05:00") is None
    warning = jump(exchange, "2026-11-20T16:00:00-05:00")
    assert warning is not None and "1 orders expired" in warning
    assert jump(exchange, "2026-11-20T10:00:00-05:00") is None


@pytest.mark.parametrize(
    ("start", "end", "warned"),
    [
        ("2026-11-20T09:29:00-05:00", "2026-11-20T09:29:59-05:00", False),
        ("2026-11-20T09:29:00-05:00", "2026-11-20T09:30:00-05:00", True),
        ("2026-11-21T10:00:00-05:00", "2026-11-22T19:00:00-05:00", False),
        ("2026-11-21T10:00:00-05:00", "2026-11-23T10:00:00-05:00", True),
    ],
)
def test_a_jump_over_the_beginning_of_a_session_warns(start: str, end: str, warned: bool) -> None:
    assert (jump(VirtualExchange(start), end) is not None) is warned


def test_an_advance_over_a_boundary_warns(exchange: VirtualExchange) -> None:
    exchange.control("PUT", "clock", {"paused": True})
    assert "warning" not in exchange.control("POST", "clock/advance", {"seconds": 60})
    assert "0 orders expired" in exchange.control("POST", "clock/advance", {"seconds": 6 * 3600})["warning"]


def test_quotes_are_listed_by_symbol(exchange: VirtualExchange) -> None:
    exchange.quote("BRK.B", "492.18", "492.26", 300, 200)
    shown = exchange.control("GET", "quotes")
    assert list(shown) == ["BRK.B", "TQQQ"]
    assert shown["BRK.B"] == {"bid": "492.18", "ask": "492.26", "bid_size": "300", "ask_size": "200"}


def test_answers_of_the_control_port_end_their_line_and_alpacas_do_not(exchange: VirtualExchange) -> None:
    for path in ("clock", "journal", "nothing"):
        assert exchange.send("GET", f"/_exchange/{path}").encoded().endswith((b"}\n", b"]\n"))
    assert exchange.send("GET", "/v2/account").encoded().endswith(b"}")
