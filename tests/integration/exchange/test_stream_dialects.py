"""The ways that Alpaca documents to open its streams, each by a plain websocket client."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgpack
import pytest
from websockets.sync.client import ClientConnection, connect

from desk.exchange.client import ExchangeControl
from tests.integration.exchange.plain import PlainClient

CONNECTED = {"T": "success", "msg": "connected"}
AUTHENTICATED = {"T": "success", "msg": "authenticated"}
FAILED = {"T": "error", "code": 402, "msg": "auth failed"}
LISTEN = {"action": "listen", "data": {"streams": ["trade_updates"]}}
HEARING = {"stream": "listening", "data": {"streams": ["trade_updates"]}}
ENTRY = {"symbol": "TQQQ", "side": "buy", "qty": 10, "type": "limit", "limit_price": 40, "time_in_force": "day"}
PACKED = {"Content-Type": "application/msgpack"}


class Socket:
    """One connection that speaks JSON, or MessagePack."""

    def __init__(self, connection: ClientConnection, packed: bool) -> None:
        self._connection = connection
        self._packed = packed

    def say(self, message: Any) -> None:
        self._connection.send(msgpack.packb(message) if self._packed else json.dumps(message))

    def hear(self) -> Any:
        frame = self._connection.recv(timeout=60)
        return msgpack.unpackb(frame) if self._packed else json.loads(frame)

    def ask(self, message: Any) -> Any:
        self.say(message)
        return self.hear()


@contextmanager
def opened(url: str, path: str, **headers: str) -> Iterator[Socket]:
    with connect(f"{url.replace('http', 'ws')}{path}", additional_headers=headers) as connection:
        yield Socket(connection, "msgpack" in headers.get("Content-Type", ""))


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


ALPACA_HEADERS = {"APCA-API-KEY-ID": "key", "APCA-API-SECRET-KEY": "secret"}


@pytest.mark.parametrize("headers", [ALPACA_HEADERS, {"Authorization": basic("key:secret")}], ids=["own", "basic"])
def test_market_data_is_authenticated_by_headers(url: str, control: ExchangeControl, headers: dict[str, str]) -> None:
    control.settings(key_id="key", secret_key="secret")
    with opened(url, "/v2/sip", **headers) as socket:
        assert [socket.hear(), socket.hear()] == [[CONNECTED], [AUTHENTICATED]]
        assert socket.ask({"action": "subscribe", "quotes": ["TQQQ"]})[0]["quotes"] == ["TQQQ"]
        assert socket.hear()[0]["T"] == "q"


def test_wrong_headers_are_told_and_a_message_still_may_authenticate(url: str, control: ExchangeControl) -> None:
    control.settings(key_id="key", secret_key="secret")
    with opened(url, "/v2/iex", Authorization=basic("key:wrong")) as socket:
        assert [socket.hear(), socket.hear()] == [[CONNECTED], [FAILED]]
        assert socket.ask({"action": "auth", "key": "key", "secret": "secret"}) == [AUTHENTICATED]


@pytest.mark.parametrize("path", ["/v1beta1/boats", "/v1beta1/overnight", "/v2/test"])
def test_feeds_for_the_night_and_for_tests(url: str, control: ExchangeControl, path: str) -> None:
    control.set_clock(speed=20)
    with opened(url, path, **ALPACA_HEADERS) as socket:
        assert [socket.hear(), socket.hear()] == [[CONNECTED], [AUTHENTICATED]]
        symbol = "FAKEPACA" if path == "/v2/test" else "TQQQ"
        assert socket.ask({"action": "subscribe", "quotes": ["*"]})[0]["quotes"] == ["*"]
        assert socket.hear()[0]["S"] == symbol


def test_trade_updates_in_messagepack(url: str, plain: PlainClient) -> None:
    with opened(url, "/stream", **PACKED) as socket:
        login = {"action": "authenticate", "data": {"key_id": "key", "secret_key": "secret"}}
        assert socket.ask(login)["data"] == {"action": "authenticate", "status": "authorized"}
        assert socket.ask(LISTEN) == HEARING
        plain.order(ENTRY)
        update = socket.hear()
        assert (update["stream"], update["data"]["event"]) == ("trade_updates", "pending_new")
        assert update["data"]["order"]["limit_price"] == "40"


def test_an_applications_token_on_trade_updates(url: str, control: ExchangeControl) -> None:
    control.settings(key_id="token")
    with opened(url, "/stream") as socket:
        refused = socket.ask({"action": "authenticate", "data": {"oauth_token": "another"}})
        assert refused["data"]["status"] == "unauthorized"
        assert socket.ask(LISTEN)["data"] == {"action": "listen", "status": "unauthorized"}
        accepted = socket.ask({"action": "authenticate", "data": {"oauth_token": "token"}})
        assert accepted["data"]["status"] == "authorized"
        assert socket.ask(LISTEN) == HEARING


def test_orders_of_a_group_say_so(url: str, plain: PlainClient) -> None:
    with opened(url, "/stream") as socket:
        socket.ask({"action": "authenticate", "data": {"key_id": "key", "secret_key": "secret"}})
        socket.ask(LISTEN)
        legs = {"take_profit": {"limit_price": 60}, "stop_loss": {"stop_price": 35}}
        bracket = plain.order({**ENTRY, "order_class": "bracket", **legs})
        orders = [socket.hear()["data"]["order"] for _ in range(3)]
        read = plain.nested(bracket)
    assert [(o["id"], o["group_role"]) for o in orders] == [(o["id"], o["group_role"]) for o in (read, *read["legs"])]
    assert {order["group_id"] for order in orders} == {bracket["id"]}
    assert [order["group_role"] for order in orders] == ["entry", "take_profit", "stop_loss"]


@pytest.mark.parametrize("headers", [{}, PACKED], ids=["json", "messagepack"])
@pytest.mark.parametrize(
    "frame", ["{", '{"a":' * 50_000, '"\\ud800"', b"\x81\xa1a\xa3\xed\xa0\x80", "[]", "7", b"\x80"]
)
def test_a_frame_that_makes_no_sense_is_answered_and_the_next_works(
    url: str, headers: dict[str, str], frame: str | bytes
) -> None:
    for path in ("/v2/sip", "/stream"):
        with opened(url, path, **headers) as socket:
            if path == "/v2/sip":
                assert socket.hear() == [CONNECTED]
            socket._connection.send(frame)
            problem = socket.hear()
            assert "invalid syntax" in str(problem)
            if path == "/v2/sip":
                assert socket.ask({"action": "auth", "key": "key", "secret": "secret"}) == [AUTHENTICATED]
                odd = socket.ask({"action": "subscribe", "trades": ["TQQQ", "\ud800" if not headers else "\x00"]})
                assert odd[0]["code"] == 400
                assert socket.ask({"action": "subscribe", "trades": ["TQQQ"]})[0]["trades"] == ["TQQQ"]
            else:
                assert socket.ask({"action": "auth", "key": "key", "secret": "secret"})["stream"] == "authorization"
