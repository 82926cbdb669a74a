"""The typed models of alpaca-py for stops, order classes, replacements and the market's past."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from alpaca.common.exceptions import APIError
from alpaca.data.historical import StockHistoricalDataClient
from alpaca.data.requests import (
    StockBarsRequest,
    StockLatestBarRequest,
    StockLatestQuoteRequest,
    StockQuotesRequest,
    StockTradesRequest,
)
from alpaca.data.timeframe import TimeFrame
from alpaca.trading.client import TradingClient
from alpaca.trading.enums import OrderClass, OrderSide, OrderStatus, OrderType, PositionIntent, TimeInForce
from alpaca.trading.models import AccountConfiguration, Order
from alpaca.trading.requests import (
    GetOrderByIdRequest,
    GetOrdersRequest,
    GetPortfolioHistoryRequest,
    LimitOrderRequest,
    MarketOrderRequest,
    ReplaceOrderRequest,
    StopLimitOrderRequest,
    StopLossRequest,
    StopOrderRequest,
    TakeProfitRequest,
    TrailingStopOrderRequest,
)

from desk.exchange.client import ExchangeControl

EXITS: dict[str, Any] = {
    "take_profit": TakeProfitRequest(limit_price=55),
    "stop_loss": StopLossRequest(stop_price=49),
}
SELL: dict[str, Any] = {
    "symbol": "TQQQ",
    "qty": 10,
    "side": OrderSide.SELL,
    "time_in_force": TimeInForce.GTC,
}


def send(trading: TradingClient, request: Any) -> Order:
    order = trading.submit_order(request)
    assert isinstance(order, Order)
    return order


def until(control: ExchangeControl, order: Order, event: str) -> None:
    control.wait_for(lambda e: e.get("event") == event and e["order_id"] == str(order.id), 60)


def read(trading: TradingClient, order: Order) -> Order:
    found = trading.get_order_by_id(order.id, GetOrderByIdRequest(nested=True))
    assert isinstance(found, Order)
    return found


def test_a_bracket_from_entry_to_stop(trading: TradingClient, control: ExchangeControl) -> None:
    request = MarketOrderRequest(
        **{**SELL, "side": OrderSide.BUY, "time_in_force": TimeInForce.DAY}, order_class=OrderClass.BRACKET, **EXITS
    )
    entry = send(trading, request)
    assert entry.order_class is OrderClass.BRACKET
    assert entry.legs is not None
    target, stop = entry.legs
    assert [(leg.type, leg.status) for leg in entry.legs] == [
        (OrderType.LIMIT, OrderStatus.HELD),
        (OrderType.STOP, OrderStatus.HELD),
    ]
    until(control, target, "new")
    control.quote("TQQQ", "48.90", "48.93")
    until(control, stop, "filled")
    legs = read(trading, entry).legs
    assert legs is not None
    assert [leg.status for leg in legs] == [OrderStatus.CANCELED, OrderStatus.FILLED]
    assert trading.get_all_positions() == []


def test_an_oco_that_protects_a_position(trading: TradingClient, control: ExchangeControl) -> None:
    request = LimitOrderRequest(**SELL, order_class=OrderClass.OCO, **EXITS)
    with pytest.raises(APIError) as caught:
        trading.submit_order(request)
    assert (caught.value.status_code, caught.value.message) == (422, "oco orders must be exit orders")
    control.position("TQQQ", 10, "50")
    order = send(trading, request)
    until(control, order, "new")
    (parent,) = trading.get_orders(GetOrdersRequest(nested=True))
    assert parent.position_intent is PositionIntent.SELL_TO_CLOSE
    assert [leg.status for leg in parent.legs] == [OrderStatus.HELD]
    with pytest.raises(APIError) as caught:
        trading.close_position("TQQQ")
    assert "insufficient qty available" in caught.value.message
    trading.cancel_order_by_id(parent.legs[0].id)
    until(control, order, "canceled")
    assert trading.get_open_position("TQQQ").qty_available == "10"


def test_stops_and_trailing_stops(trading: TradingClient, control: ExchangeControl) -> None:
    control.position("TQQQ", 30, "50")
    stop = send(trading, StopOrderRequest(**SELL, stop_price=49))
    limit = send(trading, StopLimitOrderRequest(**SELL, stop_price=48, limit_price=47.5))
    trail = send(trading, TrailingStopOrderRequest(**SELL, trail_percent=10))
    assert (stop.stop_price, limit.limit_price, trail.hwm, trail.stop_price) == ("49", "47.5", "50.95", "45.86")
    with pytest.raises(APIError) as caught:
        trading.submit_order(StopOrderRequest(**SELL, stop_price=52))
    assert caught.value.message == "stop price must be less than current price"


def test_a_replacement_and_its_chain(trading: TradingClient, control: ExchangeControl) -> None:
    request = LimitOrderRequest(**{**SELL, "side": OrderSide.BUY}, limit_price=50, client_order_id="mine")
    old = send(trading, request)
    until(control, old, "new")
    new = trading.replace_order_by_id(old.id, ReplaceOrderRequest(qty=12, limit_price=50.5))
    assert isinstance(new, Order)
    until(control, new, "new")
    before = trading.get_order_by_client_id("mine")
    assert isinstance(before, Order)
    assert (before.status, before.replaced_by, new.replaces) == (OrderStatus.REPLACED, new.id, old.id)
    with pytest.raises(APIError) as caught:
        trading.replace_order_by_id(old.id, ReplaceOrderRequest(qty=13))
    assert caught.value.message == "order already replaced"


def test_account_configuration_and_history(trading: TradingClient) -> None:
    configuration = trading.get_account_configurations()
    assert isinstance(configuration, AccountConfiguration)
    configuration.suspend_trade = True
    assert trading.set_account_configurations(configuration).suspend_trade
    with pytest.raises(APIError) as caught:
        trading.submit_order(LimitOrderRequest(**{**SELL, "side": OrderSide.BUY}, limit_price=50))
    assert caught.value.status_code == 403
    assert trading.get_portfolio_history(GetPortfolioHistoryRequest()).equity == [100_000, 100_000]


def test_the_past(market_data: StockHistoricalDataClient, control: ExchangeControl) -> None:
    control.quote("TQQQ", "51.95", "51.97")
    control.quote("AAPL", "199.98", "200.02")
    span: dict[str, Any] = {
        "symbol_or_symbols": ["TQQQ", "AAPL"],
        "start": datetime(2026, 11, 20, tzinfo=UTC),
        "end": datetime(2026, 11, 21, tzinfo=UTC),
    }
    quotes = market_data.get_stock_quotes(StockQuotesRequest(**span))
    assert [quote.bid_price for quote in quotes["TQQQ"]] == [50.95, 51.95]
    trades = market_data.get_stock_trades(StockTradesRequest(**span, limit=2))
    assert [(t.symbol, t.price) for symbol in trades.data for t in trades[symbol]] == [("AAPL", 200), ("TQQQ", 50.96)]
    bars = market_data.get_stock_bars(StockBarsRequest(**span, timeframe=TimeFrame.Minute))
    assert [(bar.open, bar.close, bar.trade_count) for bar in bars["TQQQ"]] == [(50.96, 51.96, 2)]
    assert market_data.get_stock_latest_bar(StockLatestBarRequest(symbol_or_symbols="AAPL"))["AAPL"].close == 200


def test_a_plan_without_the_consolidated_tape(market_data: StockHistoricalDataClient, control: ExchangeControl) -> None:
    control.settings(subscription="iex")
    with pytest.raises(APIError) as caught:
        market_data.get_stock_latest_quote(StockLatestQuoteRequest(symbol_or_symbols="TQQQ", feed="sip"))
    assert caught.value.status_code == 403
    assert "recent SIP data" in caught.value.message


def test_one_leg_of_an_oco_ends_alone(trading: TradingClient, control: ExchangeControl) -> None:
    control.position("TQQQ", 10, "50")
    order = send(trading, LimitOrderRequest(**SELL, order_class=OrderClass.OCO, **EXITS))
    until(control, order, "new")
    ended = control.end_leg("stop_loss", "rejected", order_id=str(order.id))
    found = read(trading, order)
    assert found.legs is not None
    assert (found.status, found.legs[0].status) == (OrderStatus.NEW, OrderStatus.REJECTED)
    assert str(found.legs[0].id) == ended["id"]
