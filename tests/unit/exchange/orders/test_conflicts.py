"""Which open orders of an account a new one must not meet, pair by pair."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.exchange.virtual import VirtualExchange, order_body

LIMIT, MARKET = "opposite side limit order exists", "opposite side market/stop order exists"
STOP = {"type": "stop", "stop_price": "49"}
STOP_LIMIT = {"type": "stop_limit", "stop_price": "49", "limit_price": "48.90"}
TRAIL = {"type": "trailing_stop", "trail_price": "1"}
EXITS = {"take_profit": {"limit_price": "55"}, "stop_loss": {"stop_price": "49"}}


def limit(price: str) -> dict[str, Any]:
    return {"type": "limit", "limit_price": price}


@pytest.mark.parametrize(
    ("resting", "buy", "reason"),
    [
        (limit("52"), limit("52"), LIMIT),
        (limit("52"), limit("51.99"), None),
        (limit("52"), {"type": "market"}, LIMIT),
        (limit("52"), {"type": "stop", "stop_price": "51"}, LIMIT),
        (limit("52"), {"type": "stop_limit", "stop_price": "51", "limit_price": "52"}, LIMIT),
        (limit("52"), {"type": "stop_limit", "stop_price": "51", "limit_price": "51.50"}, None),
        (limit("52"), TRAIL, None),
        (STOP, limit("40"), MARKET),
        (STOP_LIMIT, limit("48.90"), LIMIT),
        (STOP_LIMIT, limit("48.89"), None),
        (TRAIL, {"type": "market"}, None),
        (limit("52"), {"type": "market", "order_class": "bracket", **EXITS}, LIMIT),
        ({"type": "limit", "order_class": "oco", **EXITS}, {"type": "market"}, None),
    ],
)
def test_a_buy_against_a_resting_sell(
    exchange: VirtualExchange, resting: dict[str, Any], buy: dict[str, Any], reason: str | None
) -> None:
    exchange.hold("TQQQ", "10")
    sell = exchange.order("TQQQ", "sell", "10", **resting)
    reply = exchange.send("POST", "/v2/orders", order_body("TQQQ", "buy", "5") | buy)
    if reason is None:
        assert reply.status == 200, reply
        return
    assert (reply.status, reply.body) == (
        403,
        {
            "code": 40310000,
            "message": "potential wash trade detected. use complex orders",
            "existing_order_id": sell["id"],
            "reject_reason": reason,
        },
    )


def test_a_replacement_must_not_meet_the_other_side_either(exchange: VirtualExchange) -> None:
    exchange.hold("TQQQ", "10")
    exchange.order("TQQQ", "sell", "10", "52")
    buy = exchange.order("TQQQ", "buy", "5", "50.90")
    exchange.advance(1)
    reply = exchange.send("PATCH", f"/v2/orders/{buy['id']}", {"limit_price": "52"})
    assert (reply.status, reply.body["reject_reason"]) == (403, LIMIT)


def test_no_notional_entry_beside_an_open_exit(exchange: VirtualExchange) -> None:
    exchange.hold("TQQQ", "10")
    exchange.order("TQQQ", "sell", "5", "60")
    reply = exchange.refused("TQQQ", "buy", None, "50", notional="100")
    message = "unable to open new notional orders while having open closing position orders"
    assert (reply.status, reply.body) == (403, {"code": 40310000, "message": message})


def test_a_short_that_cannot_be_borrowed_overnight_is_cancelled(exchange: VirtualExchange) -> None:
    order = exchange.order("TQQQ", "sell", "5", "60", time_in_force="gtc")
    exchange.advance_to("2026-11-20T20:00:00-05:00")
    exchange.control("PUT", "assets/TQQQ", {"easy_to_borrow": False})
    exchange.advance_to("2026-11-23T04:00:00-05:00")
    assert exchange.read(order)["status"] == "canceled"


def test_a_short_needs_buying_power_at_its_limit_or_three_percent_above_the_ask(exchange: VirtualExchange) -> None:
    for limit_price, cost in (("60", "300000"), ("50", "262547")):
        body = exchange.refused("TQQQ", "sell", "5000", limit_price).body
        assert (body["message"], body["cost_basis"]) == ("insufficient buying power", cost)


def test_attributes_are_shown_and_an_ipo_takes_limits_only_before_its_first_trade(exchange: VirtualExchange) -> None:
    asset = exchange.control("PUT", "assets/NEWCO", {"attributes": ["ipo", "has_options"]})
    assert asset["attributes"] == ["ipo", "has_options"]
    assert exchange.refused("NEWCO", "buy", "1").status == 422
    exchange.order("NEWCO", "buy", "1", "20")
    exchange.quote("NEWCO", "21", "21.05")
    exchange.order("NEWCO", "buy", "1")
    assert exchange.send("PUT", "/_exchange/assets/NEWCO", {"attributes": "ipo"}).status == 400
