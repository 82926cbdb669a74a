"""What is refused, with Alpaca's status, code and words."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.exchange.virtual import VirtualExchange, order_body

SUB_PENNY = "sub-penny increment does not fulfill minimum pricing criteria"


@pytest.mark.parametrize(
    ("changes", "code", "message"),
    [
        ({"symbol": "NOPE"}, 42210000, 'asset "NOPE" not found'),
        ({"symbol": ""}, 40010001, "symbol is required"),
        ({"side": "hold"}, 40010001, "invalid side"),
        ({"side": None}, 40010001, "side is required"),
        ({"type": "magic"}, 40010001, "invalid order type"),
        ({"time_in_force": "never"}, 40010001, "invalid time_in_force"),
        ({"qty": None}, 40010001, "qty or notional is required"),
        ({"notional": "5"}, 40010001, "only one of qty or notional is accepted"),
        ({"qty": "0"}, 40010001, "qty must be > 0"),
        ({"qty": "-1"}, 40010001, "qty must be > 0"),
        ({"qty": "many"}, 40010001, "invalid qty"),
        ({"qty": "NaN"}, 40010001, "invalid qty"),
        ({"qty": True}, 40010001, "invalid qty"),
        ({"qty": "0.1234567891"}, 40010001, "qty must have at most 9 decimal places"),
        ({"qty": None, "notional": "0.99"}, 40010001, "notional must be >= 1.00"),
        ({"limit_price": None}, 40010001, "limit orders require a limit price"),
        ({"limit_price": "0"}, 40010001, "limit price must be > 0"),
        ({"limit_price": "290.123"}, 42210000, f"invalid limit_price 290.123. {SUB_PENNY}"),
        ({"limit_price": 290.123}, 42210000, f"invalid limit_price 290.123. {SUB_PENNY}"),
        ({"limit_price": "0.12345"}, 42210000, f"invalid limit_price 0.12345. {SUB_PENNY}"),
        ({"type": "market"}, 40010001, "market orders require no stop or limit price"),
        ({"qty": "0.5", "time_in_force": "gtc"}, 42210000, "fractional orders must be DAY orders"),
        (
            {"type": "market", "limit_price": None, "extended_hours": True},
            42210000,
            "extended hours order must be DAY or GTC limit orders",
        ),
        ({"client_order_id": "x" * 129}, 40010001, "client_order_id must be no more than 128 characters"),
        (
            {"position_intent": "sell_to_close"},
            42210000,
            "position intent mismatch, inferred: buy_to_open, specified: sell_to_close",
        ),
    ],
)
def test_malformed_orders(exchange: VirtualExchange, changes: dict[str, Any], code: int, message: str) -> None:
    reply = exchange.send("POST", "/v2/orders", order_body("TQQQ", "buy", "10", "50.90") | changes)
    assert (reply.status, reply.body) == (422, {"code": code, "message": message})
    assert exchange.journal("order") == []


@pytest.mark.parametrize("price", ["0.1234", "1.01", "50.900", 50.9])
def test_prices_on_the_tick_are_accepted(exchange: VirtualExchange, price: Any) -> None:
    assert exchange.send("POST", "/v2/orders", order_body("TQQQ", "buy", "10", price)).status == 200


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff", b'{"qty": Infinity}'])
def test_a_body_that_is_no_json_object(exchange: VirtualExchange, body: bytes) -> None:
    from desk.exchange.wire.web import Request
    from tests.unit.exchange.virtual import KEYS

    reply = exchange.gateway.serve(Request("POST", "/v2/orders", headers=KEYS, body=body))
    assert reply.status == 400


def test_client_order_id_is_unique_for_ever(exchange: VirtualExchange) -> None:
    exchange.order("TQQQ", "buy", "10", "50.99", client_order_id="once")
    exchange.advance(1)
    reply = exchange.refused("TQQQ", "buy", "10", "50.99", client_order_id="once")
    assert (reply.status, reply.body) == (422, {"code": 40010001, "message": "client_order_id must be unique"})


def test_a_refused_order_leaves_its_client_order_id_free(exchange: VirtualExchange) -> None:
    exchange.refused("TQQQ", "buy", "10", "50.999", client_order_id="again")
    exchange.order("TQQQ", "buy", "10", "50.99", client_order_id="again")


def test_buying_power(exchange: VirtualExchange) -> None:
    reply = exchange.refused("TQQQ", "buy", "5000", "50.99")
    assert (reply.status, reply.body) == (
        403,
        {
            "code": 40310000,
            "message": "insufficient buying power",
            "buying_power": "200000",
            "cost_basis": "254950",
        },
    )


def test_open_orders_tie_up_buying_power(exchange: VirtualExchange) -> None:
    exchange.order("TQQQ", "buy", "3000", "50.90")
    assert exchange.ok("GET", "/v2/account")["buying_power"] == "47300"
    assert exchange.refused("TQQQ", "buy", "1000", "50.90").status == 403
    exchange.ok("DELETE", "/v2/orders")
    exchange.advance(1)
    assert exchange.ok("GET", "/v2/account")["buying_power"] == "200000"


def test_shares_under_an_open_sell_are_held(exchange: VirtualExchange) -> None:
    exchange.hold("TQQQ", "25")
    resting = exchange.order("TQQQ", "sell", "20", "60")
    assert exchange.ok("GET", "/v2/positions/TQQQ")["qty_available"] == "5"
    reply = exchange.refused("TQQQ", "sell", "25")
    assert (reply.status, reply.body) == (
        403,
        {
            "code": 40310000,
            "message": "insufficient qty available for order (requested: 25, available: 5)",
            "available": "5",
            "existing_qty": "25",
            "held_for_orders": "20",
            "related_orders": [resting["id"]],
            "symbol": "TQQQ",
        },
    )


def test_shares_stay_held_until_the_cancel_is_complete(exchange: VirtualExchange) -> None:
    exchange.hold("TQQQ", "25")
    resting = exchange.order("TQQQ", "sell", "25", "60")
    exchange.ok("DELETE", f"/v2/orders/{resting['id']}")
    assert exchange.refused("TQQQ", "sell", "25").status == 403
    exchange.advance(1)
    exchange.order("TQQQ", "sell", "25")


def test_an_order_never_crosses_through_zero(exchange: VirtualExchange) -> None:
    exchange.hold("TQQQ", "10")
    assert "insufficient qty" in exchange.refused("TQQQ", "sell", "11").body["message"]
    exchange.hold("TQQQ", "-10")
    assert "insufficient qty" in exchange.refused("TQQQ", "buy", "11").body["message"]


@pytest.mark.parametrize(
    ("resting", "new", "reason"),
    [
        (("sell", "51.00"), ("buy", "51.00"), "opposite side limit order exists"),
        (("sell", "51.00"), ("buy", "50.99"), None),
        (("sell", "51.00"), ("buy", None), "opposite side limit order exists"),
        (("buy", "50.90"), ("sell", "50.90"), "opposite side limit order exists"),
        (("buy", "50.90"), ("sell", "50.91"), None),
        (("sell", None), ("buy", "40.00"), "opposite side market/stop order exists"),
    ],
)
def test_wash_trades(
    exchange: VirtualExchange,
    resting: tuple[str, str | None],
    new: tuple[str, str | None],
    reason: str | None,
) -> None:
    exchange.hold("TQQQ", "10")
    other = exchange.order("TQQQ", resting[0], "5", resting[1])
    reply = exchange.send("POST", "/v2/orders", order_body("TQQQ", new[0], "5", new[1]))
    if reason is None:
        assert reply.status == 200
        return
    assert (reply.status, reply.body) == (
        403,
        {
            "code": 40310000,
            "message": "potential wash trade detected. use complex orders",
            "existing_order_id": other["id"],
            "reject_reason": reason,
        },
    )


def test_no_short_against_an_open_buy_and_no_buy_against_an_open_short(exchange: VirtualExchange) -> None:
    exchange.order("TQQQ", "buy", "5", "50.90")
    message = exchange.refused("TQQQ", "sell", "5", "51.00").body["message"]
    assert message == "cannot open a short sell while a long buy order is open"
    exchange.order("SQQQ", "sell", "5", "51.00")
    message = exchange.refused("SQQQ", "buy", "5", "50.00").body["message"]
    assert message == "cannot open a long buy while a short sell order is open"


def test_an_order_of_a_retry_is_a_duplicate_before_it_is_anything_else(exchange: VirtualExchange) -> None:
    exchange.hold("TQQQ", "10")
    exchange.order("TQQQ", "sell", "10", "60", client_order_id="exit")
    reply = exchange.refused("TQQQ", "sell", "10", "60", client_order_id="exit")
    assert reply.body["message"] == "client_order_id must be unique"


@pytest.mark.parametrize(
    ("asset", "order", "status", "message"),
    [
        ({"tradable": False}, ("buy", "1"), 422, 'asset "TQQQ" is not tradable'),
        ({"status": "inactive"}, ("buy", "1"), 422, 'asset "TQQQ" is not active'),
        ({"fractionable": False}, ("buy", "0.5"), 403, 'asset "TQQQ" is not fractionable'),
        ({"shortable": False}, ("sell", "1"), 422, 'asset "TQQQ" cannot be sold short'),
        ({"easy_to_borrow": False}, ("sell", "1"), 422, 'asset "TQQQ" cannot be sold short'),
        ({}, ("sell", "0.5"), 422, "fractional orders cannot be sold short"),
    ],
)
def test_asset_rules(
    exchange: VirtualExchange, asset: dict[str, Any], order: tuple[str, str], status: int, message: str
) -> None:
    exchange.control("PUT", "assets/TQQQ", asset)
    reply = exchange.refused("TQQQ", *order)
    assert (reply.status, reply.body["message"]) == (status, message)


@pytest.mark.parametrize(
    ("account", "side"),
    [
        ({"trading_blocked": True}, "buy"),
        ({"account_blocked": True}, "buy"),
        ({"trade_suspended_by_user": True}, "buy"),
        ({"shorting_enabled": False}, "sell"),
        ({"cash": "1999"}, "sell"),
    ],
)
def test_account_rules(exchange: VirtualExchange, account: dict[str, Any], side: str) -> None:
    exchange.control("PUT", "account", account)
    reply = exchange.refused("TQQQ", side, "1")
    assert (reply.status, reply.body["code"]) == (403, 40310000)


def test_fractions_need_the_account_to_allow_them(exchange: VirtualExchange) -> None:
    exchange.control("PUT", "account", {"fractional_trading": False})
    assert exchange.refused("TQQQ", "buy", "0.5").body["message"] == ("fractional trading is disabled for this account")


def test_an_asset_may_be_named_by_its_id(exchange: VirtualExchange) -> None:
    asset = exchange.ok("GET", "/v2/assets/tqqq")
    assert "overnight_tradable" in asset["attributes"]
    order = exchange.order(asset["id"], "buy", "10", "50.90")
    assert (order["symbol"], order["asset_id"]) == ("TQQQ", asset["id"])
    exchange.hold("TQQQ", "10")
    assert exchange.ok("GET", f"/v2/positions/{asset['id']}") == exchange.ok("GET", "/v2/positions/TQQQ")


SMALL = {"code": 40310000, "message": "cost basis must be >= minimal amount of order 1"}


@pytest.mark.parametrize(
    ("side", "qty", "limit", "taken"),
    [
        ("buy", "0.001", None, False),
        ("buy", "0.02", None, True),
        ("buy", "0.019", "52.63", False),
        ("buy", "0.02", "50", True),
        ("buy", "1", "0.99", False),
        ("buy", "2", "0.5", True),
        ("sell", "0.01", None, False),
        ("sell", "0.02", None, True),
    ],
)
def test_an_order_costs_a_dollar_at_least(
    exchange: VirtualExchange, side: str, qty: str, limit: str | None, taken: bool
) -> None:
    # Seen in answers to live and paper buys in public code, 2026-08.
    exchange.hold("TQQQ", "1" if side == "sell" else "0")
    reply = exchange.send("POST", "/v2/orders", order_body("TQQQ", side, qty, limit))
    assert (reply.status == 200) is taken
    if not taken:
        assert (reply.status, reply.body) == (403, SMALL)


def test_sells_may_be_spared_the_minimum(exchange: VirtualExchange) -> None:
    exchange.hold("TQQQ", "1")
    exchange.control("PUT", "settings", {"min_cost_of_sells": False})
    exchange.order("TQQQ", "sell", "0.01")
    assert exchange.refused("TQQQ", "buy", "0.01", "50").status == 403


def test_the_minimum_may_be_another(exchange: VirtualExchange) -> None:
    exchange.control("PUT", "settings", {"min_order_cost": 0})
    exchange.order("TQQQ", "buy", "0.001")
    exchange.control("PUT", "settings", {"min_order_cost": 10})
    assert exchange.refused("TQQQ", "buy", "0.1").body["message"] == SMALL["message"] + "0"


def test_notional_amounts_are_cents(exchange: VirtualExchange) -> None:
    reply = exchange.refused("TQQQ", "buy", None, notional="100.123")
    message = "notional value must be limited to 2 decimal places"
    assert (reply.status, reply.body) == (422, {"code": 42210000, "message": message})
    exchange.order("TQQQ", "buy", None, notional="100.12")
