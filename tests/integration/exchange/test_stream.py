"""trade_updates over the websocket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import aiohttp
import pytest
from alpaca.trading.client import TradingClient
from alpaca.trading.enums import OrderSide, TimeInForce
from alpaca.trading.models import TradeUpdate
from alpaca.trading.requests import LimitOrderRequest, ReplaceOrderRequest
from alpaca.trading.stream import TradingStream

from desk.exchange.client import ExchangeControl
from tests.integration.exchange.streams import Heard, running

LOGIN = {"action": "authenticate", "data": {"key_id": "key", "secret_key": "secret"}}
LISTEN = {"action": "listen", "data": {"streams": ["trade_updates"]}}


def buy(qty: int, limit: float) -> LimitOrderRequest:
    return LimitOrderRequest(
        symbol="TQQQ", qty=qty, side=OrderSide.BUY, time_in_force=TimeInForce.DAY, limit_price=limit
    )


@pytest.fixture
def heard(url: str, trading: TradingClient, control: ExchangeControl) -> Iterator[Heard]:
    """The trade updates that the SDK's stream hears."""
    heard = Heard()
    stream = TradingStream("key", "secret", url_override=f"{url.replace('http', 'ws')}/stream")
    stream.subscribe_trade_updates(heard.note)
    with running(stream, lambda: trading.submit_order(buy(1, 40.00))):
        control.wait_for(lambda e: e["type"] == "listening", 60)
        yield heard


def events(updates: list[TradeUpdate], order_id: object) -> list[str]:
    return [str(update.event) for update in updates if update.order.id == order_id]


def test_the_sdk_stream_hears_of_fills(heard: Heard, trading: TradingClient, control: ExchangeControl) -> None:
    order = trading.submit_order(buy(400, 50.99))
    control.wait_for(lambda e: e["type"] == "fill", 60)
    control.quote("TQQQ", "50.95", "50.99")
    updates = heard.until(lambda items: "fill" in events(items, order.id))
    assert events(updates, order.id) == ["pending_new", "new", "partial_fill", "fill"]
    assert [(u.qty, u.price, u.position_qty) for u in updates[2:4]] == [(300, 50.98, 300), (100, 50.99, 400)]


def test_the_sdk_stream_hears_of_every_ending(heard: Heard, trading: TradingClient, control: ExchangeControl) -> None:
    replaced, canceled = trading.submit_order(buy(10, 40.00)), trading.submit_order(buy(10, 40.01))
    heard.until(lambda items: "new" in events(items, replaced.id) and "new" in events(items, canceled.id))
    new = trading.replace_order_by_id(replaced.id, ReplaceOrderRequest(limit_price=41.00))
    trading.cancel_order_by_id(canceled.id)
    heard.until(lambda items: "new" in events(items, new.id) and "canceled" in events(items, canceled.id))
    control.faults({"kind": "reject", "method": "POST", "path": "/v2/orders", "count": 1})
    rejected = trading.submit_order(buy(10, 40.02))
    heard.until(lambda items: "rejected" in events(items, rejected.id))
    control.set_clock("2026-11-20T16:00:00-05:00")
    updates = heard.until(lambda items: "expired" in events(items, new.id))
    assert events(updates, replaced.id) == ["pending_new", "new", "pending_replace", "replaced"]
    assert events(updates, new.id) == ["pending_new", "new", "expired"]
    assert events(updates, canceled.id) == ["pending_new", "new", "canceled"]
    assert events(updates, rejected.id) == ["pending_new", "rejected"]


def test_a_cancel_is_told_of_when_it_hangs_or_by_a_setting(
    heard: Heard, trading: TradingClient, control: ExchangeControl
) -> None:
    control.faults({"kind": "stuck_cancel", "count": 1})
    stuck, told = trading.submit_order(buy(10, 40.00)), trading.submit_order(buy(10, 40.01))
    trading.cancel_order_by_id(stuck.id)
    heard.until(lambda items: "pending_cancel" in events(items, stuck.id))
    control.settings(tell_pending_cancel=True)
    trading.cancel_order_by_id(told.id)
    updates = heard.until(lambda items: "canceled" in events(items, told.id))
    assert events(updates, told.id)[-2:] == ["pending_cancel", "canceled"]


def test_what_the_venue_says_has_an_id(heard: Heard, trading: TradingClient) -> None:
    order = trading.submit_order(buy(10, 40.00))
    heard.until(lambda items: "new" in events(items, order.id))
    trading.cancel_order_by_id(order.id)
    updates = heard.until(lambda items: "canceled" in events(items, order.id))
    ids = [update.execution_id for update in updates]
    assert [identity is None for identity in ids] == [True, False, False]
    assert len(set(ids)) == 3


def test_updates_may_be_doubled_lost_or_cut_off(heard: Heard, trading: TradingClient, control: ExchangeControl) -> None:
    control.faults({"kind": "stream_duplicate", "count": 1}, {"kind": "stream_drop", "count": 1})
    order = trading.submit_order(buy(10, 50.98))
    updates = heard.until(lambda items: "fill" in events(items, order.id))
    assert events(updates, order.id) == ["pending_new", "pending_new", "fill"]
    control.faults({"kind": "stream_close", "count": 1})
    last = control.journal()[-1]["seq"]
    missed = trading.submit_order(buy(10, 40.00))
    control.wait_for(lambda e: e["type"] == "listening", 60, after=last)
    trading.cancel_order_by_id(missed.id)
    updates = heard.until(lambda items: "canceled" in events(items, missed.id))
    assert "pending_new" not in events(updates, missed.id)


def test_nothing_is_told_without_keys(url: str) -> None:
    async def talk() -> list[Any]:
        heard = []
        # Some clients end the address with a slash.
        async with aiohttp.ClientSession() as session, session.ws_connect(f"{url}/stream/") as socket:
            for message in (LISTEN, {"action": "authenticate", "data": {}}, LOGIN, LISTEN):
                await socket.send_str(json.dumps(message))
                heard.append(json.loads((await socket.receive(timeout=60)).data))
        return heard

    heard = asyncio.run(talk())
    said = [(answer["data"].get("action"), answer["data"].get("status")) for answer in heard[:3]]
    assert said == [("listen", "unauthorized"), ("authenticate", "unauthorized"), ("authenticate", "authorized")]
    assert heard[3] == {"stream": "listening", "data": {"streams": ["trade_updates"]}}
