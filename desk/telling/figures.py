"""Figures as people read them: prices, ratios, and times in New York."""

from __future__ import annotations

from datetime import datetime
from decimal import ROUND_DOWN, Decimal
from zoneinfo import ZoneInfo

NEW_YORK = ZoneInfo("America/New_York")
_CENT = Decimal("0.01")
NO_STRATEGY = "(no strategy)"
"""What pages call it: a strategy may have the name `none`, as its documents call it."""


def _in_new_york(at: str) -> datetime:
    return datetime.fromisoformat(at).astimezone(NEW_YORK)


def clock_time(at: str | None) -> str:
    """Time of day in New York of an RFC 3339 instant, to the tenth of a second."""
    if at is None:
        return ""
    local = _in_new_york(at)
    return f"{local:%H:%M:%S}.{local.microsecond // 100_000}"


def day(at: str) -> str:
    """Date in New York."""
    return f"{_in_new_york(at):%a %d %b %Y}"


def moment(at: str) -> str:
    """Day and second in New York, short enough for a column."""
    return moment_of(_in_new_york(at))


def moment_of(at: datetime) -> str:
    """The same, of a time."""
    return f"{at.astimezone(NEW_YORK):%d %b %H:%M:%S}"


def price(value: str | None) -> str:
    """Dollars: at least two decimals, more only where they carry something."""
    if value is None:
        return ""
    amount = Decimal(value)
    return (
        f"{amount:.2f}" if amount == amount.quantize(_CENT) else f"{amount.quantize(Decimal('0.0001')).normalize():f}"
    )


def basis_points(value: str | None) -> str:
    """Signed, + is cost."""
    if value is None:
        return ""
    told = f"{Decimal(value):+.2f}"
    # What is rounded to nothing is no loss.
    return told.lstrip("+-") if not Decimal(told) else told


def ratio(value: str | None) -> str:
    """Reward for a risk of one."""
    return "" if value is None else f"1:{Decimal(value):.2f}"


def percent(fraction: str | None) -> str:
    """A fraction as percent, to the tenth."""
    return "" if fraction is None else f"{Decimal(fraction) * 100:.1f} %"


def drift(fraction: str) -> str:
    """Signed, + is too much held; to the hundredth of a percent."""
    return f"{Decimal(fraction) * 100:+.2f} %"


def shares(qty: str) -> str:
    """Shares, cut to four decimals: the exact ones are in the documents."""
    return f"{Decimal(qty).quantize(Decimal('0.0001'), ROUND_DOWN).normalize():f}"


def dollars(value: str | None) -> str:
    """Dollars and cents; a debt with its sign before the dollar."""
    if value is None:
        return ""
    amount = Decimal(value)
    return f"{'-' if amount < 0 else ''}${abs(amount):,.2f}"
