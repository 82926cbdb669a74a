"""Averages with what chance may have done to them, quantiles, and bins of histograms."""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

FEWEST = 5
"""Below so many orders an interval would only pretend to know something."""
SMALL = 100
"""Up to so many orders the interval is drawn from the orders themselves; above, averages are normal enough."""
RESAMPLES = 1000
# One seed for ever: who prints a report twice gets the same figures twice.
_SEED = 14
_NORMAL_95 = statistics.NormalDist().inv_cdf(0.975)
_BPS = Decimal("0.0001")
_MOST_BINS = 24

Weighted = Sequence[tuple[Decimal, Decimal]]
"""Values, each with its weight in dollars."""


class Estimate(NamedTuple):
    """An average by weight, and the interval that holds the true one in 95 of 100 such periods; None: too few."""

    average: Decimal | None
    low: Decimal | None = None
    high: Decimal | None = None
    method: str | None = None


def average(values: Weighted) -> Estimate:
    """The average of `values` by their weights."""
    weight = sum((share for _, share in values), Decimal(0))
    if not weight:
        return Estimate(None)
    mean = sum((value * share for value, share in values), Decimal(0)) / weight
    if len(values) < FEWEST:
        return Estimate(bps(mean))
    method, (low, high) = _interval([(float(value), float(share)) for value, share in values], float(mean))
    return Estimate(bps(mean), bps(Decimal(repr(low))), bps(Decimal(repr(high))), method)


def _interval(values: list[tuple[float, float]], mean: float) -> tuple[str, tuple[float, float]]:
    if len(values) <= SMALL:
        return "bootstrap", _bootstrap(values)
    # The average is a quotient of two sums: its error is that of its residuals.
    weight = math.fsum(share for _, share in values)
    error = math.sqrt(math.fsum((share * (value - mean)) ** 2 for value, share in values)) / weight
    return "normal", (mean - _NORMAL_95 * error, mean + _NORMAL_95 * error)


def _bootstrap(values: list[tuple[float, float]]) -> tuple[float, float]:
    chance = random.Random(_SEED)
    # Cost and weight as one complex number: both are added up in one go, which is most of the time that this takes.
    pairs = [complex(value * share, share) for value, share in values]
    sums = (sum(chance.choices(pairs, k=len(pairs))) for _ in range(RESAMPLES))
    means = [drawn.real / drawn.imag for drawn in sums]
    means.sort()
    outside = int(RESAMPLES * _outside(len(values)))
    return means[outside], means[-1 - outside]


def _outside(count: int) -> float:
    """The share of draws to leave out at either end, below 2.5 % for few values.

    Draws from few values vary less than such values do: of twenty intervals over five orders four missed. Widened as
    Student's distribution is beside the normal one, and by how much smaller a sample's own variance is
    (Hesterberg 2015, The American Statistician 69, "What Teachers Should Know About the Bootstrap").
    """
    z, free = _NORMAL_95, count - 1
    # Student's quantile by its series in 1 / free: to the hundredth from four on.
    student = (
        z
        + (z**3 + z) / (4 * free)
        + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * free**2)
        + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * free**3)
    )
    return statistics.NormalDist().cdf(-student * math.sqrt(count / free))


def bps(value: Decimal) -> Decimal:
    """To the ten-thousandth, as order views tell basis points."""
    return value.quantize(_BPS)


class Quantiles(NamedTuple):
    """Where values lie, each order counted once."""

    p5: Decimal
    p25: Decimal
    median: Decimal
    p75: Decimal
    p95: Decimal


def quantiles(values: Sequence[Decimal]) -> Quantiles | None:
    """Of at least one value."""
    if not values:
        return None
    if len(values) == 1:
        return Quantiles(*(bps(values[0]),) * 5)
    cuts = statistics.quantiles(map(float, values), n=20, method="inclusive")
    return Quantiles(*(bps(Decimal(repr(cuts[place]))) for place in (0, 4, 9, 14, 18)))


class Bin(NamedTuple):
    """Values from `low` up to, not including, `high`; None: whatever lies beyond the others."""

    low: Decimal | None
    high: Decimal | None
    orders: int


def histogram(values: Sequence[Decimal]) -> list[Bin]:
    """Bins of one round width; the outermost hundredths are put together at both ends."""
    if not values:
        return []
    known = sorted(map(float, values))
    low, high = known[len(known) // 100], known[-1 - len(known) // 100]
    width = _round_up((high - low) / _MOST_BINS)
    first, last = math.floor(low / width), math.floor(high / width) + 1
    edges = [Decimal(repr(round(place * width, 6))) for place in range(first, last + 1)]
    counts = [0] * (len(edges) - 1)
    below = above = 0
    for value in known:
        place = math.floor(value / width) - first
        if place < 0:
            below += 1
        elif place >= len(counts):
            above += 1
        else:
            counts[place] += 1
    ends = [Bin(None, edges[0], below)] if below else []
    bins = [Bin(edges[place], edges[place + 1], count) for place, count in enumerate(counts)]
    return [*ends, *bins, *([Bin(edges[-1], None, above)] if above else [])]


def _round_up(width: float) -> float:
    """The next width that people like to read; a single value still gets a bin."""
    if width <= 0:
        return 0.5
    scale: float = 10 ** math.floor(math.log10(width))
    return next(step * scale for step in (1, 2, 2.5, 5, 10) if step * scale >= width * 0.999999)
