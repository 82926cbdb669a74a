"""Keys, the rate limit, and endpoints that do not exist."""

from __future__ import annotations

import base64
import re

import pytest

from desk.exchange.wire.web import Request
from tests.unit.exchange.virtual import VirtualExchange


def test_a_minute_of_market_time_has_so_many_trading_requests(exchange: VirtualExchange) -> None:
    exchange.control("PUT", "settings", {"rate_limit": 3})
    exchange.advance(45)
    replies = [exchange.send("GET", "/v2/clock") for _ in range(4)]
    assert [reply.status for reply in replies] == [200, 200, 200, 429]
    assert [reply.headers["X-Ratelimit-Remaining"] for reply in replies] == ["2", "1", "0", "0"]
    assert replies[3].body["message"] == "too many requests."
    reset = int(exchange.engine.now // 10**9) + 15
    assert replies[0].headers | {"X-Ratelimit-Remaining": "", "X-Request-ID": ""} == {
        "X-Request-ID": "",
        "X-Ratelimit-Limit": "3",
        "X-Ratelimit-Remaining": "",
        "X-Ratelimit-Reset": str(reset),
    }
    exchange.advance("14.999999999")
    assert exchange.send("GET", "/v2/clock").status == 429
    exchange.advance("0.000000001")
    assert exchange.send("GET", "/v2/clock").status == 200


def test_a_clock_that_is_set_back_starts_a_new_allowance(exchange: VirtualExchange) -> None:
    exchange.control("PUT", "settings", {"rate_limit": 1})
    exchange.advance(30)
    assert [exchange.send("GET", "/v2/clock").status for _ in range(2)] == [200, 429]
    exchange.control("PUT", "clock", {"now": "2026-11-20T10:00:10-05:00"})
    assert exchange.send("GET", "/v2/clock").status == 200


def test_market_data_has_a_limit_of_its_own_and_control_none(exchange: VirtualExchange) -> None:
    exchange.control("PUT", "settings", {"rate_limit": 0, "data_rate_limit": 1})
    replies = [exchange.send("GET", "/v2/stocks/TQQQ/quotes/latest") for _ in range(2)]
    assert [reply.status for reply in replies] == [200, 429]
    assert replies[0].headers["X-Ratelimit-Limit"] == "1"
    assert exchange.control("GET", "clock")["paused"] is False
    exchange.advance(60)
    assert exchange.send("GET", "/v2/stocks/TQQQ/quotes/latest").status == 200


def test_a_refusal_carries_the_headers_too(exchange: VirtualExchange) -> None:
    reply = exchange.send("GET", "/v2/orders/nonsense")
    assert (reply.status, reply.headers["X-Ratelimit-Remaining"]) == (422, "199")


def test_without_keys_or_with_wrong_ones_the_data_host_answers_in_html_and_the_trading_host_in_json(
    exchange: VirtualExchange,
) -> None:
    exchange.control("PUT", "settings", {"key_id": "me", "secret_key": "mine"})
    for keys in (False, True):
        account = exchange.send("GET", "/v2/account", keys=keys)
        assert (account.status, account.body) == (401, {"message": "unauthorized."})
        quote = exchange.send("GET", "/v2/stocks/TQQQ/quotes/latest", keys=keys)
        assert (quote.status, quote.content_type) == (401, "text/html")
        assert b"401 Authorization Required" in quote.encoded()


def test_every_answer_has_a_request_id_of_its_own(exchange: VirtualExchange) -> None:
    exchange.control("PUT", "settings", {"rate_limit": 3})
    replies = [
        exchange.send("GET", "/v2/account"),
        exchange.send("GET", "/v2/account", keys=False),
        exchange.send("GET", "/v2/nothing"),
        exchange.send("POST", "/v2/orders", {}),
        exchange.send("GET", "/v2/account"),
        exchange.send("GET", "/v2/stocks/TQQQ/quotes/latest"),
    ]
    assert [reply.status for reply in replies] == [200, 401, 404, 422, 429, 200]
    ids = {reply.headers["X-Request-ID"] for reply in replies}
    assert len(ids) == len(replies) and all(re.fullmatch("[0-9a-f]{32}", request_id) for request_id in ids)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"apca-api-key-id": "me", "apca-api-secret-key": "mine"}, 200),
        ({"apca-api-key-id": "me", "apca-api-secret-key": "other"}, 401),
        ({"authorization": "Basic " + base64.b64encode(b"me:mine").decode()}, 200),
        ({"authorization": "Basic rubbish"}, 401),
    ],
)
def test_a_key_pair_may_be_demanded(exchange: VirtualExchange, headers: dict[str, str], status: int) -> None:
    shown = exchange.control("PUT", "settings", {"key_id": "me", "secret_key": "mine"})
    assert shown["secret_key"] == "***"
    assert exchange.gateway.serve(Request("GET", "/v2/account", headers=headers)).status == status


def test_unknown_endpoints(exchange: VirtualExchange) -> None:
    for path in ("/v2/options/contracts", "/v3/tea", "/", "/_exchange/nothing"):
        reply = exchange.send("GET", path)
        assert (reply.status, reply.body) == (404, {"code": 40410000, "message": "endpoint not found."})
