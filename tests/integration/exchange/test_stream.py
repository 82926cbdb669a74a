"""trade_updates over the websocket."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import Any

import aiohttp
from alpaca.trading.client import TradingClient
from alpaca.trading.enums import OrderSide, TimeInForce
from alpaca.trading.models import TradeUpdate
from alpaca.trading.requests import LimitOrderRequest
from alpaca.trading.stream import TradingStream

from desk.exchange.client import ExchangeControl

LOGIN = {"action": "authenticate", "data": {"key_id": "key", "secret_key": "secret"}}
LISTEN = {"action": "listen", "data": {"streams": ["trade_updates"]}}


def buy(qty: int, limit: float) -> LimitOrderRequest:
    return LimitOrderRequest(
        symbol="TQQQ", qty=qty, side=OrderSide.BUY, time_in_force=TimeInForce.DAY, limit_price=limit
    )


def test_the_sdk_stream_hears_of_fills(url: str, trading: TradingClient, control: ExchangeControl) -> None:
    stream = TradingStream("key", "secret", url_override=f"{url.replace('http', 'ws')}/stream")
    updates: list[TradeUpdate] = []
    filled = threading.Event()

    async def note(update: TradeUpdate) -> None:
        updates.append(update)
        if update.event == "fill":
            filled.set()

    stream.subscribe_trade_updates(note)
    thread = threading.Thread(target=stream.run, daemon=True)
    thread.start()
    try:
        control.wait_for(lambda e: e["type"] == "listening", 10)
        trading.submit_order(buy(400, 50.99))
        control.wait_for(lambda e: e["type"] == "fill", 5)
        control.quote("TQQQ", "50.95", "50.99")
        assert filled.wait(5)
    finally:
        stream.stop()
        # The stream sees that it is to stop when a message wakes it.
        trading.submit_order(buy(1, 40.00))
        thread.join(10)
    assert [update.event for update in updates[:4]] == ["pending_new", "new", "partial_fill", "fill"]
    assert [(u.qty, u.price, u.position_qty) for u in updates[2:4]] == [(300, 50.98, 300), (100, 50.99, 400)]


def test_nothing_is_told_without_keys(url: str) -> None:
    async def talk() -> list[Any]:
        heard = []
        async with aiohttp.ClientSession() as session, session.ws_connect(f"{url}/stream") as socket:
            for message in (LISTEN, {"action": "authenticate", "data": {}}, LOGIN, LISTEN):
                await socket.send_str(json.dumps(message))
                heard.append(json.loads((await socket.receive(timeout=5)).data))
        return heard

    heard = asyncio.run(talk())
    assert [answer["data"].get("status") for answer in heard] == ["unauthorized", "unauthorized", "authorized", None]
    assert heard[3] == {"stream": "listening", "data": {"streams": ["trade_updates"]}}
