"""Replacing orders, with all the traps of it."""

from __future__ import annotations

from typing import Any

import pytest

from desk.exchange.wire.web import Reply
from tests.unit.exchange.orders.test_groups import bracket, oco
from tests.unit.exchange.virtual import VirtualExchange

Order = dict[str, Any]


def patch(exchange: VirtualExchange, order: Order, **changes: Any) -> Reply:
    return exchange.send("PATCH", f"/v2/orders/{order['id']}", changes)


def resting(exchange: VirtualExchange, qty: str = "10", limit: str = "50.90", **more: Any) -> Order:
    order = exchange.order("TQQQ", "buy", qty, limit, **more)
    exchange.advance(1)
    return order


def test_a_replacement_is_a_new_order_that_takes_over_later(exchange: VirtualExchange) -> None:
    old = resting(exchange, client_order_id="mine")
    reply = patch(exchange, old, limit_price="50.92")
    new = reply.body
    assert (reply.status, new["replaces"], new["limit_price"], new["qty"]) == (200, old["id"], "50.92", "10")
    assert new["id"] != old["id"] and new["client_order_id"] != "mine"
    assert exchange.read(old)["status"] == "pending_replace"
    exchange.advance("0.05")
    before = exchange.read(old)
    assert (before["status"], before["replaced_by"]) == ("replaced", new["id"])
    assert before["replaced_at"] == "2026-11-20T15:00:01.050000000Z"
    assert exchange.read(new)["status"] == "new"
    assert exchange.ok("GET", "/v2/orders:by_client_order_id", client_order_id="mine")["id"] == old["id"]
    assert [o["id"] for o in exchange.ok("GET", "/v2/orders")] == [new["id"]]
    assert exchange.events(old) == ["accepted", "new", "pending_replace", "replaced"]
    exchange.quote("TQQQ", "50.90", "50.92")
    assert exchange.fills(new) == [("10", "50.92")]


def test_the_fill_may_win(exchange: VirtualExchange) -> None:
    old = resting(exchange)
    new = patch(exchange, old, limit_price="50.92").body
    exchange.quote("TQQQ", "50.85", "50.88")
    exchange.advance(1)
    assert exchange.read(old)["status"] == "filled"
    assert (exchange.read(new)["status"], exchange.fills(new)) == ("rejected", [])
    assert exchange.ok("GET", "/v2/positions/TQQQ")["qty"] == "10"


@pytest.mark.parametrize(("carries", "qty", "filled"), [(True, "8", "4"), (False, "4", "0")])
def test_quantity_counts_what_is_filled_already(
    exchange: VirtualExchange, carries: bool, qty: str, filled: str
) -> None:
    exchange.control("PUT", "settings", {"replace_carries_fills": carries})
    old = resting(exchange)
    exchange.quote("TQQQ", "50.80", "50.90", 300, 4)
    new = patch(exchange, old, qty="8").body
    exchange.advance(1)
    assert (exchange.read(new)["qty"], exchange.read(new)["filled_qty"]) == (qty, filled)
    exchange.quote("TQQQ", "50.80", "50.90")
    assert exchange.fills(new) == [("4", "50.9")]
    assert exchange.ok("GET", "/v2/positions/TQQQ")["qty"] == "8"


def test_a_fill_beyond_the_new_quantity_rejects_the_replacement(exchange: VirtualExchange) -> None:
    old = resting(exchange)
    new = patch(exchange, old, qty="3").body
    exchange.quote("TQQQ", "50.80", "50.90", 300, 4)
    assert exchange.read(old)["status"] == "pending_replace"
    exchange.advance(1)
    assert [exchange.read(o)["status"] for o in (new, old)] == ["rejected", "partially_filled"]
    assert exchange.read(old)["replaced_by"] is None


def test_buying_power_is_tied_up_at_the_larger_of_both(exchange: VirtualExchange) -> None:
    old = resting(exchange, "1000", "50.00")
    patch(exchange, old, qty="2000")
    assert exchange.ok("GET", "/v2/account")["buying_power"] == "100000"
    exchange.advance(1)
    (new,) = exchange.ok("GET", "/v2/orders")
    patch(exchange, new, qty="500")
    assert exchange.ok("GET", "/v2/account")["buying_power"] == "100000"
    exchange.advance(1)
    assert exchange.ok("GET", "/v2/account")["buying_power"] == "175000"
    (new,) = exchange.ok("GET", "/v2/orders")
    assert patch(exchange, new, qty="5000").body["message"] == "insufficient buying power"


def test_shares_are_held_at_the_larger_of_both(exchange: VirtualExchange) -> None:
    exchange.hold("TQQQ", "10")
    order = exchange.order("TQQQ", "sell", "4", "60")
    exchange.advance(1)
    patch(exchange, order, qty="7")
    assert exchange.ok("GET", "/v2/positions/TQQQ")["qty_available"] == "3"
    exchange.advance(1)
    (new,) = exchange.ok("GET", "/v2/orders")
    assert patch(exchange, new, qty="11").body["available"] == "10"


