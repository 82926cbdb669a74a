"""One leg of a group that ends alone. Alpaca has cancelled and rejected single legs while the other one lived."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.exchange.orders.test_groups import bracket, oco, statuses
from tests.unit.exchange.virtual import VirtualExchange


def lose(exchange: VirtualExchange, role: str, event: str = "canceled", **named: Any) -> dict[str, Any]:
    named = named or {"symbol": "TQQQ"}
    result: dict[str, Any] = exchange.control("POST", "legs", {"role": role, "event": event, **named})
    return result


def available(exchange: VirtualExchange) -> str:
    return str(exchange.ok("GET", "/v2/positions/TQQQ")["qty_available"])


@pytest.mark.parametrize("event", ["canceled", "rejected", "expired"])
def test_a_stop_ends_alone(exchange: VirtualExchange, event: str) -> None:
    target, stop = oco(exchange)
    assert lose(exchange, "stop_loss", event)["id"] == stop["id"]
    assert statuses(exchange, target, stop) == ["new", event]
    assert exchange.events(stop) == ["accepted", event]
    assert available(exchange) == "0"
    exchange.quote("TQQQ", "48.00", "48.03")
    assert exchange.fills(stop) == []
    exchange.quote("TQQQ", "55.00", "55.03")
    assert exchange.fills(target) == [("10", "55")]


def test_a_target_ends_alone_and_its_stop_keeps_the_shares(exchange: VirtualExchange) -> None:
    target, stop = oco(exchange)
    lose(exchange, "take_profit", client_order_id="exit")
    assert statuses(exchange, target, stop) == ["canceled", "new"]
    assert exchange.events(stop) == ["accepted", "new"]
    assert available(exchange) == "0"
    assert exchange.refused("TQQQ", "sell", "1").body["related_orders"] == [stop["id"]]
    exchange.quote("TQQQ", "55.00", "55.03")
    assert exchange.fills(target) == []
    exchange.quote("TQQQ", "48.90", "48.93")
    assert exchange.fills(stop) == [("10", "48.9")]


def test_a_target_that_sold_in_part_leaves_the_stop_the_rest(exchange: VirtualExchange) -> None:
    target, stop = oco(exchange)
    exchange.quote("TQQQ", "55.00", "55.03", 4, 4)
    lose(exchange, "take_profit", order_id=stop["id"])
    exchange.quote("TQQQ", "48.90", "48.93")
    assert (exchange.fills(target), exchange.fills(stop)) == ([("4", "55")], [("6", "48.9")])
    assert exchange.ok("GET", "/v2/positions") == []


def test_a_target_that_never_reached_the_market_leaves_a_stop_that_does(exchange: VirtualExchange) -> None:
    exchange.control("PUT", "settings", {"ack_ms": 5000})
    target, stop = oco(exchange)
    lose(exchange, "take_profit", "rejected")
    exchange.advance(6)
    assert statuses(exchange, target, stop) == ["rejected", "new"]
    exchange.quote("TQQQ", "48.90", "48.93")
    assert exchange.fills(stop) == [("10", "48.9")]


def test_the_leg_that_is_left_can_be_cancelled_and_replaced(exchange: VirtualExchange) -> None:
    _, stop = oco(exchange)
    lose(exchange, "take_profit")
    moved = exchange.ok("PATCH", f"/v2/orders/{stop['id']}", {"stop_price": "48"})
    exchange.advance(1)
    assert statuses(exchange, stop, moved) == ["replaced", "new"]
    exchange.ok("DELETE", f"/v2/orders/{moved['id']}")
    exchange.advance(1)
    assert available(exchange) == "10"


@pytest.mark.parametrize("nth", [0, 1])
def test_a_leg_of_a_bracket_may_end_before_its_entry_is_filled(exchange: VirtualExchange, nth: int) -> None:
    entry, *legs = bracket(exchange)
    lost, left = legs[nth], legs[1 - nth]
    lose(exchange, ("take_profit", "stop_loss")[nth], "rejected", order_id=entry["id"])
    assert statuses(exchange, entry, lost, left) == ["new", "rejected", "held"]
    exchange.quote("TQQQ", "50.85", "50.88")
    exchange.advance(1)
    assert statuses(exchange, entry, lost, left) == ["filled", "rejected", "new"]
    assert available(exchange) == "0"
    exchange.quote("TQQQ", "48.90", "48.93") if nth == 0 else exchange.quote("TQQQ", "55.00", "55.03")
    assert [qty for qty, _ in exchange.fills(left)] == ["10"]


@pytest.mark.parametrize("nth", [0, 1])
def test_a_leg_of_a_bracket_may_end_after_its_entry_is_filled(exchange: VirtualExchange, nth: int) -> None:
    _, *legs = bracket(exchange)
    exchange.quote("TQQQ", "50.85", "50.88")
    exchange.advance(1)
    lose(exchange, ("take_profit", "stop_loss")[nth])
    assert statuses(exchange, legs[nth], legs[1 - nth]) == ["canceled", "new"]
    assert available(exchange) == "0"


def test_a_bracket_may_lose_both_legs_one_after_the_other(exchange: VirtualExchange) -> None:
    _, target, stop = bracket(exchange)
    exchange.quote("TQQQ", "50.85", "50.88")
    exchange.advance(1)
    lose(exchange, "stop_loss")
    lose(exchange, "take_profit", "expired")
    assert statuses(exchange, target, stop) == ["expired", "canceled"]
    assert available(exchange) == "10"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"symbol": "TQQQ", "event": "canceled"}, "role"),
        ({"symbol": "TQQQ", "role": "entry", "event": "canceled"}, "role"),
        ({"symbol": "TQQQ", "role": "stop_loss", "event": "filled"}, "event"),
        ({"role": "stop_loss", "event": "canceled"}, "order_id"),
        ({"client_order_id": "nobody", "role": "stop_loss", "event": "canceled"}, "client_order_id"),
        ({"symbol": "SQQQ", "role": "stop_loss", "event": "canceled"}, "role"),
        ({"symbol": "TQQQ", "role": "stop_loss", "event": "canceled", "why": "so"}, "unknown field"),
        ([], "body"),
    ],
)
def test_a_bad_request_names_the_field(exchange: VirtualExchange, body: Any, field: str) -> None:
    oco(exchange)
    reply = exchange.send("POST", "/_exchange/legs", body)
    assert (reply.status, reply.body["error"].split(":")[0]) == (400, field)


def test_two_groups_in_a_symbol_need_a_name(exchange: VirtualExchange) -> None:
    first, second = bracket(exchange), bracket(exchange)
    reply = exchange.send("POST", "/_exchange/legs", {"symbol": "TQQQ", "role": "stop_loss", "event": "canceled"})
    assert (reply.status, "more than one" in reply.body["error"]) == (400, True)
    lose(exchange, "stop_loss", order_id=second[0]["id"])
    assert statuses(exchange, first[2], second[2]) == ["held", "canceled"]
