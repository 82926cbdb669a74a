"""Metrics in log lines: the embedded metric format.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

MOST_DIMENSIONS = 30
MOST_VALUES = 100


@dataclass(frozen=True)
class Datum:
    """Values of one metric in one set of dimensions. `at`: wall seconds since 1970, or None for when it was logged."""

    namespace: str
    name: str
    values: tuple[float, ...]
    unit: str = "None"
    dimensions: Mapping[str, str] = field(default_factory=dict)
    resolution: int = 60
    at: float | None = None

    def document(self, at: float) -> dict[str, Any]:
        """As PutMetricData takes it, measured at `at`."""
        return {
            "MetricName": self.name,
            "Dimensions": [{"Name": name, "Value": value} for name, value in self.dimensions.items()],
            "Timestamp": at,
            "Values": list(self.values),
            "Unit": self.unit,
            "StorageResolution": self.resolution,
        }


def metrics_of(message: str) -> list[Datum]:
    """The metrics that a log line carries; one that is not understood carries none, as on AWS."""
    if not message.lstrip().startswith("{"):
        return []
    try:
        line = json.loads(message)
    except (ValueError, RecursionError):
        return []
    return list(_embedded(line))


def _embedded(line: Mapping[str, Any]) -> Iterator[Datum]:
    header = line.get("_aws")
    if not isinstance(header, dict):
        return
    at = header["Timestamp"] / 1000 if _is_number(header.get("Timestamp")) else None
    for directive in _records(header.get("CloudWatchMetrics")):
        space, sets = directive.get("Namespace"), _sets(directive.get("Dimensions"))
        for metric in _records(directive.get("Metrics")):
            name, unit = metric.get("Name"), str(metric.get("Unit", "None"))
            if not (isinstance(space, str) and isinstance(name, str) and (values := _values(line.get(name)))):
                continue
            resolution = 1 if metric.get("StorageResolution") == 1 else 60
            for dimensions in [found for names in sets if (found := _dimensions(line, names)) is not None]:
                yield Datum(space, name, values, unit, dimensions, resolution, at)


def _records(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _sets(value: Any) -> list[list[Any]]:
    """Sets of dimensions; a directive without any has the empty one."""
    found = [one for one in value if isinstance(one, list)] if isinstance(value, list) else []
    return found or [[]]


def _values(value: Any) -> tuple[float, ...]:
    numbers = value if isinstance(value, list) else [value]
    if len(numbers) > MOST_VALUES or not all(_is_number(one) for one in numbers):
        return ()
    return tuple(float(one) for one in numbers)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _dimensions(line: Mapping[str, Any], names: list[Any]) -> dict[str, str] | None:
    """None: one is not in the line, or they are too many, and AWS takes nothing."""
    found = {name: line[name] for name in names if isinstance(name, str) and isinstance(line.get(name), str)}
    return found if len(found) == len(names) <= MOST_DIMENSIONS else None