def test_refused_by_state(exchange: VirtualExchange) -> None:
    def refusal(order: Order) -> tuple[int, int, str]:
        reply = patch(exchange, order, limit_price="50.91")
        return reply.status, reply.body["code"], reply.body["message"]

    order = exchange.order("TQQQ", "buy", "10", "50.90")
    unsent = "unable to replace order, order isn't sent to exchange yet"
    assert refusal(order) == (422, 40010001, unsent)
    exchange.advance(1)
    new = patch(exchange, order, limit_price="50.91").body
    assert refusal(order) == (422, 42210000, "cannot replace order in pending_replace status")
    assert refusal(new) == (422, 42210000, "order chain not fully replaced")
    reply = exchange.send("DELETE", f"/v2/orders/{order['id']}")
    assert (reply.status, reply.body["message"]) == (422, "cannot cancel order in pending_replace status")
    exchange.advance(1)
    assert refusal(order) == (422, 42210000, "order already replaced")
    exchange.ok("DELETE", f"/v2/orders/{new['id']}")
    assert refusal(new) == (422, 42210000, "cannot replace order in pending_cancel status")
    exchange.advance(1)
    assert refusal(new) == (422, 42210000, "unable to replace order, order is not open")


@pytest.mark.parametrize(
    ("changes", "status", "code", "message"),
    [
        ({}, 422, 42210000, "order parameters are not changed"),
        ({"limit_price": "50.90", "qty": 10}, 422, 42210000, "order parameters are not changed"),
        ({"qty": "4"}, 422, 42210000, "qty must be > filled_qty"),
        ({"qty": "7.5"}, 422, 40010001, "qty must be an integer"),
        ({"stop_price": "50"}, 422, 40010001, "limit orders must not have a stop price"),
        ({"trail": "1"}, 422, 40010001, "limit orders must not have a trail"),
        ({"time_in_force": "ioc"}, 422, 40010001, "invalid time_in_force"),
        ({"client_order_id": "mine", "qty": "11"}, 422, 40010001, "client_order_id must be unique"),
        (
            {"limit_price": "50.901"},
            422,
            42210000,
            "invalid limit_price 50.901. sub-penny increment does not fulfill minimum pricing criteria",
        ),
    ],
)
def test_refused_by_content(
    exchange: VirtualExchange, changes: dict[str, Any], status: int, code: int, message: str
) -> None:
    order = resting(exchange, client_order_id="mine")
    exchange.quote("TQQQ", "50.80", "50.90", 300, 4)
    reply = patch(exchange, order, **changes)
    assert (reply.status, reply.body) == (status, {"code": code, "message": message})


def test_notional_and_fractional_orders(exchange: VirtualExchange) -> None:
    notional = exchange.order("TQQQ", "buy", None, "40", notional="100")
    fraction = exchange.order("TQQQ", "buy", "1.5", "40")
    exchange.advance(1)
    assert patch(exchange, notional, limit_price="41").body["message"] == "notional orders cannot be replaced"
    assert patch(exchange, fraction, qty="2").body["message"] == "qty cannot be changed for fractional orders"
    assert patch(exchange, fraction, limit_price="41").status == 200


def test_time_in_force_moves_the_end(exchange: VirtualExchange) -> None:
    order = resting(exchange)
    new = patch(exchange, order, time_in_force="gtc", client_order_id="named").body
    assert (new["client_order_id"], new["expires_at"][:10]) == ("named", "2027-02-18")
    exchange.advance_to("2026-11-23T10:00:00-05:00")
    assert exchange.read(new)["status"] == "new"


def test_an_order_replaced_before_it_reached_the_market_gets_there(exchange: VirtualExchange) -> None:
    exchange.control("PUT", "settings", {"replace_ms": 10})
    order = exchange.order("TQQQ", "buy", "10", "50.90")
    exchange.advance("0.02")
    new = patch(exchange, order, limit_price="50.98").body
    exchange.advance(1)
    assert exchange.fills(new) == [("10", "50.98")]


def test_a_target_replaced_before_it_reached_the_market_still_has_a_stop(exchange: VirtualExchange) -> None:
    exchange.control("PUT", "settings", {"replace_ms": 10, "fill_ms": 2000})
    target, stop = oco(exchange)
    patch(exchange, target, limit_price="53")
    exchange.advance(1)
    exchange.quote("TQQQ", "48.90", "48.93")
    assert exchange.fills(stop) == [("10", "48.9")]


