"""Fields of signals: numbers that are exact, prices on a tick, names and times; whatever else they say is refused."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Annotated

from repeg.domain.money import plain, tick_size, tidy
from repeg.domain.settings import SYMBOL
from repeg.domain.signals.checks import After, Before, Within

# As many as Alpaca takes of a quantity; with twelve digits before the point they fit into the 28 of a Decimal.
MAX_DECIMALS = 9
MAX_LABEL = 64
FIRST_YEAR, LAST_YEAR = 2000, 2999
MAX_DIGITS = 12
NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,3})?")
SIGNAL_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


def _exact_number(value: object) -> object:
    # To Python `true` is an int: it would be read as one share.
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        raise ValueError("must be a number, written as a decimal or as a string of one")
    if isinstance(value, str) and not NUMBER.fullmatch(value):
        raise ValueError(f"{value!r} is not a number")
    try:
        number = Decimal(value)
    except InvalidOperation:
        raise ValueError("is too large") from None
    if not number.is_finite():
        raise ValueError("must be finite")
    exponent = number.as_tuple().exponent
    if isinstance(exponent, int) and -exponent > MAX_DECIMALS:
        raise ValueError(f"has more than {MAX_DECIMALS} decimals; round it")
    if number.adjusted() >= MAX_DIGITS:
        raise ValueError("is too large")
    return tidy(number)


def _on_tick(value: Decimal) -> Decimal:
    if value % tick_size(value):
        raise ValueError(f"must be a price in whole ticks of {plain(tick_size(value))}")
    return value


def _symbol(value: str) -> str:
    if not SYMBOL.fullmatch(value):
        raise ValueError("must be an upper-case ticker such as TQQQ or BRK.B")
    return value


def _signal_id(value: str) -> str:
    if not SIGNAL_ID.fullmatch(value):
        raise ValueError("must be 1 to 64 of A-Z a-z 0-9 _ -")
    return value


def _label(value: str) -> str:
    if len(value) > MAX_LABEL:
        raise ValueError(f"must have at most {MAX_LABEL} characters")
    if not value.isprintable():
        raise ValueError("must be printable text")
    # With a blank at its end, as a template leaves one, no limit and no halt of the strategy would know it.
    return value.strip()


def _aware(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ValueError("needs an offset, for example 2026-11-20T15:00:00Z")
    if not FIRST_YEAR <= value.year <= LAST_YEAR:
        raise ValueError(f"must lie in the years {FIRST_YEAR} to {LAST_YEAR}")
    return value.astimezone(UTC)  # an offset may hold seconds, which a record would not keep


def _text_time(value: object) -> object:
    try:
        # Pydantic by itself takes numbers, too, for seconds or for milliseconds by their size.
        if isinstance(value, str) and "T" in value:
            return datetime.fromisoformat(value)
    except ValueError:
        pass
    raise ValueError("must be an RFC 3339 time such as 2026-11-20T15:00:00Z")


Number = Annotated[Decimal, Before(_exact_number)]
Positive = Annotated[Number, Within(gt=0)]
Price = Annotated[Positive, After(_on_tick)]
Symbol = Annotated[str, After(_symbol)]
Label = Annotated[str, After(_label)]
SignalId = Annotated[str, After(_signal_id)]
Instant = Annotated[datetime, Before(_text_time), After(_aware)]
