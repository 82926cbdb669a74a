"""The data stream without a transport: its protocol, its messages, its encoding."""

from __future__ import annotations

import contextlib
from typing import Any

import msgpack as reference
import pytest
from hypothesis import given
from hypothesis import strategies as st

from desk.exchange.alpaca import msgpack
from desk.exchange.alpaca.feeds import Feeds, Subscriber
from tests.unit.exchange.virtual import VirtualExchange

LOGIN = {"action": "auth", "key": "key", "secret": "secret"}


class Client:
    """A client of the stream, and what it has heard."""

    def __init__(self, feeds: Feeds, feed: str = "sip") -> None:
        self.heard: list[dict[str, Any]] = []
        self.subscriber = Subscriber(feeds, feed, self.heard.extend)

    def say(self, action: str, **more: Any) -> dict[str, Any]:
        return self.subscriber.receive({"action": action, **more})

    def login(self) -> dict[str, Any]:
        return self.subscriber.receive(LOGIN)

    def kinds(self) -> list[str]:
        return [message["T"] for message in self.heard]


@pytest.fixture
def feeds(exchange: VirtualExchange) -> Feeds:
    return Feeds(exchange.engine, exchange.gateway.accepts_keys)


@pytest.fixture
def client(feeds: Feeds) -> Client:
    client = Client(feeds)
    assert client.login() == {"T": "success", "msg": "authenticated"}
    return client


def test_the_protocol_and_its_errors(exchange: VirtualExchange, feeds: Feeds) -> None:
    exchange.control("PUT", "settings", {"key_id": "key", "secret_key": "secret"})
    client = Client(feeds)

    def code(action: str, **more: Any) -> int:
        return int(client.say(action, **more)["code"])

    assert client.subscriber.receive(None) == {"T": "error", "code": 400, "msg": "invalid syntax"}
    assert code("dance") == 400
    assert code("subscribe", trades=["TQQQ"]) == 401
    assert code("auth", key="key", secret="wrong") == 402
    assert client.login()["T"] == "success"
    assert client.login()["code"] == 403
    assert code("subscribe", trades="TQQQ") == 400
    assert code("subscribe", orderbooks=["TQQQ"]) == 410


def test_one_connection_for_each_feed(feeds: Feeds, client: Client) -> None:
    second = Client(feeds)
    assert second.login() == {"T": "error", "code": 406, "msg": "connection limit exceeded"}
    assert Client(feeds, "iex").login()["T"] == "success"
    client.subscriber.leave()
    assert second.login()["T"] == "success"


def test_a_basic_plan(exchange: VirtualExchange, feeds: Feeds) -> None:
    exchange.control("PUT", "settings", {"subscription": "iex"})
    assert Client(feeds).login()["code"] == 409
    basic = Client(feeds, "iex")
    basic.login()
    assert basic.say("subscribe", quotes=[f"S{n}" for n in range(30)])["T"] == "subscription"
    assert basic.say("subscribe", trades=["TQQQ"])["code"] == 405


def test_subscriptions_are_told_in_full(client: Client) -> None:
    answer = client.say("subscribe", trades=["TQQQ"], bars=["*"])
    assert answer == {
        "T": "subscription",
        "trades": ["TQQQ"],
        "quotes": [],
        "bars": ["*"],
        "updatedBars": [],
        "dailyBars": [],
        "statuses": [],
        "lulds": [],
        "corrections": ["TQQQ"],
        "cancelErrors": ["TQQQ"],
    }
    assert client.say("unsubscribe", trades=["TQQQ"], bars=["*"])["corrections"] == []


def test_quotes_trades_and_statuses_as_they_happen(exchange: VirtualExchange, client: Client) -> None:
    client.say("subscribe", quotes=["TQQQ"], trades=["*"], statuses=["TQQQ"])
    exchange.quote("TQQQ", "51.00", "51.02")
    exchange.quote("AAPL", "199.99", "200.01")
    exchange.control("POST", "script", {"events": [{"symbol": "TQQQ", "halt": True}]})
    assert [(m["T"], m["S"]) for m in client.heard] == [("q", "TQQQ"), ("t", "TQQQ"), ("t", "AAPL"), ("s", "TQQQ")]
    quote, trade, _, status = client.heard
    assert (quote["bp"], quote["ap"], trade["p"], status["sc"]) == (51, 51.02, 51.01, "H")


def test_a_quote_that_holds_is_told_every_second_and_a_bar_every_minute(
    exchange: VirtualExchange, client: Client
) -> None:
    client.say("subscribe", quotes=["TQQQ"], bars=["TQQQ"])
    exchange.advance("3.5")
    assert [m["t"][17:19] for m in client.heard] == ["01", "02", "03"]
    exchange.quote("TQQQ", "50.95", "50.98", frozen=True)
    client.heard.clear()
    exchange.advance(60)
    (bar,) = client.heard
    assert (bar["T"], bar["t"], bar["n"]) == ("b", "2026-11-20T15:00:00.000000000Z", 2)


def test_the_stream_goes_on_after_a_reset(exchange: VirtualExchange, client: Client) -> None:
    client.say("subscribe", quotes=["TQQQ"])
    exchange.control("POST", "reset")
    exchange.quote("TQQQ", "50.95", "50.98")
    exchange.advance(2)
    assert client.kinds() == ["q"] * 3


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.text(max_size=70),
    lambda inner: st.lists(inner, max_size=20) | st.dictionaries(st.text(max_size=40), inner, max_size=20),
    max_leaves=30,
)


@given(JSON)
def test_messagepack_is_what_others_read_and_write(value: Any) -> None:
    assert reference.unpackb(msgpack.pack(value)) == value
    assert msgpack.unpack(reference.packb(value)) == value


def test_long_messagepack_values() -> None:
    for value in ("x" * 70_000, list(range(70_000)), {str(n): n for n in range(300)}):
        assert reference.unpackb(msgpack.pack(value)) == value
        assert msgpack.unpack(reference.packb(value)) == value


def test_instants_are_timestamps() -> None:
    stamp = reference.unpackb(msgpack.pack(msgpack.Instant(1_700_000_000_123_456_789)))
    assert (stamp.seconds, stamp.nanoseconds) == (1_700_000_000, 123_456_789)


@given(st.binary(max_size=60))
def test_rubbish_is_unreadable_and_nothing_worse(data: bytes) -> None:
    with contextlib.suppress(msgpack.Unreadable):
        msgpack.unpack(data)
