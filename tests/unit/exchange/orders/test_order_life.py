"""The life of an order: cancel and its races, sessions, expiry, reads and lists."""

from __future__ import annotations

import pytest

from tests.unit.exchange.virtual import VirtualExchange

UNKNOWN = "11111111-2222-4333-8444-555555555555"


def test_order_json_has_every_field_with_numbers_as_strings(exchange: VirtualExchange) -> None:
    order = exchange.order("TQQQ", "buy", "2", "50.90", client_order_id="mine")
    now = "2026-11-20T15:00:00.000000000Z"
    assert order | {"id": "", "asset_id": ""} == {
        **dict.fromkeys(("id", "asset_id", "order_class"), ""),
        **dict.fromkeys(("filled_at", "expired_at", "canceled_at", "failed_at", "replaced_at", "replaced_by")),
        **dict.fromkeys(("replaces", "notional", "filled_avg_price", "stop_price", "legs", "trail_percent")),
        **dict.fromkeys(("trail_price", "hwm", "subtag", "source", "ratio_qty")),
        **dict.fromkeys(("created_at", "updated_at", "submitted_at"), now),
        **dict.fromkeys(("type", "order_type"), "limit"),
        "client_order_id": "mine",
        "expires_at": "2026-11-20T21:00:00.000000000Z",
        "symbol": "TQQQ",
        "asset_class": "us_equity",
        "qty": "2",
        "filled_qty": "0",
        "side": "buy",
        "position_intent": "buy_to_open",
        "time_in_force": "day",
        "limit_price": "50.9",
        "status": "pending_new",
        "extended_hours": False,
    }


def test_cancel_takes_effect_after_its_delay(exchange: VirtualExchange) -> None:
    order = exchange.order("TQQQ", "buy", "10", "50.90")
    exchange.advance(1)
    reply = exchange.send("DELETE", f"/v2/orders/{order['id']}")
    assert (reply.status, reply.encoded()) == (204, b"")
    assert exchange.read(order)["status"] == "pending_cancel"
    again = exchange.send("DELETE", f"/v2/orders/{order['id']}")
    assert (again.status, again.body) == (422, {"code": 42210000, "message": "order pending cancel"})
    exchange.advance("0.049")
    assert exchange.read(order)["status"] == "pending_cancel"
    exchange.advance("0.001")
    assert exchange.read(order)["canceled_at"] == "2026-11-20T15:00:01.050000000Z"
    assert exchange.events(order) == ["accepted", "new", "pending_cancel", "canceled"]


def test_a_fill_may_win_against_the_cancel(exchange: VirtualExchange) -> None:
    order = exchange.order("TQQQ", "buy", "10", "50.99")
    exchange.advance("0.030")
    exchange.ok("DELETE", f"/v2/orders/{order['id']}")
    exchange.advance(1)
    assert exchange.read(order)["status"] == "filled"
    refused = exchange.send("DELETE", f"/v2/orders/{order['id']}")
    assert (refused.status, refused.body) == (
        422,
        {"code": 42210000, "message": 'order is already in "filled" state'},
    )


def test_a_partial_fill_during_the_cancel_counts(exchange: VirtualExchange) -> None:
    order = exchange.order("TQQQ", "buy", "500", "50.90")
    exchange.advance(1)
    exchange.ok("DELETE", f"/v2/orders/{order['id']}")
    exchange.quote("TQQQ", "50.85", "50.90", 300, 300)
    assert exchange.read(order)["status"] == "pending_cancel"
    exchange.advance(1)
    ended = exchange.read(order)
    assert (ended["status"], ended["filled_qty"]) == ("canceled", "300")


def test_an_order_may_be_cancelled_before_it_is_acknowledged(exchange: VirtualExchange) -> None:
    exchange.control("PUT", "settings", {"ack_ms": 1000})
    order = exchange.order("TQQQ", "buy", "10", "50.99")
    exchange.ok("DELETE", f"/v2/orders/{order['id']}")
    exchange.advance(5)
    assert exchange.events(order) == ["accepted", "pending_cancel", "canceled"]


def test_cancel_all_lists_what_it_cancelled(exchange: VirtualExchange) -> None:
    orders = [exchange.order("TQQQ", "buy", "10", price) for price in ("50.90", "50.91")]
    exchange.ok("DELETE", f"/v2/orders/{orders[0]['id']}")
    reply = exchange.send("DELETE", "/v2/orders")
    assert reply.status == 207
    assert [(item["id"], item["status"]) for item in reply.body] == [(orders[0]["id"], 500), (orders[1]["id"], 200)]


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_unknown_orders(exchange: VirtualExchange, method: str) -> None:
    reply = exchange.send(method, f"/v2/orders/{UNKNOWN}")
    assert (reply.status, reply.body) == (404, {"code": 40410000, "message": f"order not found for {UNKNOWN}"})
    reply = exchange.send(method, "/v2/orders/nonsense")
    assert (reply.status, reply.body["code"]) == (422, 40010001)


def test_lookup_by_client_order_id(exchange: VirtualExchange) -> None:
    order = exchange.order("TQQQ", "buy", "1", "50.90", client_order_id="a b/c")
    assert exchange.ok("GET", "/v2/orders:by_client_order_id", client_order_id="a b/c")["id"] == order["id"]
    reply = exchange.send("GET", "/v2/orders:by_client_order_id", client_order_id="other")
    assert (reply.status, reply.body["code"]) == (404, 40410000)


