"""Market instants as integer nanoseconds since the Unix epoch, and their RFC 3339 texts."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

MILLISECOND = 1_000_000
SECOND = 1_000_000_000
MINUTE = 60 * SECOND
DAY = 24 * 60 * MINUTE
EASTERN = ZoneInfo("America/New_York")

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Nine digits, where datetime reads six: Alpaca's market data has nanoseconds.
_INSTANT = re.compile(r"^(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d(?::\d\d)?)(?:\.(\d{1,9})\d*)?\s*([Zz]|[+ -]\d\d:?\d\d)$")
_DATE = re.compile(r"^\d{4}-\d\d-\d\d$")


def to_ns(moment: datetime) -> int:
    """Nanoseconds since the epoch of an aware datetime."""
    elapsed = moment - _EPOCH
    return (elapsed.days * 86_400 + elapsed.seconds) * SECOND + elapsed.microseconds * 1_000


def from_ns(instant: int) -> datetime:
    """Aware UTC datetime of an instant, cut to microseconds."""
    return _EPOCH + timedelta(microseconds=instant // 1_000)


def eastern(instant: int) -> datetime:
    """The instant on the exchange's wall clock (New York), cut to microseconds."""
    return from_ns(instant).astimezone(EASTERN)


def eastern_ns(day: date, at: time) -> int:
    """Nanoseconds since the epoch of a New York wall-clock time."""
    return to_ns(datetime.combine(day, at, tzinfo=EASTERN))


def utc_midnight(day: date) -> int:
    """Nanoseconds since the epoch of the start of a day in UTC."""
    return to_ns(datetime.combine(day, time(0), tzinfo=UTC))


def parse_instant(text: str) -> int:
    """Read an RFC 3339 text (an offset is required) or a bare date (midnight UTC).

    Raises ValueError for anything else. A blank where a query string lost its plus sign is read as the plus.
    """
    if _DATE.match(text):
        return utc_midnight(date.fromisoformat(text))
    found = _INSTANT.match(text.strip())
    if found is None:
        raise ValueError(f"not an RFC 3339 time with an offset: {text!r}")
    day, clock, fraction, offset = found.groups()
    # alpaca-py sends +00:00 in queries, and a plus that is not escaped arrives as a blank.
    offset = "+00:00" if offset in "Zz" else offset.replace(" ", "+")
    whole = to_ns(datetime.fromisoformat(f"{day}T{clock}{offset}"))
    return whole + int((fraction or "0").ljust(9, "0"))


def utc_text(instant: int) -> str:
    """RFC 3339 in UTC with nine decimals."""
    return f"{from_ns(instant).isoformat()[:19]}.{instant % SECOND:09d}Z"


def eastern_text(instant: int) -> str:
    """RFC 3339 with New York's offset; decimals only if there are any."""
    return eastern(instant).isoformat()
