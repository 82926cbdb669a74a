"""What a text or a JSON value stands for: numbers, instants, days, ids. The one place where strangers' bytes get types.

Python reads more than Alpaca does: digits of any script, underscores, `NaN`, numbers of a thousand digits. None of that
comes through here. None (the value) means that what was given is not what is wanted.
"""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from desk.exchange.market.moments import parse_instant

_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
_WHOLE = re.compile(r"[0-9]{1,18}")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_ID = re.compile(r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}", re.ASCII | re.IGNORECASE)
_SYMBOL = re.compile(r"[A-Z0-9][A-Z0-9./_-]{0,19}")
_LONGEST_NUMBER = 64
# Dollars and shares below a trillion, with 12 decimals, leave room for products within the 28 digits of a Decimal.
_MAX_MAGNITUDE = 11


def decimal_of(value: Any) -> Decimal | None:
    """A finite number, as JSON has it or written out, of less than a trillion and with no digit below 1e-11."""
    if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
        return None
    text = str(value) if not isinstance(value, int) or abs(value) < 10**_LONGEST_NUMBER else ""
    if len(text) > _LONGEST_NUMBER or not _NUMBER.fullmatch(text):
        return None
    number = Decimal(text)
    return number if abs(number.adjusted()) <= _MAX_MAGNITUDE else None


def whole_of(text: str) -> int | None:
    """A whole number from 0 on, below 1e18."""
    return int(text) if _WHOLE.fullmatch(text) else None


def day_of(text: str) -> date | None:
    """A calendar day, as 2026-11-20."""
    try:
        return date.fromisoformat(text) if _DAY.fullmatch(text) else None
    except ValueError:
        return None


def instant_of(text: str) -> int | None:
    """Nanoseconds of an RFC 3339 text, or of the start (UTC) of a day."""
    try:
        return parse_instant(text) if text.isascii() else None
    except (ValueError, OverflowError):
        return None


def id_of(text: str) -> str | None:
    """An id as Alpaca writes it: a UUID in lower case with hyphens."""
    return str(UUID(text)) if _ID.fullmatch(text) else None


def symbol_of(text: str) -> str | None:
    """A ticker in upper case."""
    name = text.upper()
    return name if text.isascii() and _SYMBOL.fullmatch(name) else None
