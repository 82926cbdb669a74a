"""What a lab told of itself, in metrics."""

from __future__ import annotations

from typing import Any

from repeg.domain.metrics.listed import Metric
from repeg.domain.metrics.measured import Line


class Told:
    """Metrics as they were told, oldest first."""

    def __init__(self) -> None:
        self.lines: list[Line] = []

    def put(self, line: Line) -> None:
        self.lines.append(line)

    def values(self, metric: Metric) -> list[Any]:
        """Every value of a metric, of lines that carry no breakdown."""
        return [line.values[metric] for line in self.lines if metric in line.values and not line.by]
