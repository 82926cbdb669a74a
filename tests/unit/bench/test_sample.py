from __future__ import annotations

import pytest

from desk.bench.sample import average, rounded, sample


def test_a_sample_tells_its_middle_and_its_spread() -> None:
    found = sample([30, 10, 20, 1000])
    assert (found.median, found.low, found.high, found.n) == (25, 10, 1000, 4)


@pytest.mark.parametrize(("share", "value"), [(0.5, 50), (0.95, 95), (1.0, 100), (0.001, 1)])
def test_a_percentile_is_one_of_the_measurements(share: float, value: float) -> None:
    assert sample(range(100, 0, -1)).percentile(share) == value


def test_a_ratio_compares_medians() -> None:
    assert sample([1, 2, 300]).to(sample([4, 4, 4])) == 0.5


@pytest.mark.parametrize(
    ("exact", "told"), [(0, 0), (0.000226123, 0.0002261), (12.3456, 12.35), (9876.5, 9876), (-0.51239, -0.5124)]
)
def test_figures_keep_four_digits(exact: float, told: float) -> None:
    assert rounded(exact) == told


def test_a_document_says_how_often_was_measured() -> None:
    assert sample([1.0, 3.0]).document() == {"median": 2, "low": 1, "high": 3, "p95": 3, "n": 2}


def test_an_average_keeps_lowest_middle_and_highest_apart() -> None:
    found = average([sample([1, 2, 30]), sample([3, 4, 4, 50])])
    assert (found.low, found.median, found.high) == (2, 3, 40)
