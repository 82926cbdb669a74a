"""Scripted events and tapes."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest

from desk.exchange.market.moments import parse_instant
from tests.unit.exchange.virtual import VirtualExchange

MOVE = {"symbol": "TQQQ", "bid": "51.95", "ask": "51.98"}


def script(exchange: VirtualExchange, *events: dict[str, Any]) -> None:
    assert exchange.control("POST", "script", {"events": list(events)}) == {"planned": len(events)}


def ask_now(exchange: VirtualExchange) -> float:
    ask: float = exchange.ok("GET", "/v2/stocks/TQQQ/quotes/latest")["quote"]["ap"]
    return ask


def test_at_a_market_time(exchange: VirtualExchange) -> None:
    script(exchange, {"at": "2026-11-20T10:00:05-05:00", "after": 0.5, **MOVE})
    exchange.advance("5.4")
    assert ask_now(exchange) == 50.98
    exchange.advance("0.1")
    assert ask_now(exchange) == 51.98
    assert exchange.journal("quote")[-1]["at"] == "2026-11-20T15:00:05.500000000Z"


def test_now_and_a_little_later(exchange: VirtualExchange) -> None:
    script(exchange, {**MOVE}, {"after": 2, "symbol": "TQQQ", "ask": "60"})
    assert ask_now(exchange) == 51.98
    exchange.advance(2)
    last = exchange.journal("quote")[-1]
    assert (last["bid"], last["ask"], last["ask_size"]) == ("51.95", "60", "300")


@pytest.mark.parametrize(
    ("on", "moment"),
    [
        ({"event": "new"}, "15:00:00.020000000Z"),
        ({"event": "new", "side": "sell"}, "15:00:10.020000000Z"),
        ({"event": "new", "nth": 2}, "15:00:05.020000000Z"),
        ({"event": "fill"}, "15:00:00.070000000Z"),
        ({"event": "filled"}, "15:00:05.070000000Z"),
        ({"event": "partially_filled"}, "15:00:00.070000000Z"),
        ({"event": "canceled"}, "15:00:04.050000000Z"),
        ({"symbol": "TQQQ", "event": "fill", "side": "sell", "nth": 1}, "15:00:10.070000000Z"),
    ],
)
def test_on_an_order_event(exchange: VirtualExchange, on: dict[str, Any], moment: str) -> None:
    script(exchange, {"on": on, "symbol": "TQQQ", "bid": "50.94", "ask": "50.97"})
    first = exchange.order("TQQQ", "buy", "400", "50.98")
    exchange.advance(4)
    if exchange.read(first)["status"] != "filled":
        exchange.ok("DELETE", f"/v2/orders/{first['id']}")
    exchange.advance(1)
    exchange.quote("TQQQ", "50.95", "50.98")
    exchange.order("TQQQ", "buy", "10", "50.98")
    exchange.advance(5)
    exchange.order("TQQQ", "sell", "10", "50.90")
    exchange.advance(5)
    scripted = [entry for entry in exchange.journal("quote") if entry["bid"] == "50.94"]
    assert [entry["at"].partition("T")[2] for entry in scripted] == [moment]


def test_after_counts_from_the_event(exchange: VirtualExchange) -> None:
    script(exchange, {"on": {"symbol": "TQQQ", "event": "new"}, "after": "0.03", **MOVE})
    order = exchange.order("TQQQ", "buy", "10", "50.99")
    exchange.advance(1)
    assert exchange.read(order)["status"] == "new"
    assert exchange.journal("quote")[-1]["at"] == "2026-11-20T15:00:00.050000000Z"


@pytest.mark.parametrize(
    "event",
    [
        {"symbol": "TQQQ"},
        {**MOVE, "on": {"event": "fill"}, "at": "2026-11-20T10:00:05-05:00"},
        {**MOVE, "on": {"event": "mood"}},
        {**MOVE, "on": {"event": "fill", "nth": 0}},
        {**MOVE, "at": "noon"},
        {**MOVE, "after": -1},
        {**MOVE, "bid": "cheap"},
        {"bid": "1", "ask": "2"},
        {**MOVE, "color": "red"},
    ],
)
def test_a_bad_event_refuses_the_whole_script(exchange: VirtualExchange, event: dict[str, Any]) -> None:
    reply = exchange.send("POST", "/_exchange/script", {"events": [MOVE, event]})
    assert reply.status == 400
    assert ask_now(exchange) == 50.98


def tape(folder: Path, *rows: str) -> str:
    path = folder / "tape.csv.gz"
    with gzip.open(path, "wt") as file:
        file.write("\n".join(["timestamp_ns_utc,bid_price,bid_size,ask_price,ask_size", *rows]))
    return str(path)


def test_a_tape_plays_on_the_market_clock(exchange: VirtualExchange, tmp_path: Path) -> None:
    start = parse_instant("2026-11-20T10:00:00-05:00")
    rows = [f"{start + seconds * 10**9},{50 + seconds},100,{51 + seconds},200" for seconds in (-2, -1, 1, 3)]
    exchange.control("POST", "tape", {"symbol": "TQQQ", "path": tape(tmp_path, *rows)})
    assert ask_now(exchange) == 50
    exchange.advance(1)
    assert ask_now(exchange) == 52
    exchange.advance(60)
    assert ask_now(exchange) == 54
    assert [q["ask"] for q in exchange.journal("quote")] == ["50.98", "50", "52", "54"]


def test_an_aligned_tape_plays_at_its_own_time_of_day(exchange: VirtualExchange, tmp_path: Path) -> None:
    summer = parse_instant("2025-07-08T10:00:02-04:00")
    path = tape(tmp_path, f"{summer},60,100,61,100")
    body = exchange.control("POST", "tape", {"symbol": "TQQQ", "path": path, "align": True})
    assert body == {"starts_at": "2026-11-20T15:00:02.000000000Z"}
    exchange.advance(2)
    assert ask_now(exchange) == 61


def test_a_tape_that_breaks_off_is_a_problem_in_the_journal(exchange: VirtualExchange, tmp_path: Path) -> None:
    start = parse_instant("2026-11-20T10:00:01-05:00")
    path = tape(tmp_path, f"{start},60,100,61,100", "rubbish")
    exchange.control("POST", "tape", {"symbol": "TQQQ", "path": path})
    exchange.advance(5)
    assert ask_now(exchange) == 61
    assert "line 3" in exchange.journal("problem")[0]["detail"]


def test_a_tape_that_is_not_there(exchange: VirtualExchange, tmp_path: Path) -> None:
    body = {"symbol": "TQQQ", "path": str(tmp_path / "none.csv.gz")}
    assert exchange.send("POST", "/_exchange/tape", body).status == 400


def test_reset_ends_scripts_and_tapes(exchange: VirtualExchange, tmp_path: Path) -> None:
    start = parse_instant("2026-11-20T10:00:01-05:00")
    exchange.control("POST", "tape", {"symbol": "TQQQ", "path": tape(tmp_path, f"{start},60,100,61,100")})
    script(exchange, {"on": {"event": "new"}, **MOVE}, {"after": 1, **MOVE})
    exchange.control("POST", "reset")
    exchange.quote("TQQQ", "50.95", "50.98")
    exchange.order("TQQQ", "buy", "1", "50.90")
    exchange.advance(5)
    assert ask_now(exchange) == 50.98
