"""The metrics of a stack: what was measured of each in the last hours, beside its target and the level of its alarm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from desk.stack.alarms import described, measured, query, target_of
from desk.stack.connection import Connection
from desk.stack.market_time import measured_now
from repeg.domain.metrics.listed import LISTED, NAMESPACE, SERVICE, About, Metric, Target, Unit

PERIOD_S = 60
_UNKNOWN = About(Unit.NONE, "Average", "")

Points = tuple[tuple[datetime, float], ...]
Dimensions = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Measured:
    """One metric in one set of dimensions besides the stack's; `points` are minutes, oldest first."""

    name: str
    points: Points
    by: Dimensions = ()
    alarm_level: float | None = None

    @property
    def about(self) -> About:
        """What the list says of it."""
        return LISTED[Metric(self.name)] if self.name in LISTED else _UNKNOWN

    @property
    def target(self) -> Target | None:
        return target_of(self.name)

    @property
    def last(self) -> float | None:
        return self.points[-1][1] if self.points else None

    def document(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "name": self.name,
            "says": self.about.says,
            "unit": self.about.unit.value,
            "statistic": self.about.statistic,
            "by": dict(self.by),
            "value": self.last,
            "value_at": _text(self.points[-1][0]) if self.points else None,
            "target": float(self.target.wanted) if self.target else None,
            "alarm_level": self.alarm_level,
            "points": [{"at": _text(at), "value": value} for at, value in self.points],
        }


@dataclass(frozen=True)
class Found:
    """`totals` have no dimension but the stack's, in the order of the list; `parts` are broken down further."""

    since: datetime
    until: datetime
    totals: tuple[Measured, ...]
    parts: tuple[Measured, ...]


def metrics(connection: Connection, hours: float, name: str = "") -> Found:
    """What was measured in the last hours: of each metric as a whole, or of one of this name with all its parts."""
    known = _known(connection, name)
    wanted = sorted({(one, by) for one, by in known if name or not by}, key=_place)
    levels = _levels(connection)
    until = measured_now(connection)
    since = until - timedelta(hours=hours)
    queries = [_query(connection, number, one, by) for number, (one, by) in enumerate(wanted)]
    series = measured(connection, queries, since, until + timedelta(seconds=PERIOD_S))
    found = [
        Measured(one, tuple(points), by, levels.get(one) if not by else None)
        for (one, by), points in zip(wanted, series, strict=True)
    ]
    return Found(
        since, until, tuple(one for one in found if not one.by), tuple(one for one in found if one.by and one.points)
    )


def _known(connection: Connection, name: str) -> list[tuple[str, Dimensions]]:
    """Names and dimensions that were measured within two weeks."""
    ours = {"Name": SERVICE, "Value": connection.stack}
    narrowed = {"MetricName": name} if name else {}
    pages = connection.cloudwatch.get_paginator("list_metrics").paginate(
        Namespace=NAMESPACE, Dimensions=[ours], **narrowed
    )
    return [
        (
            str(one["MetricName"]),
            tuple(sorted((each["Name"], each["Value"]) for each in one["Dimensions"] if each["Name"] != SERVICE)),
        )
        for page in pages
        for one in page["Metrics"]
    ]


def _levels(connection: Connection) -> dict[str, float]:
    """Where the alarms of this stack's metrics go off."""
    ours = [{"Name": SERVICE, "Value": connection.stack}]
    return {
        str(alarm["MetricName"]): float(alarm["Threshold"])
        for alarm in described(connection)
        if alarm.get("Namespace") == NAMESPACE and alarm.get("Dimensions") == ours
    }


def _query(connection: Connection, number: int, name: str, by: Dimensions) -> dict[str, Any]:
    about = LISTED[Metric(name)] if name in LISTED else _UNKNOWN
    return query(number, NAMESPACE, name, [(SERVICE, connection.stack), *by], about.statistic, PERIOD_S)


def _place(one: tuple[str, Dimensions]) -> tuple[int, str, Dimensions]:
    """In the order of the list, what it does not know last."""
    names: Sequence[str] = list(LISTED)
    return (names.index(one[0]) if one[0] in LISTED else len(names), *one)


def _text(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
