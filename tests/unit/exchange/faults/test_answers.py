"""Reads that contradict each other: faults that edit answers or hide what is in them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.exchange.virtual import VirtualExchange, order_body

EXITS = {"take_profit": {"limit_price": "55"}, "stop_loss": {"stop_price": "49"}}


def faults(exchange: VirtualExchange, *rules: dict[str, Any]) -> None:
    exchange.control("PUT", "faults", {"faults": list(rules)})


def quantities(exchange: VirtualExchange) -> dict[str, str]:
    return {position["symbol"]: position["qty"] for position in exchange.ok("GET", "/v2/positions")}


# Seen at Alpaca: github.com/alpacahq/Alpaca-API issues 215 and 278, a position in the list that is not found alone.
@pytest.mark.parametrize(
    "rule",
    [
        {"kind": "hide"},
        {"kind": "error", "status": 404, "body": {"code": 40410000, "message": "position does not exist"}},
    ],
)
def test_a_position_may_be_missing_alone_and_right_in_the_list(exchange: VirtualExchange, rule: dict[str, Any]) -> None:
    exchange.hold("TQQQ", "10")
    exchange.hold("SQQQ", "5", "20")
    faults(exchange, {**rule, "path": "/v2/positions/TQQQ", "count": 1})
    gone = exchange.send("GET", "/v2/positions/TQQQ")
    assert (gone.status, gone.body) == (404, {"code": 40410000, "message": "position does not exist"})
    assert exchange.journal("request")[-1]["fault"] == rule["kind"]
    assert quantities(exchange) == {"SQQQ": "5", "TQQQ": "10"}
    assert exchange.ok("GET", "/v2/positions/TQQQ")["qty"] == "10"


def test_a_position_may_be_missing_in_the_list_alone(exchange: VirtualExchange) -> None:
    exchange.hold("TQQQ", "10")
    exchange.hold("SQQQ", "5", "20")
    faults(exchange, {"kind": "hide", "path": "/v2/positions", "symbol": "TQQQ"})
    assert quantities(exchange) == {"SQQQ": "5"}
    assert exchange.ok("GET", "/v2/positions/TQQQ")["qty"] == "10"


def test_one_read_may_show_another_quantity(exchange: VirtualExchange) -> None:
    exchange.hold("TQQQ", "10")
    exchange.hold("SQQQ", "5", "20")
    other = {"kind": "edit", "symbol": "TQQQ", "body": {"qty": "4", "qty_available": "4"}}
    faults(exchange, {**other, "path": "/v2/positions/*"})
    assert exchange.ok("GET", "/v2/positions/TQQQ")["qty"] == "4"
    assert quantities(exchange) == {"SQQQ": "5", "TQQQ": "10"}
    faults(exchange, {**other, "path": "/v2/positions"})
    assert exchange.ok("GET", "/v2/positions/TQQQ")["qty"] == "10"
    assert quantities(exchange) == {"SQQQ": "5", "TQQQ": "4"}


def test_an_order_may_be_in_the_list_and_not_be_found_by_its_ids(exchange: VirtualExchange) -> None:
    order = exchange.order("TQQQ", "buy", "10", "50.90", client_order_id="mine")
    other = exchange.order("TQQQ", "buy", "10", "50.80")
    faults(exchange, {"kind": "hide", "path": "/v2/orders?*", "client_order_id": "mine"})
    by_id = exchange.send("GET", f"/v2/orders/{order['id']}")
    by_name = exchange.send("GET", "/v2/orders:by_client_order_id", client_order_id="mine")
    assert [by_id.body["message"], by_name.body["message"]] == [
        f"order not found for {order['id']}",
        "order not found for mine",
    ]
    assert by_id.status == by_name.status == 404
    assert exchange.read(other)["id"] == other["id"]
    assert [o["id"] for o in exchange.ok("GET", "/v2/orders")] == [other["id"], order["id"]]


def test_a_fill_may_have_no_price_for_an_instant(exchange: VirtualExchange) -> None:
    # Seen at Alpaca: github.com/alpacahq/Alpaca-API issue 65.
    once = {"kind": "edit", "when": {"status": "filled"}, "count": 1}
    faults(exchange, *({**once, "body": {"filled_avg_price": price}} for price in (None, "0")))
    order = exchange.order("TQQQ", "buy", "10", "50.98")
    assert order["filled_avg_price"] is None
    exchange.advance(1)
    seen = [exchange.read(order)["filled_avg_price"] for _ in range(3)]
    assert seen == [None, "0", "50.98"]


def test_a_replacement_may_have_no_successor_for_a_while(exchange: VirtualExchange) -> None:
    # Seen at Alpaca: github.com/alpacahq/Alpaca-API issue 275.
    order = exchange.order("TQQQ", "buy", "10", "50.90")
    exchange.advance(1)
    faults(exchange, {"kind": "edit", "when": {"replaced_by": "*"}, "body": {"replaced_by": None}, "count": 2})
    new = exchange.ok("PATCH", f"/v2/orders/{order['id']}", {"limit_price": "50.91"})
    exchange.advance(1)
    assert [exchange.read(order)["replaced_by"] for _ in range(3)] == [None, None, new["id"]]


def test_a_leg_may_be_edited_and_hidden_under_its_parent(exchange: VirtualExchange) -> None:
    exchange.hold("TQQQ", "10")
    body = order_body("TQQQ", "sell", "10", type="limit", order_class="oco", **EXITS)
    target = exchange.ok("POST", "/v2/orders", body)
    stop = {"order_class": "oco", "type": "stop"}
    faults(exchange, {"kind": "edit", **stop, "body": {"status": "canceled"}})
    (parent,) = exchange.ok("GET", "/v2/orders", nested="true")
    assert [parent["status"], parent["legs"][0]["status"]] == ["pending_new", "canceled"]
    faults(exchange, {"kind": "hide", **stop, "method": "GET"})
    assert exchange.ok("GET", f"/v2/orders/{target['id']}", nested="true")["legs"] is None


def test_the_account_may_be_edited(exchange: VirtualExchange) -> None:
    faults(exchange, {"kind": "edit", "path": "/v2/account", "body": {"buying_power": "12.5", "multiplier": 1.5}})
    account = exchange.send("GET", "/v2/account")
    assert (account.body["buying_power"], account.body["cash"]) == ("12.5", "100000")
    assert b'"multiplier":1.5' in account.encoded()


def test_one_path_may_refuse_the_keys_once(exchange: VirtualExchange) -> None:
    # Seen at Alpaca: github.com/alpacahq/Alpaca-API issues 118 and 228.
    body = {"code": 40110000, "message": "request is not authorized"}
    faults(exchange, {"kind": "error", "status": 401, "body": body, "path": "/v2/orders", "method": "POST", "count": 1})
    assert exchange.send("GET", "/v2/account").status == 200
    refused = exchange.refused("TQQQ", "buy", "1", "50")
    assert (refused.status, refused.body) == (401, body)
    exchange.order("TQQQ", "buy", "1", "50")


@pytest.mark.parametrize(
    ("rule", "field"),
    [
        ({"kind": "edit"}, "body"),
        ({"kind": "edit", "body": []}, "body"),
        ({"kind": "hide", "when": {"status": 5}}, "when.status"),
        ({"kind": "error", "when": {"status": "new"}}, "when"),
    ],
)
def test_a_bad_fault_is_refused(exchange: VirtualExchange, rule: dict[str, Any], field: str) -> None:
    reply = exchange.send("PUT", "/_exchange/faults", {"faults": [rule]})
    assert (reply.status, reply.body["error"].split(":")[0]) == (400, field)
