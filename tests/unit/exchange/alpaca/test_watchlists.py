"""Watchlists: made, read, changed and deleted, by id and by name."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.exchange.virtual import VirtualExchange

NOWHERE = "3174d6df-7726-44b4-a5bd-7fda5ae6e009"


def symbols(watchlist: dict[str, Any]) -> list[str]:
    return [asset["symbol"] for asset in watchlist["assets"]]


@pytest.fixture
def made(exchange: VirtualExchange) -> dict[str, Any]:
    return dict(exchange.ok("POST", "/v2/watchlists", {"name": "Mine", "symbols": ["TQQQ", "aapl", "TQQQ"]}))


def test_a_list_is_made_and_read(exchange: VirtualExchange, made: dict[str, Any]) -> None:
    assert symbols(made) == ["TQQQ", "AAPL"] and made["name"] == "Mine"
    assert made["account_id"] == exchange.ok("GET", "/v2/account")["id"]
    assert exchange.ok("GET", f"/v2/watchlists/{made['id']}") == made
    assert exchange.ok("GET", "/v2/watchlists:by_name", name="Mine") == made
    heads = exchange.ok("GET", "/v2/watchlists")
    assert heads == [{name: value for name, value in made.items() if name != "assets"}]
    assert symbols(exchange.ok("POST", "/v2/watchlists", {"name": "Empty"})) == []


@pytest.mark.parametrize("by_name", [False, True])
def test_a_list_is_changed_and_deleted(exchange: VirtualExchange, made: dict[str, Any], by_name: bool) -> None:
    path, query = ("/v2/watchlists:by_name", {"name": "Mine"}) if by_name else (f"/v2/watchlists/{made['id']}", {})
    exchange.advance(1)
    assert symbols(exchange.ok("POST", path, {"symbol": "SPY"}, **query)) == ["TQQQ", "AAPL", "SPY"]
    assert symbols(exchange.ok("POST", path, {"symbol": "SPY"}, **query)) == ["TQQQ", "AAPL", "SPY"]
    changed = exchange.ok("PUT", path, {"symbols": ["QQQ"]}, **query)
    assert (symbols(changed), changed["name"]) == (["QQQ"], "Mine")
    assert changed["created_at"] == made["created_at"] < changed["updated_at"]
    changed = exchange.ok("PUT", path, {"name": "Ours"}, **query)
    assert (symbols(changed), changed["name"]) == (["QQQ"], "Ours")
    query = {"name": "Ours"} if by_name else {}
    assert exchange.send("DELETE", path, **query).status == 204
    assert exchange.send("DELETE", path, **query).status == exchange.send("GET", path, **query).status == 404


def test_an_asset_is_taken_off(exchange: VirtualExchange, made: dict[str, Any]) -> None:
    assert symbols(exchange.ok("DELETE", f"/v2/watchlists/{made['id']}/TQQQ")) == ["AAPL"]
    for gone in (f"{made['id']}/TQQQ", f"{made['id']}/NOPE", f"{NOWHERE}/AAPL"):
        assert exchange.send("DELETE", f"/v2/watchlists/{gone}").status == 404


def test_two_lists_have_two_names(exchange: VirtualExchange, made: dict[str, Any]) -> None:
    other = exchange.ok("POST", "/v2/watchlists", {"name": "Other"})
    taken = {"code": 40010001, "message": "watchlist name must be unique"}
    for method, path in (("POST", "/v2/watchlists"), ("PUT", f"/v2/watchlists/{other['id']}")):
        reply = exchange.send(method, path, {"name": "Mine"})
        assert (reply.status, reply.body) == (422, taken)
    assert exchange.ok("PUT", f"/v2/watchlists/{made['id']}", {"name": "Mine"})["name"] == "Mine"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "name is required"),
        ({"name": ""}, "name is required"),
        ({"name": 5}, "invalid name"),
        ({"name": "x" * 65}, "name must be no more than 64 characters"),
        ({"name": "x", "symbols": "TQQQ"}, "invalid symbols"),
        ({"name": "x", "symbols": [1]}, "invalid symbols"),
        ({"name": "x", "symbols": ["NOPE"]}, "asset not found: NOPE"),
    ],
)
def test_a_list_that_makes_no_sense(exchange: VirtualExchange, body: dict[str, Any], message: str) -> None:
    reply = exchange.send("POST", "/v2/watchlists", body)
    assert (reply.status, reply.body) == (422, {"code": 40010001, "message": message})
    assert exchange.ok("GET", "/v2/watchlists") == []


def test_what_is_not_there(exchange: VirtualExchange, made: dict[str, Any]) -> None:
    for watchlist_id in (NOWHERE, "nonsense"):
        reply = exchange.send("GET", f"/v2/watchlists/{watchlist_id}")
        assert (reply.status, reply.body) == (404, {"code": 40410000, "message": "watchlist not found"})
    assert exchange.send("GET", "/v2/watchlists:by_name").status == 422
    # Seen at Alpaca, with nothing behind the colon: github.com/alpacahq/Alpaca-API issue 91.
    reply = exchange.send("POST", f"/v2/watchlists/{made['id']}", {"symbols": ["SPY"]})
    assert (reply.status, reply.body["message"]) == (422, "asset not found: ")


def test_a_reset_forgets_them(exchange: VirtualExchange, made: dict[str, Any]) -> None:
    exchange.control("POST", "reset")
    assert exchange.ok("GET", "/v2/watchlists") == []
