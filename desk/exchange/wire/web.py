"""Requests and replies without a transport, and the table that routes them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property, partial
from typing import Any
from urllib.parse import parse_qsl, unquote

from desk.exchange.wire.errors import ApiError, ControlError
from desk.exchange.wire.given import Given

# Deeper than any request there is, and far from where Python's own reader and writer of JSON give up.
_DEEPEST = 32
_LARGEST_EXPONENT = 300
# Decimals come only from the bodies of faults, as somebody gave them.
_JSON = json.JSONEncoder(separators=(",", ":"), default=float)


@dataclass(frozen=True)
class Request:
    """An HTTP request; header names are lower case, the path is as sent, without the query.

    Handlers read it through `query` and `fields` alone, which give values of the type that is asked for.
    """

    method: str
    path: str
    query_string: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @cached_property
    def query(self) -> Given:
        """The parameters of the query; empty ones are as if not given, and of several the last one counts."""
        return Given(dict(parse_qsl(self.query_string)), written=True)

    @cached_property
    def json(self) -> Any:
        """The body with exact decimals; ApiError 400 if it is not JSON, or JSON that nobody could answer."""
        # Alpaca's server does not unpack bodies; one that says it is packed is not the JSON it should be.
        if self.headers.get("content-encoding", "identity") != "identity":
            raise _unreadable()
        try:
            # As text, since of bytes Python would guess the encoding.
            found = json.loads(self.body.decode(), parse_float=_decimal, parse_constant=_decimal)
        except (ValueError, RecursionError):
            raise _unreadable() from None
        if _too_deep(found) or (b"\\u" in self.body and not _encodable(found)):
            raise _unreadable()
        return found

    @cached_property
    def fields(self) -> Given:
        """The body as a JSON object; ApiError 400 if it is something else."""
        if not isinstance(self.json, dict):
            raise _unreadable()
        return Given(self.json)


@dataclass(frozen=True)
class Reply:
    """An answer: JSON unless `content_type` says otherwise. Status 0: none, the connection is cut."""

    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "application/json"
    delay_ms: int = 0
    line: bool = False
    """Whether JSON ends with a line break, for whoever reads it in a terminal."""

    def encoded(self) -> bytes:
        if self.body is None:
            return b""
        if self.content_type != "application/json" or isinstance(self.body, bytes):
            return self.body if isinstance(self.body, bytes) else str(self.body).encode()
        return _JSON.encode(self.body).encode() + (b"\n" if self.line else b"")


Handler = Callable[..., Reply]


class Router:
    """Routes by method and path; `{name}` in a pattern matches one path segment."""

    def __init__(self, prefix: str, routes: Mapping[str, Handler]) -> None:
        self.prefix = prefix
        self._routes: list[tuple[str, re.Pattern[str], Handler]] = []
        for route, handler in routes.items():
            method, path = route.split(" ")
            pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", prefix + path)
            self._routes.append((method, re.compile(f"^{pattern}/?$"), handler))

    def find(self, method: str, path: str) -> Callable[[Request], Reply] | None:
        """The handler of a request, None if there is no such endpoint."""
        for verb, pattern, handler in self._routes:
            if verb == method and (found := pattern.match(path)):
                named = {k: unquote(v) for k, v in found.groupdict().items()}
                return partial(handler, **named)
        return None


def refusal(problem: ApiError | ControlError) -> Reply:
    """The reply that a refused request gets."""
    if isinstance(problem, ApiError):
        return Reply(problem.status, problem.body)
    return Reply(400, {"error": str(problem)})


def _unreadable() -> ApiError:
    return ApiError(400, 40010000, "request body format is invalid")


def _decimal(text: str) -> Decimal:
    """A number with a point or an exponent; ValueError for NaN and for what no float could hold."""
    try:
        number = Decimal(text)
    except ArithmeticError:
        raise ValueError(text) from None
    if not number.is_finite() or abs(number.adjusted()) > _LARGEST_EXPONENT:
        raise ValueError(text)
    return number


def _too_deep(value: Any) -> bool:
    """Whether containers lie within each other beyond `_DEEPEST`."""
    layer = [value]
    for _ in range(_DEEPEST):
        layer = [item for outer in layer for item in _inside(outer)]
        if not layer:
            return False
    return True


def _inside(value: Any) -> Iterable[Any]:
    items: Iterable[Any] = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [item for item in items if isinstance(item, dict | list)]


def _encodable(value: Any) -> bool:
    """Whether all texts are; a lone surrogate, which JSON can spell, is not a character."""
    try:
        json.dumps(value, ensure_ascii=False, default=str).encode()
    except ValueError:
        return False
    return True