def test_a_stop_may_move_but_not_through_the_market(exchange: VirtualExchange) -> None:
    exchange.hold("TQQQ", "10")
    order = exchange.order("TQQQ", "sell", "10", type="stop", stop_price="49")
    exchange.advance(1)
    assert patch(exchange, order, stop_price="51").body["message"] == "stop price must be less than current price"
    new = patch(exchange, order, stop_price="50").body
    exchange.advance(1)
    exchange.quote("TQQQ", "49.99", "50.02")
    assert exchange.fills(new) == [("10", "49.99")]


def test_the_trail_of_a_trailing_stop(exchange: VirtualExchange) -> None:
    exchange.hold("TQQQ", "10")
    order = exchange.order("TQQQ", "sell", "10", type="trailing_stop", trail_price="1", time_in_force="gtc")
    exchange.advance(1)
    exchange.quote("TQQQ", "52", "52.03")
    new = patch(exchange, order, trail="0.50").body
    exchange.advance(1)
    assert [exchange.read(new)[name] for name in ("hwm", "stop_price", "trail_price")] == ["52", "51.5", "0.5"]


def test_a_held_leg_can_be_moved_and_its_group_knows_it(exchange: VirtualExchange) -> None:
    target, stop = oco(exchange)
    assert patch(exchange, stop, qty="5").body["message"] == "qty cannot be changed for advanced orders"
    through = patch(exchange, stop, stop_price="50.96")
    assert (through.status, through.body["base_price"]) == (422, "50.96")
    new = patch(exchange, stop, stop_price="50.50").body
    exchange.advance(1)
    assert [exchange.read(o)["status"] for o in (target, stop, new)] == ["new", "replaced", "held"]
    nested = exchange.ok("GET", f"/v2/orders/{target['id']}", nested="true")
    assert [leg["id"] for leg in nested["legs"]] == [new["id"]]
    exchange.quote("TQQQ", "50.40", "50.43")
    assert exchange.fills(new) == [("10", "50.4")]
    assert exchange.read(target)["status"] == "canceled"


def test_a_target_can_be_moved_and_keeps_its_stop(exchange: VirtualExchange) -> None:
    target, stop = oco(exchange)
    new = patch(exchange, target, limit_price="53").body
    exchange.advance(1)
    assert [exchange.read(o)["status"] for o in (target, stop, new)] == ["replaced", "held", "new"]
    nested = exchange.ok("GET", f"/v2/orders/{new['id']}", nested="true")
    assert [leg["id"] for leg in nested["legs"]] == [stop["id"]]
    exchange.quote("TQQQ", "53", "53.03")
    assert [exchange.read(o)["status"] for o in (stop, new)] == ["canceled", "filled"]


def test_an_entry_can_be_moved_and_still_starts_its_legs(exchange: VirtualExchange) -> None:
    entry, target, stop = bracket(exchange)
    new = patch(exchange, entry, limit_price="50.98").body
    exchange.advance(1)
    assert [exchange.read(o)["status"] for o in (new, target, stop)] == ["filled", "new", "held"]


def test_the_stop_of_an_open_entry_is_measured_by_the_entry(exchange: VirtualExchange) -> None:
    exits = {"take_profit": {"limit_price": "60"}, "stop_loss": {"stop_price": "52"}}
    entry = exchange.order("TQQQ", "buy", "10", type="stop", stop_price="55", order_class="bracket", **exits)
    exchange.advance(1)
    stop = entry["legs"][1]
    assert patch(exchange, stop, stop_price="55").body["base_price"] == "55"
    new = patch(exchange, stop, stop_price="54").body
    exchange.advance(1)
    exchange.quote("TQQQ", "55.10", "55.12")
    exchange.advance(1)
    assert [exchange.read(o)["status"] for o in (entry, new)] == ["filled", "held"]
    exchange.quote("TQQQ", "53.90", "53.92")
    assert exchange.fills(new) == [("10", "53.9")]


def test_a_stop_that_was_elected_first_is_not_replaced(exchange: VirtualExchange) -> None:
    target, stop = oco(exchange)
    new = patch(exchange, stop, stop_price="49.50").body
    exchange.quote("TQQQ", "48.90", "48.93", 4, 4)
    exchange.advance(5)
    assert exchange.read(new)["status"] == "rejected"
    assert [exchange.read(o)["status"] for o in (target, stop)] == ["canceled", "filled"]


def test_the_venue_may_reject_a_replacement(exchange: VirtualExchange) -> None:
    order = resting(exchange)
    exchange.control("PUT", "faults", {"faults": [{"kind": "reject", "method": "PATCH"}]})
    new = patch(exchange, order, limit_price="50.91").body
    exchange.advance(1)
    assert [exchange.read(o)["status"] for o in (new, order)] == ["rejected", "new"]
    exchange.quote("TQQQ", "50.80", "50.83")
    assert exchange.fills(order) == [("10", "50.83")]
