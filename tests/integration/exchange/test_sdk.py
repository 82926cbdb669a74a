"""The real alpaca-py clients against the exchange over HTTP."""

from __future__ import annotations

from datetime import date, datetime
from uuid import uuid4

import pytest
from alpaca.common.exceptions import APIError
from alpaca.data.historical import StockHistoricalDataClient
from alpaca.data.requests import StockLatestQuoteRequest, StockLatestTradeRequest, StockSnapshotRequest
from alpaca.trading.client import TradingClient
from alpaca.trading.enums import AssetClass, OrderSide, OrderStatus, QueryOrderStatus, TimeInForce
from alpaca.trading.models import Order, Position
from alpaca.trading.requests import (
    ClosePositionRequest,
    GetAssetsRequest,
    GetCalendarRequest,
    GetOrdersRequest,
    LimitOrderRequest,
    MarketOrderRequest,
)

from desk.exchange.client import Entry, ExchangeControl


def buy(qty: float = 10, limit: float = 50.99, **more: object) -> LimitOrderRequest:
    return LimitOrderRequest(
        symbol="TQQQ", qty=qty, side=OrderSide.BUY, time_in_force=TimeInForce.DAY, limit_price=limit, **more
    )


def submit(trading: TradingClient, request: LimitOrderRequest | MarketOrderRequest) -> Order:
    order = trading.submit_order(request)
    assert isinstance(order, Order)
    return order


def until(control: ExchangeControl, order: Order, event: str) -> Entry:
    return control.wait_for(lambda e: e.get("event") == event and e["order_id"] == str(order.id), 60)


def test_an_order_from_submit_to_position(trading: TradingClient, control: ExchangeControl) -> None:
    order = submit(trading, buy(client_order_id="first"))
    assert order.status is OrderStatus.PENDING_NEW
    until(control, order, "filled")
    filled = trading.get_order_by_id(order.id)
    assert isinstance(filled, Order)
    assert (filled.status, filled.filled_qty, filled.filled_avg_price) == (OrderStatus.FILLED, "10", "50.98")
    assert trading.get_order_by_client_id("first") == filled
    (position,) = trading.get_all_positions()
    assert (position.symbol, position.qty, position.qty_available) == ("TQQQ", "10", "10")
    assert trading.get_open_position("TQQQ") == position
    assert trading.get_account().cash == "99490.2"


def test_cancel_and_lists(trading: TradingClient, control: ExchangeControl) -> None:
    orders = [submit(trading, buy(limit=price)) for price in (50.90, 50.91)]
    trading.cancel_order_by_id(orders[0].id)
    until(control, orders[0], "canceled")
    (left,) = trading.get_orders(GetOrdersRequest(status=QueryOrderStatus.OPEN, nested=True, symbols=["TQQQ"]))
    assert left.id == orders[1].id
    (answer,) = trading.cancel_orders()
    assert (answer.id, answer.status) == (orders[1].id, 200)
    until(control, orders[1], "canceled")
    closed = trading.get_orders(GetOrdersRequest(status=QueryOrderStatus.CLOSED, limit=500))
    assert [order.status for order in closed] == [OrderStatus.CANCELED] * 2


def test_notional_market_order_and_close(trading: TradingClient, control: ExchangeControl) -> None:
    request = MarketOrderRequest(symbol="TQQQ", notional=100, side=OrderSide.BUY, time_in_force=TimeInForce.DAY)
    until(control, submit(trading, request), "filled")
    position = trading.get_open_position("TQQQ")
    assert position.qty == "1.961553550"[:-1]
    half = trading.close_position("TQQQ", ClosePositionRequest(percentage="50"))
    until(control, half, "filled")
    (rest,) = trading.close_all_positions(cancel_orders=True)
    assert rest.status == 200
    control.wait_for(lambda e: e["type"] == "fill" and e["order_id"] == str(rest.body.id), 60)
    assert trading.get_all_positions() == []


def test_errors_reach_the_sdk_with_code_and_message(trading: TradingClient) -> None:
    submit(trading, buy(client_order_id="once"))
    for request, status, code, message in (
        (buy(client_order_id="once"), 422, 40010001, "client_order_id must be unique"),
        (buy(qty=1e6), 403, 40310000, "insufficient buying power"),
        (buy(limit=50.999), 422, 42210000, "invalid limit_price 50.999. sub-penny increment"),
    ):
        with pytest.raises(APIError) as caught:
            trading.submit_order(request)
        assert (caught.value.status_code, caught.value.code) == (status, code)
        assert message in caught.value.message
    with pytest.raises(APIError) as caught:
        trading.get_order_by_id(uuid4())
    assert (caught.value.status_code, caught.value.code) == (404, 40410000)


def test_market_data(market_data: StockHistoricalDataClient) -> None:
    symbols = ["TQQQ", "AAPL"]
    quotes = market_data.get_stock_latest_quote(StockLatestQuoteRequest(symbol_or_symbols=symbols, feed="sip"))
    assert quotes.keys() == {"TQQQ"}
    assert (quotes["TQQQ"].bid_price, quotes["TQQQ"].ask_price, quotes["TQQQ"].ask_size) == (50.95, 50.98, 300)
    trades = market_data.get_stock_latest_trade(StockLatestTradeRequest(symbol_or_symbols=symbols))
    assert trades["TQQQ"].price == 50.96
    snapshots = market_data.get_stock_snapshot(StockSnapshotRequest(symbol_or_symbols=symbols))
    assert snapshots["TQQQ"].latest_quote == quotes["TQQQ"]


def test_clock_calendar_assets(trading: TradingClient) -> None:
    clock = trading.get_clock()
    assert clock.is_open
    assert clock.next_close == datetime.fromisoformat("2026-11-20T16:00:00-05:00")
    days = trading.get_calendar(GetCalendarRequest(start=date(2026, 11, 26), end=date(2026, 11, 27)))
    assert [day.close for day in days] == [datetime(2026, 11, 27, 13)]
    assert trading.get_asset("TQQQ").fractionable
    assert "TQQQ" in {asset.symbol for asset in trading.get_all_assets(GetAssetsRequest(status="active"))}


def test_rate_limit(trading: TradingClient, control: ExchangeControl) -> None:
    control.settings(rate_limit=1)
    control.set_clock("2026-11-20T10:01:00-05:00", paused=True)
    trading.get_clock()
    with pytest.raises(APIError) as caught:
        trading.get_clock()
    assert caught.value.status_code == 429
    control.advance(60)
    trading.get_clock()


def test_one_position_may_be_read_differently_alone_and_in_the_list(
    trading: TradingClient, control: ExchangeControl
) -> None:
    control.position("TQQQ", 10, "50")
    control.asset("TQQQ", asset_class="crypto")
    control.faults(
        {"kind": "hide", "path": "/v2/positions/TQQQ", "count": 1},
        {"kind": "edit", "path": "/v2/positions/TQQQ", "body": {"qty": "4"}},
    )
    with pytest.raises(APIError) as refused:
        trading.get_open_position("TQQQ")
    assert (refused.value.status_code, refused.value.code) == (404, 40410000)
    alone, (listed,) = trading.get_open_position("TQQQ"), trading.get_all_positions()
    assert isinstance(alone, Position) and isinstance(listed, Position)
    assert (alone.qty, listed.qty, listed.asset_class) == ("4", "10", AssetClass.CRYPTO)
