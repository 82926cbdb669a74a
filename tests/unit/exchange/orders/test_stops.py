"""Stops, stop limits and trailing stops: when they are refused, elected and filled."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.exchange.virtual import VirtualExchange, order_body


def stop(exchange: VirtualExchange, side: str, price: str, qty: str = "10", **more: Any) -> dict[str, Any]:
    return exchange.order("TQQQ", side, qty, type="stop", stop_price=price, **more)


def trailing(exchange: VirtualExchange, side: str = "sell", **trail: str) -> dict[str, Any]:
    order = exchange.order("TQQQ", side, "10", type="trailing_stop", time_in_force="gtc", **trail)
    exchange.advance(1)
    return order


def test_a_sell_stop_waits_until_the_bid_reaches_it_and_sells_at_market(exchange: VirtualExchange) -> None:
    exchange.hold("TQQQ", "10")
    order = stop(exchange, "sell", "50.50", time_in_force="gtc")
    assert (order["type"], order["stop_price"], order["limit_price"]) == ("stop", "50.5", None)
    exchange.advance(1)
    exchange.quote("TQQQ", "50.51", "50.54")
    assert (exchange.read(order)["status"], exchange.fills(order)) == ("new", [])
    exchange.quote("TQQQ", "50.45", "50.48", 4, 300)
    assert exchange.fills(order) == [("4", "50.45")]
    exchange.advance(2)
    assert exchange.fills(order) == [("4", "50.45")] * 2 + [("2", "50.45")]
    (elected,) = exchange.journal("elected")
    assert (elected["order_id"], elected["stop_price"], elected["bid"]) == (order["id"], "50.5", "50.45")


def test_a_buy_stop_is_elected_by_the_ask_and_pays_at_most_its_collar(exchange: VirtualExchange) -> None:
    order = stop(exchange, "buy", "51.50")
    exchange.advance(1)
    exchange.quote("TQQQ", "53.00", "53.05")
    assert exchange.fills(order) == []
    exchange.quote("TQQQ", "52.70", "52.79")
    assert exchange.fills(order) == [("10", "52.79")]


def test_a_buy_stop_below_fifty_dollars_has_four_percent(exchange: VirtualExchange) -> None:
    exchange.quote("AIG", "39.98", "40.00")
    exchange.order("AIG", "buy", "10", type="stop", stop_price="40.50")
    assert exchange.ok("GET", "/v2/account")["buying_power"] == str(200_000 - 42.12 * 10)


def test_an_elected_stop_limit_is_a_limit_order(exchange: VirtualExchange) -> None:
    exchange.hold("TQQQ", "10")
    order = exchange.order("TQQQ", "sell", "10", "50.40", type="stop_limit", stop_price="50.50")
    exchange.advance(1)
    exchange.quote("TQQQ", "50.30", "50.33")
    assert exchange.fills(order) == []
    exchange.quote("TQQQ", "50.60", "50.63")
    assert exchange.fills(order) == [("10", "50.6")]


def test_a_stop_sleeps_outside_the_regular_session() -> None:
    exchange = VirtualExchange("2026-11-20T15:59:00-05:00")
    exchange.quote("TQQQ", "50.95", "50.98")
    exchange.hold("TQQQ", "10")
    order = stop(exchange, "sell", "50.50", time_in_force="gtc")
    exchange.advance_to("2026-11-20T17:00:00-05:00")
    exchange.quote("TQQQ", "50.00", "50.03")
    assert exchange.journal("elected") == []
    exchange.advance_to("2026-11-23T09:30:00-05:00")
    assert exchange.fills(order) == [("10", "50")]


@pytest.mark.parametrize(
    ("side", "price", "message"),
    [
        ("sell", "50.96", "stop price must be less than current price"),
        ("sell", "60", "stop price must be less than current price"),
        ("buy", "50.96", "stop price must be greater than current price"),
    ],
)
def test_a_stop_that_is_reached_already_is_refused(
    exchange: VirtualExchange, side: str, price: str, message: str
) -> None:
    exchange.hold("TQQQ", "10" if side == "sell" else "-10")
    reply = exchange.refused("TQQQ", side, "10", type="stop", stop_price=price)
    assert (reply.status, reply.body) == (422, {"code": 42210000, "message": message})


def test_a_trailing_stop_follows_the_bid_up_and_never_down(exchange: VirtualExchange) -> None:
    exchange.hold("TQQQ", "10")
    order = trailing(exchange, trail_price="0.50")
    assert (order["hwm"], order["stop_price"], order["trail_price"]) == ("50.95", "50.45", "0.5")
    exchange.quote("TQQQ", "51.40", "51.43")
    exchange.quote("TQQQ", "51.00", "51.03")
    held = exchange.read(order)
    assert (held["hwm"], held["stop_price"], held["status"]) == ("51.4", "50.9", "new")
    exchange.quote("TQQQ", "50.90", "50.93")
    assert exchange.fills(order) == [("10", "50.9")]


def test_a_trailing_buy_follows_the_ask_down_by_percent(exchange: VirtualExchange) -> None:
    exchange.hold("TQQQ", "-10")
    order = trailing(exchange, "buy", trail_percent="2")
    assert (order["hwm"], order["stop_price"]) == ("50.98", "52")
    exchange.quote("TQQQ", "49.97", "50.00")
    exchange.quote("TQQQ", "50.97", "51.00")
    assert exchange.fills(order) == [("10", "51")]


def test_a_trailing_stop_without_a_quote_starts_with_the_first(exchange: VirtualExchange) -> None:
    exchange.hold("AAPL", "10", "200")
    order = exchange.order("AAPL", "sell", "10", type="trailing_stop", trail_price="1")
    assert (order["hwm"], order["stop_price"]) == (None, None)
    exchange.advance(1)
    exchange.quote("AAPL", "200.00", "200.02")
    assert exchange.read(order)["stop_price"] == "199"


@pytest.mark.parametrize(
    ("changes", "code", "message"),
    [
        ({"type": "stop"}, 40010001, "stop orders require a stop price"),
        ({"type": "stop_limit", "stop_price": "50"}, 40010001, "stop limit orders require both stop and limit price"),
        (
            {"type": "stop", "stop_price": "50", "limit_price": "49"},
            40010001,
            "stop orders must not have a limit price",
        ),
        ({"type": "market", "stop_price": "50"}, 40010001, "market orders require no stop or limit price"),
        ({"type": "market", "trail_price": "1"}, 40010001, "market orders must not have trail_price"),
        (
            {"type": "trailing_stop"},
            40010001,
            "trailing stop orders must specify one of trail_price or trail_percent",
        ),
        (
            {"type": "trailing_stop", "trail_price": "1", "trail_percent": "1"},
            40010001,
            "trailing stop orders must specify one of trail_price or trail_percent",
        ),
        ({"type": "trailing_stop", "trail_percent": "0.05"}, 40010001, "trail_percent must be >= 0.1"),
        (
            {"type": "stop", "stop_price": "50.123"},
            42210000,
            "invalid stop_price 50.123. sub-penny increment does not fulfill minimum pricing criteria",
        ),
        (
            {"type": "stop", "stop_price": "50", "extended_hours": True},
            42210000,
            "extended hours order must be DAY or GTC limit orders",
        ),
        (
            {"type": "trailing_stop", "trail_price": "1", "time_in_force": "ioc"},
            42210000,
            "trailing stop orders must be DAY or GTC orders",
        ),
        (
            {"type": "stop", "stop_price": "50", "time_in_force": "opg"},
            42210000,
            "opg orders must be market or limit orders",
        ),
        (
            {"type": "trailing_stop", "trail_price": "1", "qty": "1.5"},
            42210000,
            "fractional orders cannot be trailing stop orders",
        ),
    ],
)
def test_malformed_stops(exchange: VirtualExchange, changes: dict[str, Any], code: int, message: str) -> None:
    exchange.hold("TQQQ", "10")
    reply = exchange.send("POST", "/v2/orders", order_body("TQQQ", "sell", "10") | changes)
    assert (reply.status, reply.body) == (422, {"code": code, "message": message})


def test_a_fractional_stop_is_fine(exchange: VirtualExchange) -> None:
    exchange.hold("TQQQ", "1.5")
    order = stop(exchange, "sell", "50.50", "1.5")
    exchange.advance(1)
    exchange.quote("TQQQ", "50.50", "50.53")
    assert exchange.fills(order) == [("1.5", "50.5")]


def test_a_stop_survives_a_halt_and_a_cancel_may_lose_against_its_election(exchange: VirtualExchange) -> None:
    exchange.hold("TQQQ", "10")
    order = stop(exchange, "sell", "50.50")
    exchange.advance(1)
    exchange.control("POST", "script", {"events": [{"symbol": "TQQQ", "halt": True}]})
    exchange.quote("TQQQ", "49.00", "49.03")
    assert exchange.fills(order) == []
    exchange.ok("DELETE", f"/v2/orders/{order['id']}")
    exchange.control("POST", "script", {"events": [{"symbol": "TQQQ", "halt": False}]})
    assert exchange.fills(order) == [("10", "49")]
