"""The market data websocket, with the real StockDataStream and by hand."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import Any

import aiohttp
from alpaca.data.live import StockDataStream

from desk.exchange.client import ExchangeControl
from tests.integration.exchange.streams import Heard, running

LOGIN = {"action": "auth", "key": "key", "secret": "secret"}


def test_the_sdk_hears_quotes_trades_and_halts(url: str, control: ExchangeControl) -> None:
    stream = StockDataStream("key", "secret", url_override=f"{url.replace('http', 'ws')}/v2/sip")
    quotes, trades, statuses = Heard(), Heard(), Heard()
    stream.subscribe_quotes(quotes.note, "TQQQ")
    stream.subscribe_trades(trades.note, "*")
    stream.subscribe_trading_statuses(statuses.note, "TQQQ")
    with running(stream, lambda: control.quote("TQQQ", "50.95", "50.98")):
        # The quote that holds is told every second.
        first = quotes.until(lambda heard: len(heard) > 0)[0]
        assert (first.symbol, first.bid_price, first.ask_price, first.ask_size) == ("TQQQ", 50.95, 50.98, 300)
        control.quote("AAPL", "199.98", "200.02")
        trade = trades.until(lambda heard: any(t.symbol == "AAPL" for t in heard))[-1]
        assert (trade.price, trade.timestamp.tzinfo is not None) == (200, True)
        control.script({"symbol": "TQQQ", "halt": True})
        (status,) = statuses.until(lambda heard: len(heard) == 1)
        assert (status.symbol, status.status_code) == ("TQQQ", "H")


def test_bars_at_the_end_of_the_minute(url: str, control: ExchangeControl) -> None:
    stream = StockDataStream("key", "secret", url_override=f"{url.replace('http', 'ws')}/v2/iex")
    bars, quotes = Heard(), Heard()
    stream.subscribe_bars(bars.note, "TQQQ")
    stream.subscribe_quotes(quotes.note, "TQQQ")
    with running(stream, lambda: control.quote("TQQQ", "50.95", "50.98")):
        quotes.until(lambda heard: len(heard) > 0)
        control.set_clock(paused=True)
        control.advance(60)
        (bar,) = bars.until(lambda heard: len(heard) == 1)
        assert (bar.open, bar.close, bar.trade_count) == (50.96, 50.96, 1)
        control.set_clock(paused=False)


def test_the_day_every_minute_and_the_minute_once_more(url: str, control: ExchangeControl) -> None:
    stream = StockDataStream("key", "secret", url_override=f"{url.replace('http', 'ws')}/v2/sip")
    days, again, quotes = Heard(), Heard(), Heard()
    stream.subscribe_daily_bars(days.note, "TQQQ")
    stream.subscribe_updated_bars(again.note, "*")
    stream.subscribe_quotes(quotes.note, "TQQQ")
    with running(stream, lambda: control.quote("TQQQ", "50.95", "50.98")):
        quotes.until(lambda heard: len(heard) > 0)
        control.set_clock(paused=True)
        control.advance(95)
        (day,), (minute,) = days.until(lambda heard: len(heard) == 1), again.until(lambda heard: len(heard) == 1)
        assert (day.timestamp.hour, day.close, day.volume) == (5, 50.96, 1)
        assert (minute.timestamp.hour, minute.timestamp.minute, minute.close) == (15, 0, 50.96)
        control.set_clock(paused=False)


def test_json_for_clients_that_do_not_ask_for_messagepack(url: str, control: ExchangeControl) -> None:
    async def talk() -> list[Any]:
        heard: list[Any] = []

        async def hear(socket: aiohttp.ClientWebSocketResponse) -> None:
            heard.extend(json.loads((await socket.receive(timeout=60)).data))

        async with aiohttp.ClientSession() as session, session.ws_connect(f"{url}/v2/sip") as socket:
            await hear(socket)
            for command in ("{", json.dumps(LOGIN), json.dumps({"action": "subscribe", "quotes": ["TQQQ"]})):
                await socket.send_str(command)
                await hear(socket)
            async with session.ws_connect(f"{url}/v2/sip") as second:
                await hear(second)
                await second.send_str(json.dumps(LOGIN))
                await hear(second)
                heard.append((await second.receive(timeout=60)).type)
            control.faults({"kind": "stream_close", "path": "/v2/sip", "count": 1})
            while (message := await socket.receive(timeout=60)).type is aiohttp.WSMsgType.TEXT:
                pass
            heard.append(message.type)
        return heard

    heard = asyncio.run(talk())
    first, unreadable, login, subscribed, again, refused, closed, cut = heard
    assert first == again == {"T": "success", "msg": "connected"}
    assert (unreadable["code"], login["msg"], subscribed["quotes"]) == (400, "authenticated", ["TQQQ"])
    assert (refused["code"], closed, cut) == (406, aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSE)


def test_a_plan_that_does_not_cover_the_feed_stops_the_sdk(url: str, control: ExchangeControl) -> None:
    control.settings(subscription="iex")
    stream = StockDataStream("key", "secret", url_override=f"{url.replace('http', 'ws')}/v2/sip")
    stream.subscribe_quotes(Heard().note, "TQQQ")
    thread = threading.Thread(target=stream.run, daemon=True)
    thread.start()
    thread.join(10)
    assert not thread.is_alive()
