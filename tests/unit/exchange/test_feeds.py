"""The data stream without a transport: its protocol and its messages."""

from __future__ import annotations

from typing import Any

import pytest

from desk.exchange.streams.feeds import Feeds, Subscriber
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


def test_a_channel_that_nothing_is_asked_of_is_as_if_not_named(client: Client) -> None:
    """Alpaca's client for Go names all channels of all its feeds each time, those without a symbol as null."""
    named = dict.fromkeys(("updatedBars", "dailyBars", "imbalances", "lulds", "orderbooks", "news", "pricing"))
    told = client.say("subscribe", trades=["TQQQ"], quotes=None, bars=["*"], statuses=[], **named)
    assert (told["T"], told["trades"], told["bars"], told["quotes"]) == ("subscription", ["TQQQ"], ["*"], [])
    assert client.say("unsubscribe", bars=["*"], orderbooks=None)["bars"] == []
    assert client.say("subscribe", orderbooks=["TQQQ"])["code"] == 410


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


def test_the_minute_again_half_a_minute_later_and_the_day_every_minute(
    exchange: VirtualExchange, client: Client
) -> None:
    client.say("subscribe", updatedBars=["TQQQ"], dailyBars=["*"])
    exchange.advance(60)
    exchange.quote("TQQQ", "51.00", "51.02")
    exchange.advance(60)
    assert [(m["T"], m["t"][11:19], m["n"]) for m in client.heard] == [
        ("d", "05:00:00", 1),
        ("u", "15:00:00", 1),
        ("d", "05:00:00", 2),
    ]
    last = client.heard[-1]
    assert (last["o"], last["c"], last["v"]) == (50.96, 51.01, 2)


def test_no_day_is_told_before_the_open(exchange: VirtualExchange, client: Client) -> None:
    client.say("subscribe", dailyBars=["TQQQ"])
    exchange.control("PUT", "clock", {"now": "2026-11-20T09:28:30-05:00"})
    exchange.quote("TQQQ", "51.00", "51.02")
    exchange.advance(120)
    assert client.heard == []
    exchange.advance(60)
    assert client.kinds() == ["d"]


def test_an_imbalance_when_a_halt_begins(exchange: VirtualExchange, client: Client) -> None:
    assert client.say("subscribe", imbalances=["TQQQ"])["imbalances"] == ["TQQQ"]
    for halt in (True, False):
        exchange.control("POST", "script", {"events": [{"symbol": "TQQQ", "halt": halt}]})
    assert [(m["T"], m["S"], m["p"]) for m in client.heard] == [("i", "TQQQ", 50.96)]
    assert "imbalances" not in client.say("unsubscribe", imbalances=["TQQQ"])


def test_the_test_stream_has_one_share_of_its_own(exchange: VirtualExchange, feeds: Feeds, client: Client) -> None:
    test = Client(feeds, "test")
    test.login()
    everything = {channel: ["*"] for channel in ("trades", "quotes", "bars")}
    assert test.say("subscribe", **everything) == {"T": "subscription", **everything}
    assert test.say("subscribe", dailyBars=["FAKEPACA"])["code"] == 410
    client.say("subscribe", trades=["FAKEPACA"])
    exchange.control("PUT", "clock", {"now": "2026-11-21T03:00:00-05:00"})
    exchange.quote("TQQQ", "51.00", "51.02")
    test.heard.clear()
    exchange.advance(60)
    assert client.heard == []
    assert {m["S"] for m in test.heard} == {"FAKEPACA"}
    assert [test.kinds().count(kind) for kind in "tqb"] == [12, 12, 1]
    trades, bar = [m for m in test.heard if m["T"] == "t"], test.heard[-1]
    assert all(132 <= m["p"] <= 136 for m in trades)
    assert (bar["t"], bar["n"], bar["v"]) == ("2026-11-21T08:00:00.000000000Z", 12, 36)


@pytest.mark.parametrize("symbol", ["\ud800", "", "TQQQ\n", "A" * 21, "é", 7, None, ["TQQQ"]])
def test_what_is_no_symbol_is_invalid_syntax(client: Client, symbol: Any) -> None:
    before = client.say("subscribe", trades=["TQQQ"])
    assert client.say("subscribe", trades=["AAPL", symbol])["code"] == 400
    assert client.say("unsubscribe", quotes=[]) == before


def test_an_application_gives_its_users_token(exchange: VirtualExchange, feeds: Feeds) -> None:
    exchange.control("PUT", "settings", {"key_id": "token"})
    client = Client(feeds)
    assert client.say("auth", key="oauth", secret="another")["code"] == 402
    assert client.say("auth", key="oauth", secret="token")["msg"] == "authenticated"


@pytest.mark.parametrize("secret", [None, 7, {}, ["secret"]])
def test_a_secret_that_is_no_text_fails(feeds: Feeds, secret: Any) -> None:
    assert Client(feeds).say("auth", key="key", secret=secret)["code"] == 402
