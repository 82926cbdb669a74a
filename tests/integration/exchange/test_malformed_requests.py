"""Requests that nobody should send, thousands of them, the same ones every time: each gets one clear refusal.

No answer is a 500, no request is left without one, no order is for nothing, and a good request is served afterwards.
"""

from __future__ import annotations

import copy
import http.client
import json
import random
import socket
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from typing import Any
from urllib.parse import quote, urlsplit

import pytest

from desk.exchange.client import ExchangeControl

_PATIENCE_S = 60
_CLIENT_REQUESTS, _CONTROL_REQUESTS, _BYTE_STREAMS = 1500, 800, 300
_ORDER: dict[str, Any] = {"symbol": "TQQQ", "side": "buy", "type": "limit", "time_in_force": "day"}
_ORDER |= {"qty": "1", "limit_price": "50.90", "client_order_id": "mine", "extended_hours": False}
_BRACKET = _ORDER | {"order_class": "bracket", "take_profit": {"limit_price": "60"}, "stop_loss": {"stop_price": "40"}}
_ID = "61e69015-8549-4bfd-b9c3-01e75843f47d"
_WORDS = [
    *("", "0", "1", "-1", "1e30", "1e-30", "1e999999999", "0.0000000001", "999999999999", "0.00000000001"),
    *("NaN", "-Infinity", "1_0", "0x1F", "+5", " 7 ", "1000000000000000000000", "9" * 400, "1." + "3" * 200),
    *("\u00b2", "\u0661", "\uff15", "\u0d66", "\u00df", "\u2028", "\U0001f4a5", "'\"<&>", "\0", "A\0B", "x" * 500),
    *("null", "True", "[]", "{}", "..", "/etc/passwd", "TQQQ", "tqqq", "AAPL,TQQQ", ",,,", _ID, "asc", "all", "buy"),
    *("7.1234567891", "1Min", "UTC", "2026-02-30", "2026-11-20", "2026-11-20T25:61:61Z", "2026-11-20T10:00:00+99:99"),
    *("0001-01-01T00:00:00Z", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59Z", "9999-12-31T23:59:59-23:59"),
]
_VALUES: list[Any] = [
    *_WORDS,
    *(None, True, False, 0, -1, 10**30, 10**400, 1e308, 1e-300, 0.1 + 0.2, [], {}, [None], {"": None}, [[[[[1]]]]]),
    *({"limit_price": "1e30"}, {"stop_price": []}, ["TQQQ", 5], "\ud800", {"\udfff": 1}),
]
_PATHS = [
    *("/v2/orders", f"/v2/orders/{_ID}", "/v2/orders/{}", "/v2/orders:by_client_order_id", "/v2/positions"),
    *("/v2/positions/TQQQ", "/v2/positions/{}", "/v2/account", "/v2/account/configurations", "/v2/account/activities"),
    *("/v2/account/activities/{}", "/v2/account/portfolio/history", "/v2/assets", "/v2/assets/{}", "/v2/clock"),
    *("/v2/calendar", "/v2/watchlists", "/v2/watchlists/{}", "/v2/watchlists/{}/{}", "/v2/watchlists:by_name"),
    *("/v2/stocks/bars", "/v2/stocks/trades", "/v2/stocks/quotes", "/v2/stocks/auctions", "/v2/stocks/snapshots"),
    *("/v2/stocks/TQQQ/bars", "/v2/stocks/{}/trades", "/v2/stocks/{}/quotes/latest", "/v2/stocks/{}/snapshot"),
    *(
        "/v2/stocks/meta/exchanges",
        "/v2/stocks/meta/conditions/{}",
        "/v1/corporate-actions",
        "/{}",
        "//",
        "/v2//orders",
    ),
]
# What shows whatever the control port has made of the account and the market.
_READS = [
    *("/v2/account", "/v2/positions", "/v2/orders?status=all&nested=true", "/v2/account/portfolio/history"),
    *("/v2/stocks/snapshots?symbols=TQQQ,AAPL", "/v2/stocks/bars?symbols=TQQQ&timeframe=1Min&adjustment=all"),
    *("/v2/assets", "/v2/clock", "/v1/corporate-actions?start=2020-01-01&end=2030-01-01", "/_exchange/journal?after=0"),
]
_PARAMETERS = (
    *("status", "limit", "after", "until", "direction", "nested", "symbols", "side", "asset_class", "before_order_id"),
    *("after_order_id", "qty", "percentage", "cancel_orders", "activity_types", "category", "date", "page_size"),
    *("page_token", "order_id", "period", "timeframe", "start", "end", "pnl_reset", "intraday_reporting", "exchange"),
    *("attributes", "date_type", "name", "feed", "sort", "asof", "currency", "adjustment", "tape", "ids", "cusips"),
    *("types", "client_order_id", "wait"),
)
_CONTROL: dict[str, dict[str, Any]] = {
    "PUT clock": {"now": "2026-11-20T10:00:00-05:00", "paused": True, "speed": 2},
    "POST clock/advance": {"seconds": 1},
    "PUT quotes/TQQQ": {"bid": 50, "ask": 51, "bid_size": 1, "ask_size": 1, "frozen": True, "age": 1},
    "PUT quotes/{}": {"bid": 50, "ask": 51},
    "POST script": {"events": [{"at": "2026-11-20T10:00:00-05:00", "symbol": "TQQQ", "bid": 50, "ask": 51}]},
    "POST tape": {"symbol": "TQQQ", "path": "nothing.csv.gz", "align": True},
    "PUT account": {"cash": 1, "last_equity": 1, "multiplier": 2, "status": "ACTIVE", "account_type": "cash"},
    "PUT assets/{}": {"tradable": True, "attributes": ["ipo"], "class": "crypto", "name": "x", "status": "active"},
    "PUT positions/TQQQ": {"qty": 1, "avg_entry_price": 50},
    "PUT positions/{}": {"qty": -1, "avg_entry_price": 50},
    "PUT settings": {"ack_ms": 1, "rate_limit": 10**6, "subscription": "sip", "seed": 1, "settlement_days": 1},
    "PUT faults": {"faults": [{"kind": "error", "count": 1, "path": "/v2/x", "status": 500, "body": {}, "when": {}}]},
    "POST legs": {"symbol": "TQQQ", "role": "stop_loss", "event": "canceled", "order_id": _ID},
    "POST corporate_actions": {"symbol": "TQQQ", "type": "forward_split", "new_rate": 2, "old_rate": 1, "apply": True}
    | {"announce": True, "orders": "keep", "cash_in_lieu": 1, "ex_date": "2026-11-20", "process_date": "2026-11-20"},
    "GET journal": {},
    "GET {}": {},
}
_KEYS = {"APCA-API-KEY-ID": b"key", "APCA-API-SECRET-KEY": b"secret"}
_METHODS = ["GET", "GET", "POST", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "BREW", "get"]


class RawClient:
    """One connection, made anew where the exchange has ended it; what it sends is exactly what it is given."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._address = (parts.hostname or "", parts.port or 0)
        self._socket: socket.socket | None = None

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
        self._socket = None

    def send(self, method: str, target: str, body: bytes, headers: dict[str, bytes]) -> tuple[int, bytes]:
        """Status and body of the answer; a timeout if there is none."""
        head = f"{method} {target} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n".encode()
        lines = b"".join(name.encode() + b": " + value + b"\r\n" for name, value in headers.items())
        if self._socket is None:
            self._socket = self._connect()
        self._socket.sendall(head + lines + b"\r\n" + body)
        answer = http.client.HTTPResponse(self._socket, method=method)
        answer.begin()
        content = answer.read()
        if answer.will_close:
            self.close()
        return answer.status, content

    def throw(self, data: bytes) -> bytes:
        """Send bytes that need not be HTTP, and hear everything that comes back until the exchange hangs up."""
        with closing(self._connect()) as thrown:
            heard = b""
            try:
                thrown.sendall(data)
                thrown.shutdown(socket.SHUT_WR)
                while chunk := thrown.recv(65536):
                    heard += chunk
            except ConnectionError:
                pass
            return heard

    def _connect(self) -> socket.socket:
        return socket.create_connection(self._address, timeout=_PATIENCE_S)


@pytest.fixture
def raw(url: str, control: ExchangeControl) -> Iterator[RawClient]:
    control.settings(rate_limit=10**6, data_rate_limit=10**6)
    client = RawClient(url)
    yield client
    client.close()
    control.reset()


def _headers(rng: random.Random) -> dict[str, bytes]:
    headers = dict(_KEYS)
    odd: list[tuple[str, bytes]] = [
        (
            "Authorization",
            rng.choice([b"Basic \xe9", b"Basic ==", b"Basic /v8=", b"Bearer", b"\xff", b"Basic " + b"A" * 99]),
        ),
        ("Content-Encoding", rng.choice([b"gzip", b"deflate", b"br", b"zstd", b"nonsense", b"identity"])),
        (
            "Content-Type",
            rng.choice([b"text/plain", b"application/msgpack", b"multipart/form-data", b"\xff;charset=\xff"]),
        ),
        ("X-Anything", rng.choice([b"\xf0\x9f\x92\xa5", b"%00", b"x" * 2000])),
        ("Upgrade", rng.choice([b"websocket", b"h2c"])),
        ("Expect", b"200-maybe"),
    ]
    if rng.random() < 0.25:
        name, value = rng.choice(odd)
        headers[name] = value
        if name == "Authorization":
            del headers["APCA-API-KEY-ID"]
    return headers


def _target(rng: random.Random, paths: list[str]) -> str:
    path = rng.choice(paths)
    while "{}" in path:
        path = path.replace("{}", _written(rng) or "x", 1)
    if rng.random() < 0.5:
        return path
    pairs = [f"{rng.choice(_PARAMETERS)}={_written(rng)}" for _ in range(rng.randrange(1, 4))]
    return f"{path}?{rng.choice(['&', '&', ';']).join(pairs)}"


def _written(rng: random.Random) -> str:
    """A word within an address: percent-encoded, or what is left of bytes that mean nothing."""
    if rng.random() < 0.1:
        return "".join(f"%{byte:02X}" for byte in rng.randbytes(rng.randrange(1, 6))) + rng.choice(
            ["", "%", "%G1", "%u00b2"]
        )
    return quote(rng.choice(_WORDS), safe=rng.choice(["", "/", ",:"]))


def _body(rng: random.Random, good: dict[str, Any], fields: list[str]) -> bytes:
    document = copy.deepcopy(good)
    for _ in range(rng.randrange(1, 4)):
        outer, field = document, rng.choice(fields)
        while "." in field:
            name, field = field.split(".", 1)
            inner = outer.get(name)
            outer = inner[0] if isinstance(inner, list) and inner else inner if isinstance(inner, dict) else {}
        if isinstance(outer, dict):
            outer[field] = rng.choice(_VALUES)
    text = json.dumps(document, allow_nan=True).encode()
    spoiled = rng.random()
    if spoiled < 0.05:
        return text[: rng.randrange(len(text))]
    if spoiled < 0.1:
        place = rng.randrange(len(text))
        return text[:place] + rng.randbytes(3) + text[place:]
    if spoiled < 0.15:
        depth = rng.choice([20, 100, 900, 50_000])
        return b'{"qty": ' + b"[" * depth + b"]" * depth + b', "symbol": "TQQQ"}'
    if spoiled < 0.2:
        return json.dumps(document).encode(rng.choice(["utf-16", "utf-32", "utf-8-sig"]))
    if spoiled < 0.25:
        return text.replace(b": ", b": 1e", 1)
    return text if spoiled < 0.95 else rng.randbytes(200)


def _within(good: dict[str, Any]) -> list[str]:
    """The fields of the first object of each list, as `events.at`."""
    lists = {name: value[0] for name, value in good.items() if isinstance(value, list) and isinstance(value[0], dict)}
    return [f"{name}.{field}" for name, inner in lists.items() for field in inner]


def _judge(method: str, target: str, body: bytes, status: int, content: bytes) -> None:
    told = f"{method} {target[:300]} {body[:300]!r} -> {status} {content[:300]!r}"
    assert 200 <= status < 500, told
    if status >= 400 and content[:1] == b"{":
        document = json.loads(content)
        assert "message" in document or "error" in document, told
    elif status >= 400 and method != "HEAD":
        assert status in (400, 401, 417), told


def test_requests_of_clients(raw: RawClient, control: ExchangeControl) -> None:
    rng = random.Random(20_261_128)
    control.position("TQQQ", 7, 50)
    fields = [*_BRACKET, "notional", "stop_price", "trail_price", "trail_percent", "position_intent", "trail"]
    fields += ["symbols", "name", "max_margin_multiplier", "no_shorting"]
    fields += ["take_profit.limit_price", "stop_loss.stop_price", "stop_loss.limit_price", "advanced_instructions"]
    seen: dict[int, int] = {}
    for number in range(_CLIENT_REQUESTS):
        if number % 20 == 0:
            _lift_suspension(raw)
        method, target, headers = rng.choice(_METHODS), _target(rng, _PATHS), _headers(rng)
        good = {k: v for k, v in rng.choice([_ORDER, _BRACKET, {}]).items() if k != "client_order_id"}
        body = b"" if method in ("GET", "HEAD") else _body(rng, good, fields)
        if rng.random() < 0.3:
            method, target = "POST", "/v2/orders"
            body = _body(rng, good, fields)
        status, content = raw.send(method, target, body, headers)
        seen[status] = seen.get(status, 0) + 1
        _judge(method, target, body, status, content)
    # It was not refused all alike: the requests went as far as there is to go.
    assert {200, 400, 401, 403, 404, 422} <= seen.keys(), seen
    status, content = raw.send("GET", "/v2/orders?status=all&limit=500", b"", _KEYS)
    orders = json.loads(content)
    assert status == 200 and len(orders) > 10
    assert all(Decimal(order["qty"] or order["notional"]) > 0 for order in orders)
    _serves(raw, control)


def test_requests_to_the_control_port(raw: RawClient, control: ExchangeControl) -> None:
    rng = random.Random(20_261_129)
    seen: set[int] = set()
    for number in range(_CONTROL_REQUESTS):
        endpoint, good = rng.choice(list(_CONTROL.items()))
        method, path = endpoint.split(" ")
        target = _target(rng, [f"/_exchange/{path}"])
        body = _body(rng, good, [*good, *_within(good), "symbol"])
        status, content = raw.send(method, target, body, {})
        seen.add(status)
        _judge(method, target, body, status, content)
        if number % 20 == 0:
            control.faults()
            for path in _READS:
                status, content = raw.send("GET", path, b"", _KEYS)
                _judge("GET", path, b"", status, content)
    assert seen == {200, 400, 404}
    control.reset()
    control.set_clock("2026-11-20T10:00:00-05:00", paused=False, speed=1)
    control.quote("TQQQ", "50.95", "50.98")
    _serves(raw, control)


def test_bytes_that_are_no_requests(raw: RawClient, control: ExchangeControl) -> None:
    rng = random.Random(20_261_130)
    order = json.dumps(_ORDER).encode()
    keys = b"".join(name.encode() + b": " + value + b"\r\n" for name, value in _KEYS.items())
    good = b"POST /v2/orders HTTP/1.1\r\nHost: x\r\n" + keys + b"Content-Length: %d\r\n\r\n" % len(order) + order
    odd = [
        b"GET http://[::1/v2/orders HTTP/1.1\r\n\r\n",
        b"CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /v2/orders HTTP/9.9\r\n\r\n",
        b"GET /v2/" + b"a" * 20_000 + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 2_000 + b"\r\n",
        good.replace(b"Content-Length: ", b"Content-Length: -"),
        good.replace(b"Content-Length: ", b"Content-Length: 99999"),
        good.replace(b"Content-Length: %d" % len(order), b"Transfer-Encoding: chunked") + b"\r\nzz\r\n",
        good.replace(b"POST ", b"\x16\x03\x01 "),
    ]
    for _ in range(_BYTE_STREAMS):
        data = bytearray(rng.choice([good, good, *odd]))
        for _ in range(rng.randrange(4)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        heard = raw.throw(bytes(data))
        assert not heard or heard[9:10] in b"24", (bytes(data)[:300], heard[:300])
    _serves(raw, control)


def _lift_suspension(raw: RawClient) -> None:
    """Let the account trade again, whatever a configuration has become on the way."""
    trading = {"suspend_trade": False, "fractional_trading": True, "no_shorting": False}
    raw.send("PATCH", "/v2/account/configurations", json.dumps(trading).encode(), _KEYS)


def _serves(raw: RawClient, control: ExchangeControl) -> None:
    """A good request is answered, and its order fills."""
    control.faults()
    control.settings(rate_limit=10**6, key_id=None, secret_key=None)
    _lift_suspension(raw)
    raw.send("DELETE", "/v2/orders", b"", _KEYS)
    body = _ORDER | {"limit_price": "51.50", "client_order_id": "last"}
    status, content = raw.send("POST", "/v2/orders", json.dumps(body).encode(), _KEYS)
    assert status == 200, content
    control.wait_for(lambda entry: entry["type"] == "fill" and entry["client_order_id"] == "last", _PATIENCE_S)
