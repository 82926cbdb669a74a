"""Matching: what fills, at what price, for how much, and when."""

from __future__ import annotations

import pytest

from tests.unit.exchange.virtual import VirtualExchange


def test_marketable_limit_fills_at_the_far_touch_after_both_latencies(exchange: VirtualExchange) -> None:
    order = exchange.order("TQQQ", "buy", "10", "50.99")
    assert order["status"] == "pending_new"
    exchange.advance("0.019999999")
    assert exchange.read(order)["status"] == "pending_new"
    exchange.advance("0.000000001")
    assert exchange.read(order)["status"] == "new"
    exchange.advance("0.049999999")
    assert exchange.read(order)["status"] == "new"
    exchange.advance("0.000000001")
    filled = exchange.read(order)
    assert (filled["status"], filled["filled_qty"], filled["filled_avg_price"]) == ("filled", "10", "50.98")
    assert exchange.events(order) == ["accepted", "new", "filled"]


def test_events_happen_at_their_own_time_however_late_anybody_looks(exchange: VirtualExchange) -> None:
    order = exchange.order("TQQQ", "buy", "10", "50.99")
    exchange.advance(30)
    assert exchange.read(order)["filled_at"] == "2026-11-20T15:00:00.070000000Z"


def test_latencies_are_settings() -> None:
    exchange = VirtualExchange()
    exchange.control("PUT", "settings", {"ack_ms": 0, "fill_ms": "0"})
    exchange.quote("TQQQ", "50.95", "50.98")
    assert exchange.read(exchange.order("TQQQ", "sell", "10", "50.94"))["filled_avg_price"] == "50.95"


def test_limit_takes_the_displayed_size_and_rests_with_the_remainder(exchange: VirtualExchange) -> None:
    order = exchange.order("TQQQ", "buy", "500", "50.99")
    exchange.advance(20)
    assert exchange.read(order)["status"] == "partially_filled"
    assert exchange.fills(order) == [("300", "50.98")]
    exchange.quote("TQQQ", "50.96", "50.99", 300, 300)
    assert exchange.fills(order) == [("300", "50.98"), ("200", "50.99")]
    assert exchange.read(order)["filled_avg_price"] == "50.984"


def test_restamping_gives_no_size_back_but_the_same_quote_put_again_does(exchange: VirtualExchange) -> None:
    exchange.order("TQQQ", "buy", "300", "50.99")
    exchange.advance(5)
    second = exchange.order("TQQQ", "buy", "100", "50.99")
    exchange.advance(5)
    assert exchange.fills(second) == []
    exchange.quote("TQQQ", "50.95", "50.98", 300, 300)
    assert exchange.fills(second) == [("100", "50.98")]


def test_resting_limit_fills_when_the_touch_reaches_it(exchange: VirtualExchange) -> None:
    order = exchange.order("TQQQ", "buy", "10", "50.90")
    exchange.advance(1)
    exchange.quote("TQQQ", "50.88", "50.91")
    assert exchange.fills(order) == []
    exchange.quote("TQQQ", "50.87", "50.90")
    assert exchange.fills(order) == [("10", "50.9")]


def test_a_quote_that_leaves_before_the_order_arrives_is_missed(exchange: VirtualExchange) -> None:
    order = exchange.order("TQQQ", "buy", "10", "50.99")
    exchange.advance("0.060")
    exchange.quote("TQQQ", "51.05", "51.08")
    exchange.advance(1)
    assert exchange.read(order)["status"] == "new"


def test_market_order_takes_the_rest_as_size_returns_each_second(exchange: VirtualExchange) -> None:
    order = exchange.order("TQQQ", "buy", "700")
    exchange.advance("0.070")
    assert exchange.fills(order) == [("300", "50.98")]
    exchange.advance("0.999999999")
    assert len(exchange.fills(order)) == 1
    exchange.advance("0.000000001")
    assert exchange.fills(order) == [("300", "50.98")] * 2
    exchange.advance(1)
    assert exchange.fills(order)[-1] == ("100", "50.98")
    assert exchange.read(order)["status"] == "filled"


def test_market_order_takes_the_rest_at_the_next_quote(exchange: VirtualExchange) -> None:
    order = exchange.order("TQQQ", "sell", "400")
    exchange.advance("0.070")
    exchange.quote("TQQQ", "50.90", "50.93", 300, 300)
    assert exchange.fills(order) == [("300", "50.95"), ("100", "50.9")]


def test_a_quote_starts_the_second_anew(exchange: VirtualExchange) -> None:
    order = exchange.order("TQQQ", "buy", "900")
    exchange.advance("0.570")
    exchange.quote("TQQQ", "50.95", "50.98", 300, 300)
    exchange.advance("0.999")
    assert len(exchange.fills(order)) == 2
    exchange.advance("0.001")
    assert exchange.read(order)["status"] == "filled"


