"""A scene: the control requests that an exchange starts with, read from one JSON document."""

from __future__ import annotations

import json
from typing import Any

from desk.exchange.control.api import ControlApi
from desk.exchange.wire.errors import ControlError
from desk.exchange.wire.fields import only, record, records
from desk.exchange.wire.web import Request

_PER_SYMBOL = ("assets", "quotes", "positions")
# In this order, so that quotes find their assets and positions their prices.
_PARTS = ("settings", "account", *_PER_SYMBOL, "tapes", "script", "faults")


def play(control: ControlApi, document: Any) -> None:
    """Set the scene; ControlError names what is wrong with it."""
    given = record("scene", document)
    only(given, _PARTS)
    for part in [name for name in _PARTS if name in given]:
        try:
            _play_part(control, part, given[part])
        except ControlError as problem:
            raise ControlError(f"{part}: {problem}") from None


def _play_part(control: ControlApi, part: str, content: Any) -> None:
    if part in _PER_SYMBOL:
        for symbol, fields in record(part, content).items():
            _send(control, "PUT", f"{part}/{symbol}", record(symbol, fields))
    elif part == "tapes":
        for tape in records(part, content):
            _send(control, "POST", "tape", tape)
    elif part == "script":
        _send(control, "POST", part, {"events": content})
    elif part == "faults":
        _send(control, "PUT", part, {"faults": content})
    else:
        _send(control, "PUT", part, content)


def _send(control: ControlApi, method: str, path: str, body: Any) -> None:
    control.serve(Request(method, f"/_exchange/{path}", body=json.dumps(body, default=str).encode()))
