"""Fields of Alpaca's JSON: what is missing, or not of its kind, raises `Unreadable` unless a default is given."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

MAX_MAGNITUDE = 30
"""Decimal places before or behind the point that a number of the broker's may begin at."""


class Unreadable(ValueError):
    """The answer is JSON, but not what the broker is known to send."""


def moment(text: str) -> datetime:
    """A time with a zone, in UTC; digits beyond microseconds are cut."""
    try:
        parsed = datetime.fromisoformat(text)
        in_utc = parsed.astimezone(UTC) if parsed.tzinfo else None
    except (ValueError, OverflowError) as error:
        raise Unreadable(f"{text!r} is not a time") from error
    if in_utc is None:
        raise Unreadable(f"{text!r} has no time zone")
    return in_utc


def object_of(body: Any, what: str) -> dict[str, Any]:
    if not isinstance(body, dict):
        raise Unreadable(f"the {what} is not an object")
    return body


def text(fields: dict[str, Any], name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str) or not value:
        raise Unreadable(f"{name} is missing")
    return value


def optional_text(fields: dict[str, Any], name: str) -> str | None:
    return None if fields.get(name) in (None, "") else text(fields, name)


def items(fields: dict[str, Any], name: str) -> list[Any]:
    value = fields.get(name) or []
    if not isinstance(value, list):
        raise Unreadable(f"the {name} are not a list")
    return value


def number(fields: dict[str, Any], name: str, default: Decimal | None = None) -> Decimal:
    value = fields.get(name)
    if value is None or value == "":
        if default is None:
            raise Unreadable(f"{name} is missing")
        return default
    try:
        number = Decimal(str(value))
    except InvalidOperation as error:
        raise Unreadable(f"{name} {value!r} is not a number") from error
    # One that no market knows would overflow in the first product, or be written out with a billion noughts.
    if not number.is_finite() or abs(number.adjusted()) > MAX_MAGNITUDE:
        raise Unreadable(f"{name} {value!r} is not a number")
    return number


def optional_number(fields: dict[str, Any], name: str) -> Decimal | None:
    return None if fields.get(name) in (None, "") else number(fields, name)


def optional_moment(fields: dict[str, Any], name: str) -> datetime | None:
    value = fields.get(name)
    return moment(value) if isinstance(value, str) and value else None