def test_size_that_returns_is_for_market_orders_only(exchange: VirtualExchange) -> None:
    market = exchange.order("TQQQ", "buy", "600")
    exchange.advance("0.070")
    limit = exchange.order("TQQQ", "buy", "100", "50.99")
    exchange.advance(5)
    assert exchange.read(market)["status"] == "filled"
    assert exchange.fills(limit) == []


def test_better_price_then_older_order_goes_first(exchange: VirtualExchange) -> None:
    low = exchange.order("TQQQ", "buy", "100", "50.90")
    high = exchange.order("TQQQ", "buy", "100", "50.92")
    later = exchange.order("TQQQ", "buy", "100", "50.92")
    exchange.advance(1)
    exchange.quote("TQQQ", "50.86", "50.89", 300, 150)
    assert exchange.fills(high) == [("100", "50.89")]
    assert exchange.fills(later) == [("50", "50.89")]
    assert exchange.fills(low) == []


def test_an_empty_side_fills_nothing(exchange: VirtualExchange) -> None:
    exchange.quote("TQQQ", "50.95", "0", 300, 0)
    order = exchange.order("TQQQ", "buy", "10")
    exchange.advance(10)
    assert exchange.read(order)["status"] == "new"
    exchange.quote("TQQQ", "50.95", "50.98")
    assert exchange.fills(order) == [("10", "50.98")]


def test_whole_share_orders_fill_in_whole_shares(exchange: VirtualExchange) -> None:
    fraction = exchange.order("TQQQ", "buy", "299.5")
    exchange.advance(1)
    whole = exchange.order("TQQQ", "buy", "10", "50.99")
    exchange.advance(1)
    assert exchange.fills(fraction) == [("299.5", "50.98")]
    assert exchange.fills(whole) == []


def test_notional_order_buys_what_the_money_is_worth(exchange: VirtualExchange) -> None:
    order = exchange.order("TQQQ", "buy", None, notional="1000")
    exchange.advance(1)
    filled = exchange.read(order)
    assert (filled["qty"], filled["notional"], filled["status"]) == (None, "1000", "filled")
    assert filled["filled_qty"] == "19.615535504"


def test_random_partial_fills_are_repeatable_and_end() -> None:
    def run() -> list[tuple[str, str]]:
        exchange = VirtualExchange()
        exchange.control("PUT", "settings", {"partial_fill_probability": "0.9", "seed": 42})
        exchange.quote("TQQQ", "50.95", "50.98")
        order = exchange.order("TQQQ", "buy", "100", "50.99")
        exchange.advance(300)
        assert exchange.read(order)["status"] == "filled"
        return exchange.fills(order)

    assert len(run()) > 1
    assert run() == run()


def test_nothing_trades_while_the_symbol_is_halted(exchange: VirtualExchange) -> None:
    exchange.control("POST", "script", {"events": [{"symbol": "TQQQ", "halt": True}]})
    order = exchange.order("TQQQ", "buy", "10", "50.99")
    exchange.advance(5)
    assert exchange.fills(order) == []
    exchange.control("POST", "script", {"events": [{"symbol": "TQQQ", "halt": False}]})
    assert exchange.fills(order) == [("10", "50.98")]


@pytest.mark.parametrize(("side", "inside", "beyond"), [("buy", "53.53", "53.54"), ("sell", "48.40", "48.39")])
def test_a_market_order_trades_at_most_five_percent_from_the_touch_it_was_sent_at(
    exchange: VirtualExchange, side: str, inside: str, beyond: str
) -> None:
    def quote(touch: str) -> None:
        exchange.quote("TQQQ", *((touch, "60") if side == "sell" else ("40", touch)))

    exchange.hold("TQQQ", "10")
    order = exchange.order("TQQQ", side, "10")
    exchange.advance("0.02")
    quote(beyond)
    exchange.advance(10)
    assert (exchange.read(order)["status"], exchange.fills(order)) == ("new", [])
    assert exchange.journal("order")[-1]["collar"] == ("48.4" if side == "sell" else "53.53")
    quote(inside)
    assert exchange.fills(order) == [("10", inside.rstrip("0"))]


def test_the_collar_is_a_setting(exchange: VirtualExchange) -> None:
    exchange.control("PUT", "settings", {"market_collar_percent": 0})
    order = exchange.order("TQQQ", "buy", "10")
    exchange.advance("0.02")
    exchange.quote("TQQQ", "59.95", "59.98")
    exchange.advance(1)
    assert exchange.fills(order) == [("10", "59.98")]


def test_a_queued_market_order_is_measured_at_the_open() -> None:
    exchange = VirtualExchange("2026-11-19T17:00:00-05:00")
    exchange.quote("TQQQ", "50.95", "50.98")
    order = exchange.order("TQQQ", "buy", "10")
    exchange.advance_to("2026-11-20T09:29:00-05:00")
    exchange.quote("TQQQ", "59.95", "59.98")
    exchange.advance_to("2026-11-20T09:30:01-05:00")
    assert exchange.fills(order) == [("10", "59.98")]
