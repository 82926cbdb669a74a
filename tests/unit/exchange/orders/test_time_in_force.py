"""Orders that may not rest, auctions, halts, and reads that lag."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.exchange.virtual import VirtualExchange, order_body

WINDOW = {"opg": "9:28am", "cls": "3:50pm"}


def test_ioc_takes_what_is_there_and_cancels_the_rest(exchange: VirtualExchange) -> None:
    limit = exchange.order("TQQQ", "buy", "400", "50.98", time_in_force="ioc")
    market = exchange.order("SPY", "buy", "5", time_in_force="ioc")
    exchange.advance(5)
    assert exchange.fills(limit) == [("300", "50.98")]
    assert [exchange.read(o)["status"] for o in (limit, market)] == ["canceled", "canceled"]


@pytest.mark.parametrize(("qty", "status"), [("300", "filled"), ("301", "canceled")])
def test_fok_takes_all_or_nothing(exchange: VirtualExchange, qty: str, status: str) -> None:
    exchange.control("PUT", "settings", {"partial_fill_probability": "1"})
    order = exchange.order("TQQQ", "buy", qty, "50.98", time_in_force="fok")
    exchange.advance(5)
    assert exchange.read(order)["status"] == status
    assert exchange.fills(order) == ([(qty, "50.98")] if status == "filled" else [])


def test_an_opening_order_trades_in_the_auction_or_not_at_all() -> None:
    exchange = VirtualExchange("2026-11-20T09:00:00-05:00")
    exchange.quote("TQQQ", "50.95", "50.98", 10, 10)
    market = exchange.order("TQQQ", "buy", "400", time_in_force="opg")
    limit = exchange.order("TQQQ", "buy", "5", "50.90", time_in_force="opg")
    exchange.advance_to("2026-11-20T09:29:59-05:00")
    assert exchange.read(market)["status"] == "accepted"
    exchange.advance(1)
    assert exchange.fills(market) == [("400", "50.98")]
    assert [exchange.read(o)["status"] for o in (market, limit)] == ["filled", "canceled"]


def test_a_closing_order_trades_at_the_close(exchange: VirtualExchange) -> None:
    order = exchange.order("TQQQ", "buy", "400", time_in_force="cls")
    exchange.advance_to("2026-11-20T15:59:59-05:00")
    assert (exchange.read(order)["status"], exchange.fills(order)) == ("new", [])
    exchange.advance(1)
    assert exchange.fills(order) == [("400", "50.98")]
    assert exchange.read(order)["filled_at"] == "2026-11-20T21:00:00.000000000Z"


@pytest.mark.parametrize(
    ("tif", "moment", "accepted"),
    [
        ("opg", "2026-11-20T09:27:59-05:00", True),
        ("opg", "2026-11-20T09:28:00-05:00", False),
        ("opg", "2026-11-20T18:59:59-05:00", False),
        ("opg", "2026-11-20T19:00:00-05:00", True),
        ("opg", "2026-11-21T12:00:00-05:00", True),
        ("cls", "2026-11-20T15:49:59-05:00", True),
        ("cls", "2026-11-20T15:50:00-05:00", False),
        ("cls", "2026-11-27T12:50:00-05:00", False),
        ("cls", "2026-11-20T19:00:00-05:00", True),
    ],
)
def test_auctions_take_orders_in_their_hours_only(tif: str, moment: str, accepted: bool) -> None:
    exchange = VirtualExchange(moment)
    reply = exchange.send("POST", "/v2/orders", order_body("TQQQ", "buy", "5", time_in_force=tif))
    if accepted:
        assert reply.status == 200
        return
    message = f"{tif} orders must be submitted after 7:00pm and before {WINDOW[tif]}"
    assert (reply.status, reply.body) == (403, {"code": 40310000, "message": message})


def halt(exchange: VirtualExchange, halted: bool) -> None:
    exchange.control("POST", "script", {"events": [{"symbol": "TQQQ", "halt": halted}]})


def test_an_order_sent_during_a_halt_stays_accepted_until_it_ends(exchange: VirtualExchange) -> None:
    halt(exchange, True)
    order = exchange.order("TQQQ", "buy", "10", "50.99")
    assert order["status"] == "accepted"
    exchange.advance(60)
    assert exchange.read(order)["status"] == "accepted"
    halt(exchange, False)
    assert exchange.events(order) == ["accepted", "new", "filled"]


def test_an_order_can_be_cancelled_during_a_halt(exchange: VirtualExchange) -> None:
    halt(exchange, True)
    order = exchange.order("TQQQ", "buy", "10", "50.99")
    exchange.advance(1)
    exchange.ok("DELETE", f"/v2/orders/{order['id']}")
    exchange.advance(1)
    assert exchange.read(order)["status"] == "canceled"
    halt(exchange, False)
    assert exchange.fills(order) == []


def test_positions_may_lag_behind_fills(exchange: VirtualExchange) -> None:
    exchange.control("PUT", "settings", {"position_lag_ms": 500})
    order = exchange.order("TQQQ", "buy", "10", "50.99")
    exchange.advance("0.1")
    assert exchange.read(order)["status"] == "filled"
    assert exchange.ok("GET", "/v2/positions") == []
    assert exchange.send("GET", "/v2/positions/TQQQ").status == 404
    exits: dict[str, Any] = {"take_profit": {"limit_price": "55"}, "stop_loss": {"stop_price": "49"}}
    oco = order_body("TQQQ", "sell", "10", type="limit", order_class="oco", **exits)
    assert exchange.send("POST", "/v2/orders", oco).body["message"] == "oco orders must be exit orders"
    exchange.advance("0.5")
    assert exchange.ok("GET", "/v2/positions/TQQQ")["qty"] == "10"
    assert exchange.send("POST", "/v2/orders", oco).status == 200


def test_a_lagging_position_is_short_of_the_newest_fill_and_never_sold_twice(exchange: VirtualExchange) -> None:
    exchange.hold("TQQQ", "10")
    exchange.control("PUT", "settings", {"position_lag_ms": 500})
    exchange.order("TQQQ", "buy", "5", "50.99")
    exchange.advance("0.1")
    message = "insufficient qty available for order (requested: 15, available: 10)"
    assert exchange.refused("TQQQ", "sell", "15").body["message"] == message
    exchange.advance(1)
    exchange.order("TQQQ", "sell", "15")
    exchange.advance("0.1")
    assert exchange.ok("GET", "/v2/positions/TQQQ")["qty"] == "15"
    assert exchange.send("POST", "/v2/orders", order_body("TQQQ", "sell", "15", "60")).body["position_intent"] == (
        "sell_to_open"
    )


def test_lists_go_by_order_id(exchange: VirtualExchange) -> None:
    first, second, third = (exchange.order("TQQQ", "buy", "1", "50.90") for _ in range(3))

    def ids(**query: str) -> list[str]:
        return [order["id"] for order in exchange.ok("GET", "/v2/orders", **query)]

    assert ids(before_order_id=second["id"]) == [first["id"]]
    assert ids(after_order_id=second["id"]) == [third["id"]]
    assert ids(after_order_id=first["id"], before_order_id=third["id"]) == [second["id"]]
    assert ids(asset_class="crypto") == []
    assert len(ids(asset_class="us_equity,crypto")) == 3
    assert exchange.send("GET", "/v2/orders", before_order_id="1").status == 422
