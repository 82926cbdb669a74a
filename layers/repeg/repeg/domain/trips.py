"""Trips: evidence upon which trading halts by itself, as an operator's word on the account would halt it.

What a trip was made of is used up by it: after a `repeg resume` it takes as much anew.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from repeg.domain.halt import Halt, Mode
from repeg.domain.loss import loss_of_the_day
from repeg.domain.models import printable
from repeg.domain.money import plain
from repeg.domain.settings import Settings

ZERO = Decimal(0)
_NAMED = 3


class Trip(StrEnum):
    """What trips."""

    PROTECTION = "protection"
    BROKER = "broker"
    LOSS = "loss"
    DRIFT = "drift"


class Tripped(NamedTuple):
    """A trip: why, and its mark before and after. The mark says which evidence is used up."""

    trip: Trip
    why: str
    before: str
    after: str


class Failures(NamedTuple):
    """Orders that ended without protection, with when (market time), and the mark: a time up to which none counts."""

    at: Mapping[str, datetime]
    mark: str = ""


class Errors(NamedTuple):
    """Requests one after the other that the broker did not serve; the mark is the wall time of the last trip."""

    in_a_row: int = 0
    mark: str = ""


class Worth(NamedTuple):
    """What the account is worth, and was at the last close, without what was paid in (+) or out (-) since."""

    equity: Decimal
    last_equity: Decimal | None
    moved: Decimal = ZERO


def by_failures(failures: Failures, settings: Settings) -> Tripped | None:
    """So many orders ended without protection within some minutes."""
    most = settings.trip_protection_failures
    used = datetime.fromisoformat(failures.mark) if failures.mark else None
    fresh = {name: at for name, at in failures.at.items() if used is None or at > used}
    newest = max(fresh.values(), default=None)
    if not most or newest is None:
        return None
    window = timedelta(minutes=settings.trip_protection_minutes)
    counted = [name for name, at in fresh.items() if newest - at < window]
    if len(counted) < most:
        return None
    named = ", ".join(counted[-_NAMED:])
    why = f"{len(counted)} orders ended without protection within {settings.trip_protection_minutes} minutes ({named})"
    return Tripped(Trip.PROTECTION, _told(why, "trip_protection_failures", most), failures.mark, newest.isoformat())


def by_errors(errors: Errors, settings: Settings, wall: datetime) -> Tripped | None:
    """So many requests in a row were not served."""
    most = settings.trip_broker_errors
    if not most or errors.in_a_row < most:
        return None
    why = f"{errors.in_a_row} requests in a row were not served by the broker"
    return Tripped(Trip.BROKER, _told(why, "trip_broker_errors", most), errors.mark, wall.isoformat())


def watches_loss(settings: Settings) -> bool:
    """Whether the day's loss is to be looked at at all: it costs a trading request a minute."""
    return settings.trip_daily_loss > 0 or settings.trip_daily_loss_fraction > 0


def by_loss(worth: Worth, mark: str, settings: Settings, today: date) -> Tripped | None:
    """The account lost so much since the last close, or since it tripped today."""
    # Nobody trades an account that is worth nothing: a figure that was not filled in.
    if worth.last_equity is None or worth.last_equity <= 0 or worth.equity <= 0:
        return None
    loss = loss_of_the_day(worth.equity, worth.last_equity, worth.moved)
    limits = {
        "trip_daily_loss": settings.trip_daily_loss,
        "trip_daily_loss_fraction": settings.trip_daily_loss_fraction * worth.last_equity,
    }
    on, _, told = mark.partition(" ")
    used = Decimal(told) if on == today.isoformat() else ZERO
    broken = [name for name, limit in limits.items() if limit > 0 and loss - used >= limit]
    if not broken:
        return None
    share = loss / worth.last_equity * 100
    since = f", ${loss - used:,.2f} of it since it tripped before" if used else ""
    why = f"the account lost ${loss:,.2f} since the last close, {share:.2f} % of ${worth.last_equity:,.2f}{since}"
    set_to = getattr(settings, broken[0])
    return Tripped(Trip.LOSS, _told(why, broken[0], set_to), mark, f"{today.isoformat()} {plain(loss)}")


def by_drift(differences: Collection[str], mark: str, settings: Settings) -> Tripped | None:
    """A comparison of the book finds so many differences that were not there when it tripped last."""
    most, used = settings.trip_drift, mark.split()
    fresh = sorted(name for name in differences if name not in used)
    if not most or len(fresh) < most:
        return None
    why = f"{len(fresh)} differences between broker and records ({', '.join(fresh[:_NAMED])})"
    return Tripped(Trip.DRIFT, _told(why, "trip_drift", most), mark, " ".join(sorted(differences)))


def halt_by(tripped: Tripped, settings: Settings, wall: datetime) -> Halt:
    """The word that a trip says."""
    since = wall.replace(microsecond=0)
    return Halt(mode=Mode(settings.trip_mode), reason=printable(f"tripped: {tripped.why}"), since=since)


def _told(why: str, setting: str, to: object) -> str:
    return f"{why}; {setting} is {to}"
