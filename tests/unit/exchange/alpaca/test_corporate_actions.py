"""Splits and stock dividends: the account, its orders, and what the market data tells of them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tests.unit.exchange.orders.test_groups import bracket, oco
from tests.unit.exchange.virtual import VirtualExchange

Terms = dict[str, Any]
SPLIT: Terms = {"symbol": "TQQQ", "type": "forward_split", "new_rate": 10, "old_rate": 1}
REVERSE: Terms = {"symbol": "TQQQ", "type": "reverse_split", "new_rate": 1, "old_rate": 10}


def act(exchange: VirtualExchange, terms: Terms, **more: Any) -> Terms:
    return dict(exchange.control("POST", "corporate_actions", terms | more))


def position(exchange: VirtualExchange) -> tuple[str, str, str]:
    found = exchange.ok("GET", "/v2/positions/TQQQ")
    return found["qty"], found["avg_entry_price"], found["cost_basis"]


def told(exchange: VirtualExchange, **query: Any) -> Terms:
    return dict(exchange.ok("GET", "/v1/corporate-actions", **query)["corporate_actions"])


@pytest.mark.parametrize(
    ("held", "price", "terms", "expected"),
    [
        ("10", "5348", SPLIT, ("100", "534.8", "53480")),
        ("10", "30", SPLIT | {"new_rate": 3, "old_rate": 2}, ("15", "20", "300")),
        ("5", "30", SPLIT | {"new_rate": 3, "old_rate": 2}, ("7.5", "20", "150")),
        ("-10", "5348", SPLIT, ("-100", "534.8", "-53480")),
        ("10", "534.8", REVERSE, ("1", "5348", "5348")),
        ("15", "534.8", REVERSE, ("1.5", "5348", "8022")),
        ("3", "10", REVERSE, ("0.3", "100", "30")),
        ("100", "21", {"symbol": "TQQQ", "type": "stock_dividend", "rate": "0.05"}, ("105", "20", "2100")),
    ],
)
def test_a_position_follows_at_the_same_cost(
    exchange: VirtualExchange, held: str, price: str, terms: Terms, expected: tuple[str, str, str]
) -> None:
    exchange.hold("TQQQ", held, price)
    assert act(exchange, terms)["position_qty"] == expected[0]
    assert position(exchange) == expected
    assert exchange.ok("GET", "/v2/account")["cash"] == "100000"


def test_a_fraction_may_be_paid_out(exchange: VirtualExchange) -> None:
    exchange.hold("TQQQ", "25", "50")
    act(exchange, REVERSE, cash_in_lieu="509.60")
    assert position(exchange) == ("2", "500", "1000")
    assert exchange.ok("GET", "/v2/account")["cash"] == "100254.8"


def test_less_than_a_share_may_be_paid_out_whole(exchange: VirtualExchange) -> None:
    exchange.hold("TQQQ", "3", "50")
    act(exchange, REVERSE, cash_in_lieu="500")
    assert exchange.ok("GET", "/v2/positions") == []
    assert exchange.ok("GET", "/v2/account")["cash"] == "100150"


def test_legs_follow_in_quantity_and_keep_their_prices(exchange: VirtualExchange) -> None:
    # Seen at Alpaca: github.com/alpacahq/alpaca-py issue 469. The stop is then reached by any price there is.
    target, stop = oco(exchange)
    act(exchange, SPLIT)
    assert [exchange.read(o)["qty"] for o in (target, stop)] == ["100", "100"]
    assert (exchange.read(target)["limit_price"], exchange.read(stop)["stop_price"]) == ("55", "49")
    assert exchange.ok("GET", "/v2/positions/TQQQ")["qty_available"] == "0"
    assert exchange.events(stop) == ["accepted", "restated"]
    exchange.quote("TQQQ", "5.09", "5.10")
    assert exchange.fills(stop) == [("100", "5.09")]
    assert exchange.ok("GET", "/v2/positions") == []


@pytest.mark.parametrize(
    ("orders", "expected"),
    [
        ("keep", ("10", "55", "49", "new")),
        ("quantity", ("100", "55", "49", "new")),
        ("rescale", ("100", "5.5", "4.9", "new")),
        ("cancel", ("10", "55", "49", "canceled")),
    ],
)
def test_what_becomes_of_orders(exchange: VirtualExchange, orders: str, expected: tuple[str, ...]) -> None:
    target, stop = oco(exchange)
    act(exchange, SPLIT, orders=orders)
    read, leg = exchange.read(target), exchange.read(stop)
    assert (read["qty"], read["limit_price"], leg["stop_price"], read["status"]) == expected
    assert position(exchange)[0] == "100"


def test_what_an_order_has_filled_stays_as_it_was(exchange: VirtualExchange) -> None:
    target, stop = oco(exchange)
    exchange.quote("TQQQ", "55.00", "55.03", 4, 4)
    act(exchange, SPLIT)
    assert [(o["qty"], o["filled_qty"]) for o in map(exchange.read, (target, stop))] == [("64", "4"), ("60", "0")]
    assert position(exchange)[0] == "60"


def test_an_entry_and_its_legs_follow_together(exchange: VirtualExchange) -> None:
    orders = bracket(exchange)
    act(exchange, SPLIT, orders="rescale")
    assert [(o["qty"], o["limit_price"], o["stop_price"]) for o in map(exchange.read, orders)] == [
        ("100", "5.09", None),
        ("100", "5.5", None),
        ("100", None, "4.9"),
    ]
    exchange.quote("TQQQ", "5.08", "5.09")
    exchange.advance(1)
    assert position(exchange)[:2] == ("100", "5.09")


def test_a_reverse_split_leaves_orders_whole_shares_or_nothing(exchange: VirtualExchange) -> None:
    exchange.hold("TQQQ", "30")
    order = exchange.order("TQQQ", "sell", "25", "60")
    small = exchange.order("TQQQ", "sell", "5", "60")
    act(exchange, REVERSE)
    assert [(exchange.read(o)["qty"], exchange.read(o)["status"]) for o in (order, small)] == [
        ("2", "pending_new"),
        ("5", "canceled"),
    ]


def test_a_trailing_stop_keeps_its_distance(exchange: VirtualExchange) -> None:
    exchange.hold("TQQQ", "10")
    order = exchange.order("TQQQ", "sell", "10", type="trailing_stop", trail_price="1", time_in_force="gtc")
    exchange.advance(1)
    act(exchange, SPLIT, orders="rescale")
    read = exchange.read(order)
    assert (read["qty"], read["trail_price"], read["hwm"], read["stop_price"]) == ("100", "0.1", "5.095", "5")


def test_the_journal_tells_it(exchange: VirtualExchange) -> None:
    exchange.hold("TQQQ", "10")
    act(exchange, SPLIT)
    (entry,) = exchange.journal("corporate_action")
    del entry["seq"], entry["at"]
    assert entry == {
        "type": "corporate_action",
        "action": "forward_split",
        "symbol": "TQQQ",
        "new_rate": "10",
        "old_rate": "1",
        "position_qty": "100",
    }


# Shape and rules of GET /v1/corporate-actions: Alpaca's market data OpenAPI (alpaca-mcp-server 2.4.0).
def test_the_market_data_tells_what_was_announced(exchange: VirtualExchange) -> None:
    split = act(exchange, SPLIT, apply=False, payable_date="2026-11-19", record_date="2026-11-12")
    assert split.pop("position_qty") == "0"
    assert set(split) - {"id", "cusip"} == set(SPLIT) - {"type"} | {
        *("ex_date", "process_date", "payable_date", "record_date")
    }
    assert (split["new_rate"], split["ex_date"], split["process_date"]) == (10, "2026-11-20", "2026-11-20")
    reverse = act(exchange, REVERSE, symbol="SQQQ", apply=False, process_date="2026-11-23", ex_date="2026-11-23")
    assert reverse["old_cusip"] != reverse["new_cusip"]
    dividend = {"symbol": "SPY", "type": "stock_dividend", "rate": 0.05, "process_date": "2026-11-10"}
    assert act(exchange, dividend, apply=False)["rate"] == 0.05
    assert told(exchange) == {"forward_splits": [split]}
    month = {"start": "2026-11-01", "end": "2026-11-30"}
    assert {kind: [a["symbol"] for a in found] for kind, found in told(exchange, **month).items()} == {
        "stock_dividends": ["SPY"],
        "forward_splits": ["TQQQ"],
        "reverse_splits": ["SQQQ"],
    }
    assert set(told(exchange, **month, symbols="sqqq,SPY")) == {"reverse_splits", "stock_dividends"}
    assert set(told(exchange, **month, types="forward_split,cash_dividend")) == {"forward_splits"}
    assert (
        told(exchange, **month, cusips=split["cusip"]) == told(exchange, ids=split["id"]) == {"forward_splits": [split]}
    )
    assert told(exchange, symbols="SQQQ", end="2026-11-22") == {}
    exchange.control("POST", "reset")
    assert told(exchange, **month) == {}


def test_the_market_data_may_not_know_it_yet(exchange: VirtualExchange) -> None:
    exchange.hold("TQQQ", "10")
    act(exchange, SPLIT, announce=False)
    assert (position(exchange)[0], told(exchange, symbols="TQQQ")) == ("100", {})
    act(exchange, SPLIT, apply=False)
    assert (position(exchange)[0], len(told(exchange, symbols="TQQQ")["forward_splits"])) == ("100", 1)


def test_pages(exchange: VirtualExchange) -> None:
    for day in (20, 18, 19):
        act(exchange, SPLIT, apply=False, process_date=f"2026-11-{day}")
    query = {"start": "2026-11-01", "end": "2026-11-30", "limit": 2}
    first = exchange.ok("GET", "/v1/corporate-actions", **query)
    second = exchange.ok("GET", "/v1/corporate-actions", **query, page_token=first["next_page_token"])
    days = [a["process_date"][-2:] for page in (first, second) for a in page["corporate_actions"]["forward_splits"]]
    assert (days, second["next_page_token"]) == (["18", "19", "20"], None)


@pytest.mark.parametrize(
    "query", [{"types": "magic"}, {"start": "soon"}, {"limit": "0"}, {"page_token": "x"}, {"ids": "a", "symbols": "b"}]
)
def test_bad_questions(exchange: VirtualExchange, query: dict[str, str]) -> None:
    reply = exchange.send("GET", "/v1/corporate-actions", **query)
    assert (reply.status, reply.body["code"]) == (400, 40010001)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (SPLIT | {"type": "merger"}, "type"),
        (SPLIT | {"new_rate": 0}, "new_rate"),
        (SPLIT | {"new_rate": 1}, "new_rate"),
        (REVERSE | {"new_rate": 20}, "new_rate"),
        (SPLIT | {"rate": 5}, "unknown field"),
        ({"symbol": "TQQQ", "type": "stock_dividend"}, "rate"),
        (SPLIT | {"ex_date": "monday"}, "ex_date"),
        (SPLIT | {"orders": "burn"}, "orders"),
        (SPLIT | {"announce": False, "apply": False}, "apply"),
        (SPLIT | {"cash_in_lieu": -1}, "cash_in_lieu"),
        (SPLIT | {"symbol": ""}, "symbol"),
    ],
)
def test_a_bad_request_names_the_field(exchange: VirtualExchange, body: Terms, field: str) -> None:
    exchange.hold("TQQQ", "10")
    reply = exchange.send("POST", "/_exchange/corporate_actions", body)
    assert (reply.status, reply.body["error"].split(":")[0]) == (400, field)
    assert (position(exchange)[0], told(exchange)) == ("10", {})


def test_shares_and_orders_agree_after_a_ratio_that_leaves_fractions(exchange: VirtualExchange) -> None:
    target, _ = oco(exchange)
    act(exchange, SPLIT | {"new_rate": 7, "old_rate": 3})
    found = exchange.ok("GET", "/v2/positions/TQQQ")
    assert (found["qty"], exchange.read(target)["qty"]) == ("23.333333333", "23")
    assert Decimal(found["qty_available"]) == Decimal("0.333333333")
    assert Decimal(found["cost_basis"]) == 500
