"""Metrics that AWS keeps by itself, by the minute."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from desk.doctor.case import Case


@dataclass(frozen=True)
class Point:
    """The value of a metric in the minute that begins at `at`."""

    at: datetime
    value: float


def points(
    case: Case, namespace: str, metric: str, dimensions: dict[str, str], statistic: str, *, minutes: int
) -> list[Point]:
    """The last so many minutes, oldest first; minutes without data are left out. AWS lags by a minute or two."""
    now = case.measured_now()
    answer: dict[str, Any] = case.connection.cloudwatch.get_metric_statistics(
        Namespace=namespace,
        MetricName=metric,
        Dimensions=[{"Name": name, "Value": value} for name, value in dimensions.items()],
        StartTime=now - timedelta(minutes=minutes),
        EndTime=now + timedelta(minutes=1),
        Period=60,
        Statistics=[statistic],
    )
    found = [Point(point["Timestamp"], float(point[statistic])) for point in answer["Datapoints"]]
    return sorted(found, key=lambda point: point.at)


def latest(
    case: Case, namespace: str, metric: str, dimensions: dict[str, str], statistic: str, *, minutes: int
) -> Point | None:
    """The newest point, or None."""
    found = points(case, namespace, metric, dimensions, statistic, minutes=minutes)
    return found[-1] if found else None
