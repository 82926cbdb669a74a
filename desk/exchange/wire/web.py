"""Requests and replies without a transport, and the table that routes them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl, unquote

from desk.exchange.wire.errors import ApiError, ControlError, invalid


@dataclass(frozen=True)
class Request:
    """An HTTP request; header names are lower case, the path is as sent, without the query."""

    method: str
    path: str
    query_string: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @cached_property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(self.query_string, keep_blank_values=True))

    @cached_property
    def json(self) -> Any:
        """The body with exact decimals; ApiError 400 if it is not JSON."""
        try:
            return json.loads(self.body, parse_float=Decimal, parse_constant=_refuse)
        except (ValueError, RecursionError):
            raise ApiError(400, 40010000, "request body format is invalid") from None

    @property
    def fields(self) -> dict[str, Any]:
        """The body as a JSON object; ApiError 400 if it is something else."""
        if not isinstance(self.json, dict):
            raise ApiError(400, 40010000, "request body format is invalid")
        return self.json

    def flag(self, name: str) -> bool:
        """A boolean of the query, in any case (some clients send True)."""
        value = self.query.get(name, "false").lower()
        if value not in ("true", "false"):
            raise invalid(f"invalid {name}")
        return value == "true"


@dataclass(frozen=True)
class Reply:
    """An answer: JSON unless `content_type` says otherwise. Status 0: none, the connection is cut."""

    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "application/json"
    delay_ms: int = 0

    def encoded(self) -> bytes:
        if self.body is None:
            return b""
        if self.content_type != "application/json" or isinstance(self.body, bytes):
            return self.body if isinstance(self.body, bytes) else str(self.body).encode()
        # Decimals come only from the bodies of faults, as somebody gave them.
        return json.dumps(self.body, separators=(",", ":"), default=float).encode()


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
                return lambda request, handler=handler, named=named: handler(request, **named)  # type: ignore[misc]
        return None


def refusal(problem: ApiError | ControlError) -> Reply:
    """The reply that a refused request gets."""
    if isinstance(problem, ApiError):
        return Reply(problem.status, problem.body)
    return Reply(400, {"error": str(problem)})


def _refuse(constant: str) -> None:
    raise ValueError(constant)
