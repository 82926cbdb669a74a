"""Whatever is sent, handlers see values of the right type: everything else is refused with one clear 4xx."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import quote

import pytest

from desk.exchange.wire.web import Reply, Request
from tests.unit.exchange.virtual import KEYS, VirtualExchange, order_body

UNREADABLE = {"code": 40010000, "message": "request body format is invalid"}
# Digits to Python, to nobody else.
SUPERSCRIPT, FULLWIDTH, ARABIC = "²", "\uff11", "\u0661"


def raw(exchange: VirtualExchange, method: str, target: str, body: bytes = b"", **headers: str) -> Reply:
    """A request as its bytes are, with keys unless there are others."""
    path, _, query = target.partition("?")
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    request = Request(method, path, query, named if "authorization" in named else KEYS | named, body)
    return exchange.gateway.serve(request, exchange.gateway.fault_for(request))


@pytest.mark.parametrize("number", ["1e30", "1e-30", "1e999999", "1_0", " 1", "Infinity", "1" * 100, "0x10", "--1"])
@pytest.mark.parametrize("field", ["qty", "notional", "limit_price", "stop_price", "trail_price"])
def test_a_number_in_a_body_is_a_number_or_refused(exchange: VirtualExchange, field: str, number: str) -> None:
    body = order_body("TQQQ", "buy", "10", "50.90") | {field: number}
    reply = exchange.send("POST", "/v2/orders", body)
    assert (reply.status, reply.body["code"]) == (422, 40010001)
    assert reply.body["message"] == f"invalid {field.replace('_price', ' price') if 'trail' not in field else field}"


@pytest.mark.parametrize("digit", [SUPERSCRIPT, FULLWIDTH, ARABIC])
@pytest.mark.parametrize(
    ("method", "target", "status"),
    [
        ("GET", "/v2/orders?limit={}", 422),
        ("GET", "/v2/account/activities?page_size={}", 422),
        ("GET", "/v2/stocks/bars?symbols=TQQQ&timeframe=1Min&limit={}", 400),
        ("GET", "/v2/stocks/bars?symbols=TQQQ&timeframe={}Min", 400),
        ("GET", "/v2/stocks/TQQQ/trades?start={}", 400),
        ("GET", "/v1/corporate-actions?limit={}", 400),
        ("GET", "/v1/corporate-actions?page_token={}", 400),
        ("DELETE", "/v2/positions/TQQQ?qty={}", 422),
        ("DELETE", "/v2/positions/TQQQ?percentage={}", 422),
        ("GET", "/_exchange/journal?after={}", 400),
    ],
)
def test_only_plain_digits_are_digits(
    exchange: VirtualExchange, method: str, target: str, status: int, digit: str
) -> None:
    exchange.hold("TQQQ", "10")
    assert raw(exchange, method, target.format(quote(digit))).status == status


@pytest.mark.parametrize("credentials", ["Basic \xe9", "Basic " + base64.b64encode(b"\xff\xfe:x").decode(), "Basic"])
def test_keys_that_are_not_base64_are_wrong_keys(exchange: VirtualExchange, credentials: str) -> None:
    assert raw(exchange, "GET", "/v2/account", authorization=credentials).status == 401


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{",
        b"\xff\xfe",
        b'{"qty": NaN}',
        b'{"qty": 1e99999999999999999999}',
        b'{"qty": ' + b"9" * 5000 + b"}",
        b'{"symbol": "\\ud800"}',
        '{"symbol": "\\ud800"}'.encode("utf-32"),
        '{"symbol": "TQQQ"}'.encode("utf-16"),
        b'{"\\udfff": 1}',
        b'{"a": ' * 40 + b"1" + b"}" * 40,
        b"[" * 100_000,
        b'{"symbol": "TQQQ", "deep": ' + b"[" * 900 + b"]" * 900 + b"}",
    ],
    ids=lambda body: repr(body[:24]),
)
@pytest.mark.parametrize("target", ["/v2/orders", "/_exchange/script"])
def test_a_body_that_is_no_json_object(exchange: VirtualExchange, target: str, body: bytes) -> None:
    reply = raw(exchange, "POST", target, body)
    assert reply.status == 400
    if target == "/v2/orders":
        assert reply.body == UNREADABLE


def test_a_body_that_is_said_to_be_packed(exchange: VirtualExchange) -> None:
    body = json.dumps(order_body("TQQQ", "buy", "10", "50.90")).encode()
    reply = raw(exchange, "POST", "/v2/orders", body, content_encoding="gzip")
    assert (reply.status, reply.body) == (400, UNREADABLE)
    assert raw(exchange, "POST", "/v2/orders", body, content_encoding="identity").status == 200


@pytest.mark.parametrize(
    "now",
    ["0001-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2026-11-20", "2026-13-40T0:0Z"],
)
def test_a_clock_beyond_the_calendar(exchange: VirtualExchange, now: str) -> None:
    reply = exchange.send("PUT", "/_exchange/clock", {"now": now})
    assert (reply.status, reply.body.get("error", "")[:3]) in [(400, "now"), (200, "")]
    assert exchange.ok("GET", "/v2/clock")["is_open"] in (True, False)


def test_a_tape_of_which_the_path_has_a_nul(exchange: VirtualExchange) -> None:
    reply = exchange.send("POST", "/_exchange/tape", {"symbol": "TQQQ", "path": "a\0b"})
    assert (reply.status, reply.body) == (400, {"error": "path: a text is needed"})


@pytest.mark.parametrize(
    ("target", "same"),
    [
        ("/v2/orders?status=&limit=&symbols=&side=&after=&until=&direction=&nested=&asset_class=", "/v2/orders"),
        ("/v2/assets?exchange=&status=&asset_class=&attributes=", "/v2/assets"),
        ("/v2/calendar?start=&end=&date_type=", "/v2/calendar"),
        ("/v2/account/activities?activity_types=&category=&date=&page_size=&page_token=", "/v2/account/activities"),
        ("/v2/account/portfolio/history?period=&timeframe=&start=", "/v2/account/portfolio/history"),
        (
            "/v2/stocks/bars?symbols=TQQQ&timeframe=1Min&feed=&limit=&page_token=&sort=&asof=&currency=&adjustment=",
            "/v2/stocks/bars?symbols=TQQQ&timeframe=1Min",
        ),
        ("/v2/stocks/TQQQ/quotes/latest?feed=&currency=", "/v2/stocks/TQQQ/quotes/latest"),
        ("/v1/corporate-actions?symbols=&limit=&sort=", "/v1/corporate-actions"),
    ],
)
def test_an_empty_parameter_is_as_if_not_given(exchange: VirtualExchange, target: str, same: str) -> None:
    exchange.order("TQQQ", "buy", "10", "50.99")
    exchange.advance(1)
    exchange.order("TQQQ", "buy", "10", "50.90")
    exchange.advance(1)
    empty, without = raw(exchange, "GET", target), raw(exchange, "GET", same)
    assert (empty.status, empty.body) == (200, without.body)


@pytest.mark.parametrize("part", [{"percentage": "1e-30"}, {"percentage": "0.000000001"}, {"qty": "1e-12"}])
def test_no_part_of_a_position_is_nothing(exchange: VirtualExchange, part: dict[str, str]) -> None:
    exchange.hold("TQQQ", "7")
    assert exchange.send("DELETE", "/v2/positions/TQQQ", **part).status == 422
    assert exchange.ok("GET", "/v2/orders", status="all") == []


@pytest.mark.parametrize(
    ("held", "percentage", "qty"),
    [("7", "50", "3"), ("7", "100", "7"), ("7.5", "50", "3.75"), ("-7", "50", "3"), ("0.3", "33", "0.099")],
)
def test_a_percentage_of_whole_shares_is_whole_shares(
    exchange: VirtualExchange, held: str, percentage: str, qty: str
) -> None:
    exchange.hold("TQQQ", held)
    assert exchange.ok("DELETE", "/v2/positions/TQQQ", percentage=percentage)["qty"] == qty


@pytest.mark.parametrize("query", [{"percentage": "100.1"}, {"percentage": "0"}, {"qty": "1", "percentage": "1"}])
def test_a_bad_part_of_a_position(exchange: VirtualExchange, query: dict[str, str]) -> None:
    exchange.hold("TQQQ", "7")
    assert exchange.send("DELETE", "/v2/positions/TQQQ", **query).status == 422


@pytest.mark.parametrize("instructions", [{"algorithm": "DMA", "destination": "NYSE"}, {}, [], "DMA", 7])
def test_routing_instructions_are_not_for_this_account(exchange: VirtualExchange, instructions: Any) -> None:
    refused = {"code": 40310000, "message": "account not allowed to use advanced_instructions"}
    reply = exchange.refused("TQQQ", "buy", "1", "50.90", advanced_instructions=instructions)
    assert (reply.status, reply.body) == (403, refused)
    order = exchange.order("TQQQ", "buy", "1", "50.90", advanced_instructions=None)
    exchange.advance(1)
    reply = exchange.send("PATCH", f"/v2/orders/{order['id']}", {"advanced_instructions": instructions})
    assert (reply.status, reply.body) == (403, refused)


@pytest.mark.parametrize("order_id", ["x", "1" * 32 + "\u0661", "{" + "1" * 32 + "}", "1_1" * 12, "%00", "a" * 5000])
@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
def test_an_order_id_that_is_none(exchange: VirtualExchange, method: str, order_id: str) -> None:
    reply = raw(exchange, method, f"/v2/orders/{quote(order_id, safe='%')}", b"{}")
    assert (reply.status, reply.body) == (422, {"code": 40010001, "message": "order_id is missing"})


def test_no_action_makes_shares_beyond_counting(exchange: VirtualExchange) -> None:
    exchange.hold("TQQQ", "999999999999", "0.01")
    action: dict[str, Any] = {"symbol": "TQQQ", "type": "forward_split", "new_rate": 10_001, "old_rate": 1}
    for change in ({}, {"new_rate": 2}, {"type": "reverse_split", "new_rate": 1, "old_rate": 10_001}):
        reply = exchange.send("POST", "/_exchange/corporate_actions", action | change)
        assert (reply.status, reply.body) == (400, {"error": "new_rate: out of range"})
    assert exchange.ok("GET", "/v1/corporate-actions") == {"corporate_actions": {}, "next_page_token": None}


@pytest.mark.parametrize("symbol", ["TQQQ$", "\u00df", "A" * 21, "%00", "-"])
def test_a_symbol_that_is_none(exchange: VirtualExchange, symbol: str) -> None:
    for target in ("/v2/stocks/{}/quotes/latest", "/v2/stocks/{}/trades", "/v2/stocks/snapshots?symbols=TQQQ,{}"):
        reply = raw(exchange, "GET", target.format(quote(symbol, safe="%")))
        assert (reply.status, reply.body["message"][:15]) == (400, "invalid symbol:")


def test_positions_of_any_worth_can_be_read(exchange: VirtualExchange) -> None:
    exchange.control("PUT", "positions/TQQQ", {"qty": "999999999999", "avg_entry_price": "0.00000000001"})
    exchange.control("PUT", "positions/SQQQ", {"qty": "0.00000000001", "avg_entry_price": "999999999999"})
    for path in ("/v2/positions", "/v2/positions/TQQQ", "/v2/account", "/v2/account/portfolio/history"):
        assert exchange.send("GET", path).status == 200
