"""One host of Alpaca's over `requests`: each call is sent once, in bounded time, and reported as it was.

alpaca-py's own client stands on the same library and is left aside: its models and errors fail on answers that matter
(an HTML error page, a status they do not know), its typed requests turn quantities into floats, it follows 429s by
itself, and importing it takes a fifth of a cold start.
"""

from __future__ import annotations

import contextlib
import ipaddress
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal
from urllib.parse import urlsplit

from requests import PreparedRequest, RequestException, Response, Session
from urllib3.exceptions import HTTPError as TransportError

from repeg.domain.metrics.measured import Call

Method = Literal["GET", "POST", "DELETE"]

CONNECT_TIMEOUT_SECONDS = 2.0
READ_TIMEOUT_SECONDS = 5.0
# The time-out for reading begins anew with each byte: an answer that drips in would outlast the function, and end it.
WHOLE_ANSWER_SECONDS = 10.0
_PIECE = 65536

# A kept connection dies unnoticed while a worker is frozen between calls; an order must not be the one to find out.
_STALE_AFTER_SECONDS = 30.0


class NoAnswer(Exception):
    """Time-out, refused or broken connection: nobody knows whether the request arrived."""


@dataclass(frozen=True)
class Reply:
    """An HTTP answer. `body` is the parsed JSON, None if there is none that can be read."""

    status: int
    body: Any = None
    text: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """True for 2xx."""
        return 200 <= self.status < 300

    def __str__(self) -> str:
        return f"HTTP {self.status} {self.text[:200]!r}"


class Wire:
    """Calls to one base URL. Safe to share between threads."""

    def __init__(
        self,
        base_url: str,
        key_id: str,
        secret_key: str,
        *,
        connect_timeout: float = CONNECT_TIMEOUT_SECONDS,
        read_timeout: float = READ_TIMEOUT_SECONDS,
        heard: Callable[[Call], None] = lambda call: None,
    ) -> None:
        self._heard = heard
        self._base_url = base_url.rstrip("/")
        self._timeouts = (connect_timeout, read_timeout)
        self._last_call = time.time()
        self._session = Session()
        keys = {"APCA-API-KEY-ID": key_id, "APCA-API-SECRET-KEY": secret_key}
        self._session.headers.update(keys | {"User-Agent": "repeg"})
        # Credentials in a .netrc would be sent along, and a proxy would be asked for a host on this machine.
        self._session.auth = _no_other_credentials
        self._session.trust_env = not is_loopback(base_url)

    def call(self, method: Method, path: str, data: dict[str, Any] | None = None, version: str = "v2") -> Reply:
        """Send once, to a version of the API. Raises `NoAnswer`; any answer at all, however broken, is a `Reply`."""
        began = time.monotonic()
        reply = None
        try:
            reply = self._call(method, path, data, version)
        finally:
            left = reply.headers.get("X-Ratelimit-Remaining", "") if reply else ""
            taken = (time.monotonic() - began) * 1000
            status, requests = reply.status if reply else None, int(left) if left.isdecimal() else None
            self._heard(Call(taken, status, requests, f"{method} {path}"))
        return reply

    def _call(self, method: Method, path: str, data: dict[str, Any] | None, version: str) -> Reply:
        self._drop_stale_connections()
        query, body = (data, None) if method == "GET" else (None, data)
        try:
            # A redirect is an answer like any other: followed, an order would be sent a second time, or somewhere else.
            with self._session.request(
                method,
                f"{self._base_url}/{version}{path}",
                params=query,
                json=body,
                # By default `requests` waits for ever: Lambda would end the worker, and with it what it knows.
                timeout=self._timeouts,
                allow_redirects=False,
                stream=True,
            ) as response:
                content = _content(response)
        except (RequestException, TransportError, ValueError, OSError) as problem:
            raise NoAnswer(f"{method} {path}: {type(problem).__name__}: {problem}") from problem
        # Not the library's own text: it guesses an encoding where none is named, and fails on some that are.
        text = content.decode(errors="replace")
        return Reply(response.status_code, _json(content), text, response.headers)

    def _drop_stale_connections(self) -> None:
        now = time.time()
        if abs(now - self._last_call) > _STALE_AFTER_SECONDS:
            self._session.close()
        self._last_call = now


def _content(response: Response) -> bytes:
    # Of a redirect the library has read it already.
    if response.is_redirect:
        return response.content
    # From its head on: an answer that comes late, but at once, is never thrown away.
    ends_at = time.monotonic() + WHOLE_ANSWER_SECONDS
    pieces = []
    # Piece by piece as they come: a read of the whole, or of so many bytes, waits for all of them.
    while piece := response.raw.read1(_PIECE, decode_content=True):
        if time.monotonic() > ends_at:
            raise TimeoutError(f"the answer is not complete after {WHOLE_ANSWER_SECONDS:g} s")
        pieces.append(piece)
    return b"".join(pieces)


def _json(content: bytes) -> Any:
    # As decimals: a price that went through a float may lie beside its tick, and be refused for that.
    with contextlib.suppress(ValueError, RecursionError):
        return json.loads(content, parse_float=Decimal, parse_constant=_refuse_constant)
    return None


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a number")


def _no_other_credentials(request: PreparedRequest) -> PreparedRequest:
    return request


def is_loopback(url: str) -> bool:
    """True if a URL leads to this machine, by its name or an address (not by a name that only looks like one)."""
    host = urlsplit(url).hostname or ""
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host == "localhost"
