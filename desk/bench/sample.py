"""Repeated measurements of one thing, and how they are told."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Sample:
    """Measurements in one unit, at least one. The spread is told by the smallest and the largest."""

    values: tuple[float, ...]

    @property
    def n(self) -> int:
        return len(self.values)

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def low(self) -> float:
        return min(self.values)

    @property
    def high(self) -> float:
        return max(self.values)

    def percentile(self, share: float) -> float:
        """The smallest measurement that at least `share` (0 to 1) of all do not exceed."""
        ranked = sorted(self.values)
        return ranked[max(0, math.ceil(share * len(ranked)) - 1)]

    def to(self, baseline: Sample) -> float:
        """How many times the baseline's median this median is."""
        return self.median / baseline.median

    def document(self) -> dict[str, Any]:
        """JSON-ready."""
        names = {"median": self.median, "low": self.low, "high": self.high, "p95": self.percentile(0.95)}
        return {name: rounded(value) for name, value in names.items()} | {"n": self.n}


def sample(values: Iterable[float]) -> Sample:
    """A sample of these values."""
    return Sample(tuple(values))


def average(samples: Iterable[Sample]) -> Sample:
    """Of several things the average lowest, median and highest, as a sample of these three."""
    found = list(samples)
    return sample(statistics.mean(figures) for figures in zip(*((s.low, s.median, s.high) for s in found), strict=True))


def rounded(value: float) -> float:
    """To four significant digits, whole from a thousand on: what noise leaves of a measurement."""
    if not value:
        return 0.0
    return round(value, max(0, 3 - math.floor(math.log10(abs(value)))))
