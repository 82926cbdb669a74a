"""Reading the JSON of control requests: every problem is a ControlError that names the field."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from desk.exchange.market.model import ZERO
from desk.exchange.market.moments import SECOND
from desk.exchange.wire.errors import ApiError, ControlError
from desk.exchange.wire.values import day_of, decimal_of, instant_of, symbol_of
from desk.exchange.wire.web import Request

_SHOWN = 40
_LONGEST_S = 10**9


def number(name: str, value: Any, *, low: Decimal | None = ZERO) -> Decimal:
    """A finite decimal, given as a string or a number, not below `low`."""
    # True is a 1 to Python, and no number to whoever sent it.
    if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
        raise ControlError(f"{name}: a number is needed")
    result = decimal_of(value)
    if result is None:
        raise ControlError(f"{name}: not a number below a trillion: {str(value)[:_SHOWN]}")
    if low is not None and result < low:
        raise ControlError(f"{name}: out of range: {value}")
    return result


def seconds(name: str, value: Any) -> int:
    """A stretch of time, given in seconds, in nanoseconds: at most some 30 years, so that all instants have a date."""
    result = number(name, value)
    if result > _LONGEST_S:
        raise ControlError(f"{name}: at most {_LONGEST_S}")
    return int(result * SECOND)


def flag(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise ControlError(f"{name}: true or false is needed")
    return value


def text(name: str, value: Any) -> str:
    # Nothing here is named by a NUL, neither a file nor an asset, and Python's own calls choke on it.
    if not isinstance(value, str) or not value or "\0" in value:
        raise ControlError(f"{name}: a text is needed")
    return value


def symbol(value: Any) -> str:
    """A ticker, in upper case."""
    name = symbol_of(text("symbol", value))
    if name is None:
        raise ControlError(f"symbol: not a ticker: {value[:_SHOWN]!r}")
    return name


def day(name: str, value: Any) -> date:
    found = day_of(text(name, value))
    if found is None:
        raise ControlError(f"{name}: a day is needed, as 2026-11-20")
    return found


def instant(name: str, value: Any) -> int:
    """Nanoseconds of an RFC 3339 text."""
    found = instant_of(text(name, value))
    if found is None:
        raise ControlError(f"{name}: not an RFC 3339 time with an offset: {value[:_SHOWN]!r}")
    return found


def record(name: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ControlError(f"{name}: a JSON object is needed")
    return value


def records(name: str, value: Any) -> list[dict[str, Any]]:
    if not isinstance(value, list):
        raise ControlError(f"{name}: a JSON array is needed")
    return [record(f"{name}[{i}]", item) for i, item in enumerate(value)]


def body_of(request: Request) -> dict[str, Any]:
    """The body of a control request, a JSON object."""
    try:
        return record("body", request.json)
    except ApiError:
        raise ControlError("body: not JSON") from None


def only(given: Mapping[str, Any], known: Iterable[str]) -> None:
    """Refuse fields that mean nothing here."""
    if unknown := sorted(set(given) - set(known)):
        raise ControlError(f"unknown field: {', '.join(unknown)}")
