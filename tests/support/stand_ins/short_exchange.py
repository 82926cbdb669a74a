"""The simulated exchange without HTTP in between: what a request does and is answered is its own, the way is not taken.

Requests are made and answers are read by the adapter under test, as ever; only the sockets, and a second process that
parses what the first has written, are left out. Over these go the tests of the exchange, of the adapter, of the
functions and of the local cloud, and the second engine's.
"""

from __future__ import annotations

import json
from fractions import Fraction
from io import BytesIO
from threading import RLock
from typing import Any
from urllib.parse import urlsplit

from requests import ConnectionError, PreparedRequest, ReadTimeout, Response, Session
from requests.adapters import HTTPAdapter
from urllib3 import HTTPResponse

from desk.exchange.client import ExchangeControl, ExchangeRefused
from desk.exchange.door.gateway import Gateway
from desk.exchange.market.moments import parse_instant
from desk.exchange.wire.web import Reply, Request
from repeg.broker.alpaca import AlpacaBroker

URL = "http://127.0.0.1"


class ShortExchange(ExchangeControl):
    """An exchange in this process. Its clock stands still but for what the control says."""

    def __init__(self, start: str) -> None:
        super().__init__(URL)
        self._gateway = Gateway(parse_instant(start), Fraction(1))
        self._gateway.clock.pause(True)
        # Requests of several threads come one after the other, as they do at the server's loop.
        self._one = RLock()

    def ask(self, request: Request, patience_s: float) -> Reply:
        """The answer to a client's request. Raises what `requests` does where there is none in time."""
        with self._one:
            fault = self._gateway.fault_for(request)
            if fault is not None and fault.terms.delay_ms and not fault.terms.after_effect:
                raise NotImplementedError("a request that takes effect later needs an exchange that goes on meanwhile")
            reply = self._gateway.serve(request, fault)
        if reply.status == 0:
            raise ConnectionError("the connection was cut")
        # Nobody waits here: whether the answer would be there in time is known.
        if reply.delay_ms / 1000 > patience_s:
            raise ReadTimeout("the answer comes later")
        return reply

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None, *, extra_s: float = 0) -> Any:
        path, _, query = path.partition("?")
        content = json.dumps(body, default=str).encode() if body is not None else b""
        headers = {"content-type": "application/json"}
        with self._one:
            reply = self._gateway.serve(Request(method, f"/_exchange/{path}", query, headers, content))
        if reply.status >= 400:
            raise ExchangeRefused(reply.encoded().decode())
        return json.loads(reply.encoded())


class _Way(HTTPAdapter):
    """From a session of `requests` to the exchange and back."""

    def __init__(self, exchange: ShortExchange) -> None:
        super().__init__()
        self._exchange = exchange

    def send(self, request: PreparedRequest, *_: Any, timeout: Any = None, **__: Any) -> Response:
        to = urlsplit(str(request.url))
        headers = {name.lower(): str(value) for name, value in request.headers.items()}
        body = request.body or b""
        content = body.encode() if isinstance(body, str) else body
        asked = Request(str(request.method), to.path, to.query, headers, content)
        reply = self._exchange.ask(asked, timeout[1] if isinstance(timeout, tuple) else float("inf"))
        told = {**reply.headers, "Content-Type": reply.content_type}
        raw = HTTPResponse(BytesIO(reply.encoded()), told, reply.status, preload_content=False)
        return self.build_response(request, raw)


def reach(exchange: ExchangeControl, broker: AlpacaBroker) -> None:
    """Let a broker's requests go the short way, if the exchange has one."""
    for session in (broker._trading._session, broker._data._session):
        _shorten(exchange, session)


def stranger(exchange: ExchangeControl) -> Session:
    """The session of somebody else."""
    hand = Session()
    hand.trust_env = False
    _shorten(exchange, hand)
    return hand


def _shorten(exchange: ExchangeControl, session: Session) -> None:
    if isinstance(exchange, ShortExchange):
        session.mount(URL, _Way(exchange))
