"""Brackets, OCO and OTO: legs, what one member does to the others, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.exchange.virtual import VirtualExchange, order_body

Order = dict[str, Any]


def body(order_class: str, side: str = "buy", limit: str | None = None, **more: Any) -> Order:
    exit_low = side == ("sell" if order_class == "oco" else "buy")
    target, stop = ("55", "49") if exit_low else ("49", "55")
    prices = {"take_profit": {"limit_price": target}, "stop_loss": {"stop_price": stop}}
    return order_body("TQQQ", side, "10", limit, order_class=order_class, time_in_force="gtc") | prices | more


def oco(exchange: VirtualExchange, **more: Any) -> tuple[Order, Order]:
    """An OCO over ten shares held: target 55, stop 49; both at work."""
    exchange.hold("TQQQ", "10")
    order = exchange.ok("POST", "/v2/orders", body("oco", "sell", type="limit", client_order_id="exit", **more))
    exchange.advance(1)
    return order, order["legs"][0]


def bracket(exchange: VirtualExchange, **more: Any) -> tuple[Order, Order, Order]:
    """A bracket that buys ten shares with a limit at 50.90: target 55, stop 49."""
    order = exchange.ok("POST", "/v2/orders", body("bracket", limit="50.90", **more))
    exchange.advance(1)
    return order, *order["legs"]


def statuses(exchange: VirtualExchange, *orders: Order) -> list[str]:
    return [exchange.read(order)["status"] for order in orders]


def test_an_oco_is_a_target_with_its_stop_under_it(exchange: VirtualExchange) -> None:
    target, stop = oco(exchange)
    assert (target["order_class"], target["type"], target["limit_price"]) == ("oco", "limit", "55")
    assert (target["client_order_id"], target["position_intent"]) == ("exit", "sell_to_close")
    assert (stop["order_class"], stop["type"], stop["stop_price"], stop["side"]) == ("oco", "stop", "49", "sell")
    assert statuses(exchange, target, stop) == ["new", "held"]
    assert exchange.read(target)["legs"] is None
    nested = exchange.ok("GET", f"/v2/orders/{target['id']}", nested="true")
    assert [leg["id"] for leg in nested["legs"]] == [stop["id"]]
    named = exchange.ok("GET", "/v2/orders:by_client_order_id", client_order_id="exit", nested="True")
    assert named == nested


def test_the_open_list_shows_a_held_leg_only_under_its_parent(exchange: VirtualExchange) -> None:
    target, stop = oco(exchange)
    assert [o["id"] for o in exchange.ok("GET", "/v2/orders")] == [target["id"]]
    (parent,) = exchange.ok("GET", "/v2/orders", nested="true")
    assert [leg["id"] for leg in parent["legs"]] == [stop["id"]]
    assert [o["id"] for o in exchange.ok("GET", "/v2/orders", status="all")] == [stop["id"], target["id"]]


def test_an_oco_keeps_its_shares_once(exchange: VirtualExchange) -> None:
    target, _ = oco(exchange)
    assert exchange.ok("GET", "/v2/positions/TQQQ")["qty_available"] == "0"
    refused = exchange.refused("TQQQ", "sell", "1").body
    assert (refused["held_for_orders"], refused["related_orders"]) == ("10", [target["id"]])


def test_a_filled_target_cancels_the_stop(exchange: VirtualExchange) -> None:
    target, stop = oco(exchange)
    exchange.quote("TQQQ", "55.00", "55.03")
    assert exchange.fills(target) == [("10", "55")]
    assert statuses(exchange, target, stop) == ["filled", "canceled"]


def test_a_reached_stop_cancels_the_target_and_sells(exchange: VirtualExchange) -> None:
    target, stop = oco(exchange)
    exchange.quote("TQQQ", "48.90", "48.93")
    assert exchange.fills(stop) == [("10", "48.9")]
    assert exchange.events(target) == ["accepted", "new", "canceled"]
    assert exchange.events(stop) == ["accepted", "new", "filled"]


def test_a_target_that_fills_in_part_leaves_the_stop_the_rest(exchange: VirtualExchange) -> None:
    target, stop = oco(exchange)
    exchange.quote("TQQQ", "55.00", "55.03", 4, 4)
    assert (exchange.read(target)["filled_qty"], exchange.read(stop)["qty"]) == ("4", "6")
    assert exchange.journal("resized")[0]["qty"] == "6"
    exchange.quote("TQQQ", "48.90", "48.93")
    assert exchange.fills(stop) == [("6", "48.9")]
    assert exchange.ok("GET", "/v2/positions") == []


def test_a_stop_limit_leg(exchange: VirtualExchange) -> None:
    _, stop = oco(exchange, stop_loss={"stop_price": "49", "limit_price": "48.95"})
    assert (stop["type"], stop["limit_price"]) == ("stop_limit", "48.95")
    exchange.quote("TQQQ", "48.90", "48.93")
    assert (exchange.fills(stop), exchange.read(stop)["status"]) == ([], "new")
    exchange.quote("TQQQ", "48.96", "48.99")
    assert exchange.fills(stop) == [("10", "48.96")]


@pytest.mark.parametrize("nth", [0, 1])
def test_cancelling_one_cancels_all(exchange: VirtualExchange, nth: int) -> None:
    group = oco(exchange)
    exchange.ok("DELETE", f"/v2/orders/{group[nth]['id']}")
    assert statuses(exchange, *group) == ["pending_cancel"] * 2
    exchange.advance("0.05")
    assert statuses(exchange, *group) == ["canceled"] * 2
    assert exchange.ok("GET", "/v2/positions/TQQQ")["qty_available"] == "10"


def test_cancelling_all_orders_takes_a_group_once(exchange: VirtualExchange) -> None:
    oco(exchange)
    reply = exchange.send("DELETE", "/v2/orders")
    assert [item["status"] for item in reply.body] == [200, 200]


def test_a_day_oco_expires_as_a_whole(exchange: VirtualExchange) -> None:
    group = oco(exchange, time_in_force="day")
    exchange.advance_to("2026-11-20T16:00:00-05:00")
    assert statuses(exchange, *group) == ["expired"] * 2


def test_a_rejected_oco_leaves_no_stop(exchange: VirtualExchange) -> None:
    exchange.control("PUT", "faults", {"faults": [{"kind": "reject", "method": "POST", "path": "/v2/orders"}]})
    assert statuses(exchange, *oco(exchange)) == ["rejected", "canceled"]


def test_legs_of_a_bracket_work_only_once_the_entry_is_complete(exchange: VirtualExchange) -> None:
    entry, target, stop = bracket(exchange)
    assert [leg["type"] for leg in (target, stop)] == ["limit", "stop"]
    assert statuses(exchange, entry, target, stop) == ["new", "held", "held"]
    exchange.quote("TQQQ", "50.80", "50.90", 4, 4)
    exchange.advance(5)
    assert statuses(exchange, entry, target, stop) == ["partially_filled", "held", "held"]
    exchange.quote("TQQQ", "50.80", "50.90")
    assert statuses(exchange, entry, target, stop) == ["filled", "held", "held"]
    assert exchange.ok("GET", "/v2/positions/TQQQ")["qty_available"] == "0"
    exchange.advance(1)
    assert statuses(exchange, target, stop) == ["new", "held"]
    exchange.quote("TQQQ", "48.00", "48.03")
    assert exchange.fills(stop) == [("10", "48")]
    assert statuses(exchange, target, stop) == ["canceled", "filled"]


def test_an_entry_that_ends_in_part_leaves_the_position_bare(exchange: VirtualExchange) -> None:
    entry, target, stop = bracket(exchange)
    exchange.quote("TQQQ", "50.80", "50.90", 4, 4)
    exchange.ok("DELETE", f"/v2/orders/{entry['id']}")
    exchange.advance(1)
    assert statuses(exchange, entry, target, stop) == ["canceled"] * 3
    assert exchange.ok("GET", "/v2/positions/TQQQ")["qty_available"] == "4"


def test_a_leg_cancelled_before_the_entry_takes_the_entry_with_it(exchange: VirtualExchange) -> None:
    entry, target, stop = bracket(exchange)
    exchange.ok("DELETE", f"/v2/orders/{stop['id']}")
    exchange.advance(1)
    assert statuses(exchange, entry, target, stop) == ["canceled"] * 3


def test_a_stop_passed_while_the_entry_filled_sells_as_soon_as_it_works(exchange: VirtualExchange) -> None:
    _, _, stop = bracket(exchange)
    exchange.quote("TQQQ", "48.00", "48.03")
    assert exchange.fills(stop) == []
    exchange.advance("0.07")
    assert exchange.fills(stop) == [("10", "48")]


def test_a_short_bracket_mirrors_it(exchange: VirtualExchange) -> None:
    entry = exchange.ok("POST", "/v2/orders", body("bracket", "sell"))
    target, stop = entry["legs"]
    assert {leg["position_intent"] for leg in (target, stop)} == {"buy_to_close"}
    exchange.advance(1)
    exchange.quote("TQQQ", "55.10", "55.13")
    assert exchange.fills(stop) == [("10", "55.13")]
    assert statuses(exchange, entry, target, stop) == ["filled", "canceled", "filled"]


@pytest.mark.parametrize(
    ("leg", "works"), [({"stop_loss": {"stop_price": "49"}}, "48.50"), ({"take_profit": {"limit_price": "55"}}, "55.5")]
)
def test_the_one_leg_of_an_oto_works_at_once(exchange: VirtualExchange, leg: Order, works: str) -> None:
    entry = exchange.ok("POST", "/v2/orders", order_body("TQQQ", "buy", "10", order_class="oto") | leg)
    exchange.advance(1)
    assert statuses(exchange, entry, entry["legs"][0]) == ["filled", "new"]
    exchange.quote("TQQQ", works, "60")
    assert len(exchange.fills(entry["legs"][0])) == 1


def test_the_journal_names_the_parent(exchange: VirtualExchange) -> None:
    target, stop = oco(exchange)
    parents = {e["order_id"]: e["parent_order_id"] for e in exchange.journal("order")}
    assert parents == {target["id"]: None, stop["id"]: target["id"]}


def test_closing_all_takes_the_protection_down(exchange: VirtualExchange) -> None:
    target, stop = oco(exchange)
    assert exchange.send("DELETE", "/v2/positions").body[0]["status"] == 403
    (closed,) = exchange.send("DELETE", "/v2/positions", cancel_orders="true").body
    assert (closed["status"], statuses(exchange, target, stop)) == (200, ["canceled"] * 2)


@pytest.mark.parametrize(
    ("held", "order", "message"),
    [
        ("0", body("oco", "sell", type="limit"), "oco orders must be exit orders"),
        ("-10", body("oco", "sell", type="limit"), "oco orders must be exit orders"),
        ("10", body("oco", "sell"), "oco orders must be limit orders"),
        ("10", body("bracket", "sell"), "bracket orders must be entry orders"),
        ("10", body("oto", "sell", stop_loss=None), "oto orders must be entry orders"),
        ("0", body("bracket", take_profit=None), "bracket orders require take_profit.limit_price"),
        ("0", body("bracket", stop_loss={}), "bracket orders require stop_loss.stop_price"),
        ("0", body("oto"), "oto orders require either take_profit.limit_price or stop_loss.stop_price"),
        (
            "0",
            body("bracket", take_profit={"limit_price": "48"}),
            "take_profit.limit_price must be > stop_loss.stop_price",
        ),
        (
            "0",
            body("bracket", "sell", take_profit={"limit_price": "56"}),
            "take_profit.limit_price must be < stop_loss.stop_price",
        ),
        ("0", body("bracket", qty="1.5", time_in_force="day"), "fractional orders must be simple orders"),
        ("0", body("bracket", time_in_force="ioc"), "bracket orders must be DAY or GTC orders"),
        ("0", body("bracket", limit="50", extended_hours=True), "bracket orders are not supported in extended hours"),
        (
            "0",
            body("bracket", type="trailing_stop", trail_price="1"),
            "trailing stop orders must be simple orders",
        ),
        (
            "0",
            body("bracket", stop_loss={"stop_price": "49.123"}),
            "invalid stop_loss.stop_price 49.123. sub-penny increment does not fulfill minimum pricing criteria",
        ),
        ("0", body("mleg"), "order_class mleg is not supported"),
    ],
)
def test_what_groups_must_be(exchange: VirtualExchange, held: str, order: Order, message: str) -> None:
    exchange.hold("TQQQ", held)
    reply = exchange.send("POST", "/v2/orders", order)
    assert (reply.status, reply.body) == (422, {"code": 42210000, "message": message})


@pytest.mark.parametrize(
    ("held", "order", "message", "base"),
    [
        # The market is at 50.96; the base price of an OCO is its target.
        (
            "10",
            body("oco", "sell", type="limit", stop_loss={"stop_price": "50.96"}),
            "stop_loss.stop_price must be <= base_price - 0.01",
            "50.96",
        ),
        (
            "-10",
            body("oco", "buy", type="limit", stop_loss={"stop_price": "50.96"}),
            "stop_loss.stop_price must be >= base_price + 0.01",
            "50.96",
        ),
        (
            "0",
            body("bracket", limit="49", stop_loss={"stop_price": "49"}),
            "stop_loss.stop_price must be <= base_price - 0.01",
            "49",
        ),
        (
            "0",
            body("bracket", take_profit={"limit_price": "50.96"}),
            "take_profit.limit_price must be >= base_price + 0.01",
            "50.96",
        ),
        (
            "0",
            body("bracket", "sell", take_profit={"limit_price": "50.96"}),
            "take_profit.limit_price must be <= base_price - 0.01",
            "50.96",
        ),
    ],
)
def test_legs_keep_a_cent_from_their_base(
    exchange: VirtualExchange, held: str, order: Order, message: str, base: str
) -> None:
    exchange.hold("TQQQ", held)
    reply = exchange.send("POST", "/v2/orders", order)
    assert (reply.status, reply.body) == (422, {"code": 42210000, "message": message, "base_price": base})


def test_a_stop_the_market_has_fallen_through_is_refused(exchange: VirtualExchange) -> None:
    exchange.hold("TQQQ", "10")
    exchange.quote("TQQQ", "48.00", "48.02")
    reply = exchange.send("POST", "/v2/orders", body("oco", "sell", type="limit"))
    assert reply.body["base_price"] == "48.01"


def test_a_second_oco_finds_no_shares(exchange: VirtualExchange) -> None:
    oco(exchange)
    reply = exchange.send("POST", "/v2/orders", body("oco", "sell", type="limit"))
    assert (reply.status, reply.body["available"]) == (403, "0")


def test_protection_sent_after_the_close_works_from_the_next_open() -> None:
    exchange = VirtualExchange("2026-11-20T16:30:00-05:00")
    exchange.quote("TQQQ", "50.95", "50.98")
    target, stop = oco(exchange)
    assert statuses(exchange, target, stop) == ["accepted", "held"]
    exchange.advance_to("2026-11-23T08:00:00-05:00")
    exchange.quote("TQQQ", "47.95", "47.98")
    assert statuses(exchange, target, stop) == ["accepted", "held"]
    exchange.advance_to("2026-11-23T09:30:00.070-05:00")
    assert exchange.fills(stop) == [("10", "47.95")]
    assert statuses(exchange, target, stop) == ["canceled", "filled"]


def test_protection_sent_during_a_halt_works_from_its_end(exchange: VirtualExchange) -> None:
    exchange.control("POST", "script", {"events": [{"symbol": "TQQQ", "halt": True}]})
    target, stop = oco(exchange)
    exchange.quote("TQQQ", "48.00", "48.03")
    assert statuses(exchange, target, stop) == ["accepted", "held"]
    exchange.control("POST", "script", {"events": [{"symbol": "TQQQ", "halt": False}]})
    assert exchange.fills(stop) == [("10", "48")]


def test_a_stuck_cancel_of_a_group_hangs_as_a_whole(exchange: VirtualExchange) -> None:
    group = oco(exchange)
    exchange.control("PUT", "faults", {"faults": [{"kind": "stuck_cancel"}]})
    exchange.ok("DELETE", f"/v2/orders/{group[0]['id']}")
    exchange.advance(60)
    assert statuses(exchange, *group) == ["pending_cancel"] * 2
    exchange.control("PUT", "faults", {"faults": []})
    exchange.advance(1)
    assert statuses(exchange, *group) == ["canceled"] * 2


def test_orders_of_a_group_name_it_and_their_role_in_it(exchange: VirtualExchange) -> None:
    # docs.alpaca.markets/us/changelog/2026-10-08-order-group-db02af7: both keys are left out of all other orders.
    entry, target, stop = bracket(exchange)
    exchange.advance(1)
    moved = exchange.ok("PATCH", f"/v2/orders/{target['id']}", {"limit_price": "56"})
    roles = {"entry": entry, "take_profit": moved, "stop_loss": stop}
    for role, order in roles.items():
        read = exchange.read(order)
        assert (read["group_role"], read["group_id"]) == (role, exchange.read(entry)["group_id"])
    assert exchange.order("SQQQ", "buy", "1", "10").keys().isdisjoint({"group_id", "group_role"})
