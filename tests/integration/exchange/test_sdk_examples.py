"""What the documentation of alpaca-py shows, step by step; only the base URL differs."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from alpaca.data.historical import StockHistoricalDataClient
from alpaca.data.requests import (
    StockBarsRequest,
    StockLatestBarRequest,
    StockLatestQuoteRequest,
    StockLatestTradeRequest,
    StockSnapshotRequest,
)
from alpaca.data.timeframe import TimeFrame, TimeFrameUnit
from alpaca.trading.client import TradingClient
from alpaca.trading.enums import AssetClass, AssetStatus, OrderClass, OrderSide, OrderStatus, TimeInForce
from alpaca.trading.requests import (
    ClosePositionRequest,
    CreateWatchlistRequest,
    GetAssetsRequest,
    GetCalendarRequest,
    GetOrdersRequest,
    GetPortfolioHistoryRequest,
    LimitOrderRequest,
    MarketOrderRequest,
    ReplaceOrderRequest,
    StopLossRequest,
    TakeProfitRequest,
    TrailingStopOrderRequest,
    UpdateWatchlistRequest,
)

from desk.exchange.client import ExchangeControl


def done(control: ExchangeControl, order: Any, event: str = "filled") -> Any:
    return control.wait_for(lambda e: e.get("event") == event and e["order_id"] == str(order.id), 60)


def test_account_assets_and_calendar(trading: TradingClient) -> None:
    account = trading.get_account()
    assert (account.status, account.currency, account.trading_blocked) == ("ACTIVE", "USD", False)
    assert float(account.buying_power) == 200_000
    search = GetAssetsRequest(asset_class=AssetClass.US_EQUITY, status=AssetStatus.ACTIVE)
    assets = trading.get_all_assets(search)
    assert {asset.asset_class for asset in assets} == {AssetClass.US_EQUITY}
    assert all(trading.get_asset(asset.id) == asset for asset in assets[:3])
    days = trading.get_calendar(GetCalendarRequest(start="2026-12-21", end="2026-12-31"))
    assert len(days) == 8
    assert trading.get_clock().timestamp.date().isoformat() == "2026-11-20"


def test_market_limit_and_notional_orders(trading: TradingClient, control: ExchangeControl) -> None:
    control.quote("SPY", "599.98", "600.02")
    terms: dict[str, Any] = {"symbol": "SPY", "side": OrderSide.BUY, "time_in_force": TimeInForce.DAY}
    market = trading.submit_order(order_data=MarketOrderRequest(qty=0.023, **terms))
    limit = trading.submit_order(order_data=LimitOrderRequest(limit_price=600.1, notional=4000, **terms))
    for order in (market, limit):
        done(control, order)
    assert float(trading.get_open_position("SPY").qty) > 6.6
    history = trading.get_portfolio_history(GetPortfolioHistoryRequest(period="1D", timeframe="5Min"))
    assert len(history.equity) == len(history.timestamp)


def test_extended_hours(trading: TradingClient, control: ExchangeControl) -> None:
    control.set_clock("2026-11-20T08:00:00-05:00")
    control.quote("TQQQ", "50.95", "50.98")
    request = LimitOrderRequest(
        symbol="TQQQ", qty=1, side=OrderSide.BUY, time_in_force=TimeInForce.DAY, limit_price=51, extended_hours=True
    )
    done(control, trading.submit_order(request))


def test_bracket_oto_oco_and_trailing_stop(trading: TradingClient, control: ExchangeControl) -> None:
    entry = MarketOrderRequest(
        symbol="TQQQ",
        qty=5,
        side=OrderSide.BUY,
        time_in_force=TimeInForce.DAY,
        order_class=OrderClass.BRACKET,
        take_profit=TakeProfitRequest(limit_price=52),
        stop_loss=StopLossRequest(stop_price=49),
    )
    bracket = trading.submit_order(entry)
    done(control, bracket)
    one = trading.submit_order(
        LimitOrderRequest(
            symbol="TQQQ",
            qty=5,
            side=OrderSide.BUY,
            time_in_force=TimeInForce.DAY,
            limit_price=50.99,
            order_class=OrderClass.OTO,
            stop_loss=StopLossRequest(stop_price=48),
        )
    )
    done(control, one.legs[0], "new")
    control.quote("TQQQ", "52.00", "52.03")
    done(control, bracket.legs[0])
    trading.cancel_order_by_id(one.legs[0].id)
    done(control, one.legs[0], "canceled")
    oco = trading.submit_order(
        LimitOrderRequest(
            symbol="TQQQ",
            qty=2,
            side=OrderSide.SELL,
            time_in_force=TimeInForce.GTC,
            order_class=OrderClass.OCO,
            take_profit=TakeProfitRequest(limit_price=60),
            stop_loss=StopLossRequest(stop_price=50, limit_price=49.9),
        )
    )
    trail = trading.submit_order(
        TrailingStopOrderRequest(
            symbol="TQQQ", qty=3, side=OrderSide.SELL, time_in_force=TimeInForce.GTC, trail_price=1.00
        )
    )
    done(control, trail, "new")
    assert trail.hwm == "52"
    tighter = trading.replace_order_by_id(trail.id, ReplaceOrderRequest(trail=0.5))
    done(control, tighter, "new")
    still_open = trading.get_orders(filter=GetOrdersRequest(side=OrderSide.SELL, nested=True))
    assert {order.id for order in still_open} == {oco.id, tighter.id}
    assert {status.status for status in trading.cancel_orders()} == {200}
    for order in (oco, tighter):
        done(control, order, "canceled")


def test_positions(trading: TradingClient, control: ExchangeControl) -> None:
    control.quote("AAPL", "199.98", "200.02")
    control.position("AAPL", 10, "150")
    control.position("TQQQ", -4, "60")
    first, second = trading.get_all_positions()
    assert (first.symbol, first.side, first.unrealized_pl, first.unrealized_plpc) == ("AAPL", "long", "500", "0.333333")
    assert (second.symbol, second.side, second.qty, second.market_value) == ("TQQQ", "short", "-4", "-203.84")
    assert trading.get_open_position(first.asset_id) == first
    part = trading.close_position("AAPL", close_options=ClosePositionRequest(qty="3"))
    done(control, part)
    closed = trading.close_all_positions(cancel_orders=True)
    assert [item.status for item in closed] == [200, 200]
    assert {item.body.status for item in closed} == {OrderStatus.PENDING_NEW}
    for item in closed:
        done(control, item.body)
    assert trading.get_all_positions() == []


def test_market_data(market_data: StockHistoricalDataClient, control: ExchangeControl) -> None:
    control.quote("SPY", "599.98", "600.02")
    symbols = ["SPY", "TQQQ"]
    quotes = market_data.get_stock_latest_quote(StockLatestQuoteRequest(symbol_or_symbols=symbols))
    trades = market_data.get_stock_latest_trade(StockLatestTradeRequest(symbol_or_symbols=symbols))
    latest = market_data.get_stock_latest_bar(StockLatestBarRequest(symbol_or_symbols=symbols))
    snapshots = market_data.get_stock_snapshot(StockSnapshotRequest(symbol_or_symbols=symbols))
    assert quotes["SPY"].ask_price == 600.02
    assert trades["SPY"].price == latest["SPY"].close == snapshots["SPY"].daily_bar.close == 600
    for timeframe in (TimeFrame.Minute, TimeFrame(15, TimeFrameUnit.Minute), TimeFrame.Hour, TimeFrame.Day):
        request = StockBarsRequest(
            symbol_or_symbols=symbols, timeframe=timeframe, start=datetime(2026, 11, 1, tzinfo=UTC)
        )
        frame = market_data.get_stock_bars(request).df
        assert list(frame.loc["TQQQ"]["close"]) == [50.96]


def test_watchlists(trading: TradingClient) -> None:
    made = trading.create_watchlist(CreateWatchlistRequest(name="Mine", symbols=["TQQQ", "AAPL"]))
    assert trading.get_watchlists()[0].id == made.id
    trading.add_asset_to_watchlist_by_id(made.id, "SPY")
    trading.remove_asset_from_watchlist_by_id(made.id, "AAPL")
    trading.update_watchlist_by_id(made.id, UpdateWatchlistRequest(name="Ours"))
    read = trading.get_watchlist_by_id(made.id)
    assert (read.name, [asset.symbol for asset in read.assets or []]) == ("Ours", ["TQQQ", "SPY"])
    trading.delete_watchlist_by_id(made.id)
    assert trading.get_watchlists() == []


def test_the_configuration_takes_effect(trading: TradingClient) -> None:
    configuration = trading.get_account_configurations()
    changed = configuration.model_copy(update={"max_margin_multiplier": "1", "no_shorting": True})
    assert trading.set_account_configurations(changed) == changed == trading.get_account_configurations()
    account = trading.get_account()
    assert (account.multiplier, account.shorting_enabled, float(account.buying_power)) == ("1", False, 100_000)