def test_day_order_expires_at_the_close(exchange: VirtualExchange) -> None:
    order = exchange.order("TQQQ", "buy", "10", "50.90")
    exchange.advance_to("2026-11-20T16:00:00-05:00")
    ended = exchange.read(order)
    assert (ended["status"], ended["expired_at"]) == ("expired", "2026-11-20T21:00:00.000000000Z")


def test_gtc_order_survives_the_night_and_trades_in_the_session_only(exchange: VirtualExchange) -> None:
    order = exchange.order("TQQQ", "buy", "10", "50.90", time_in_force="gtc")
    exchange.advance_to("2026-11-20T17:00:00-05:00")
    exchange.quote("TQQQ", "50.80", "50.85")
    assert exchange.read(order)["status"] == "new"
    exchange.advance_to("2026-11-23T09:30:00-05:00")
    assert exchange.fills(order) == [("10", "50.85")]
    assert order["expires_at"].startswith("2027-02-18T21:15:00")


def test_a_gtc_order_is_cancelled_for_its_age(exchange: VirtualExchange) -> None:
    order = exchange.order("TQQQ", "buy", "10", "50.90", time_in_force="gtc")
    exchange.advance_to("2027-02-18T16:14:59-05:00")
    assert exchange.read(order)["status"] == "new"
    exchange.advance(2)
    assert exchange.read(order)["status"] == "canceled"
    assert exchange.events(order)[-2:] == ["pending_cancel", "canceled"]


@pytest.mark.parametrize("limit", [None, "50.99"])
def test_orders_sent_while_closed_wait_for_the_open(limit: str | None) -> None:
    exchange = VirtualExchange("2026-11-20T08:00:00-05:00")
    exchange.quote("TQQQ", "50.95", "50.98")
    order = exchange.order("TQQQ", "buy", "10", limit)
    assert order["status"] == "accepted"
    exchange.advance_to("2026-11-20T09:30:00-05:00")
    assert exchange.read(order)["status"] == "accepted"
    exchange.advance("0.020")
    assert exchange.read(order)["status"] == "new"
    exchange.advance("0.050")
    assert exchange.read(order)["status"] == "filled"


def test_order_of_the_weekend_belongs_to_monday() -> None:
    exchange = VirtualExchange("2026-11-21T12:00:00-05:00")
    exchange.quote("TQQQ", "50.95", "50.98")
    order = exchange.order("TQQQ", "buy", "10", "50.90")
    assert order["expires_at"].startswith("2026-11-23T21:00:00")


def test_a_waiting_order_can_be_cancelled() -> None:
    exchange = VirtualExchange("2026-11-20T18:00:00-05:00")
    order = exchange.order("TQQQ", "buy", "10", "50.90")
    exchange.ok("DELETE", f"/v2/orders/{order['id']}")
    exchange.advance_to("2026-11-23T10:00:00-05:00")
    assert exchange.events(order) == ["accepted", "pending_cancel", "canceled"]


def test_extended_hours_limit_trades_after_the_close_until_eight() -> None:
    exchange = VirtualExchange("2026-11-20T16:30:00-05:00")
    exchange.quote("TQQQ", "50.95", "50.98", 300, 300)
    filled = exchange.order("TQQQ", "buy", "300", "50.99", extended_hours=True)
    resting = exchange.order("TQQQ", "buy", "10", "50.90", extended_hours=True)
    exchange.advance(1)
    assert exchange.read(filled)["status"] == "filled"
    exchange.advance_to("2026-11-20T20:00:00-05:00")
    assert exchange.read(resting)["status"] == "expired"


def test_list_filters_and_order(exchange: VirtualExchange) -> None:
    exchange.quote("AAPL", "199.98", "200.02")
    first = exchange.order("TQQQ", "buy", "10", "50.90")
    exchange.advance(1)
    second = exchange.order("AAPL", "buy", "10", "200.10")
    exchange.advance(1)

    def ids(**query: str) -> list[str]:
        return [order["id"] for order in exchange.ok("GET", "/v2/orders", **query)]

    assert ids() == [first["id"]]
    assert ids(status="closed") == [second["id"]]
    assert ids(status="all") == [second["id"], first["id"]]
    assert ids(status="all", direction="asc", nested="True") == [first["id"], second["id"]]
    assert ids(status="all", limit="1") == [second["id"]]
    assert ids(status="all", symbols="tqqq,IBM") == [first["id"]]
    assert ids(status="all", side="sell") == []
    assert ids(status="all", after="2026-11-20T15:00:00Z") == [second["id"]]
    assert ids(status="all", until="2026-11-20T15:00:01Z") == [first["id"]]
    assert exchange.send("GET", "/v2/orders", status="some").status == 422
    assert exchange.send("GET", "/v2/orders", limit="501").status == 422


def test_lists_may_lag_behind_reads_by_id(exchange: VirtualExchange) -> None:
    exchange.control("PUT", "settings", {"list_lag_ms": 200})
    order = exchange.order("TQQQ", "buy", "10", "50.99")
    exchange.advance("0.1")
    assert exchange.read(order)["status"] == "filled"
    assert exchange.ok("GET", "/v2/orders", status="all") == []
    exchange.advance("0.12")
    assert [o["status"] for o in exchange.ok("GET", "/v2/orders", status="all")] == ["new"]
    exchange.advance("0.05")
    assert [o["status"] for o in exchange.ok("GET", "/v2/orders", status="all")] == ["filled"]
