"""Figures over time in characters: what was measured is seen where it was, and what was not is not drawn."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from desk.telling.plots import Level, cells, number, plot, sparkline

SINCE = datetime(2026, 11, 20, 15, tzinfo=UTC)
UNTIL = SINCE + timedelta(minutes=10)


def minutes(**values: float) -> list[tuple[datetime, float]]:
    return [(SINCE + timedelta(minutes=int(at[1:])), value) for at, value in values.items()]


@pytest.mark.parametrize(
    ("statistic", "joined"), [("Sum", 4.0), ("Maximum", 3.0), ("Minimum", 1.0), ("Average", 2.0), ("p99", 2.0)]
)
def test_a_stretch_of_time_is_joined_as_the_metric_is(statistic: str, joined: float) -> None:
    points = minutes(m0=1, m1=3, m9=7)
    assert cells(points, SINCE, UNTIL, 5, statistic) == [joined, None, None, None, 7.0]


def test_what_lies_at_either_end_is_in_the_first_or_last_stretch() -> None:
    points = [(SINCE - timedelta(seconds=30), 1.0), (UNTIL, 2.0)]
    assert cells(points, SINCE, UNTIL, 5, "Sum") == [1.0, None, None, None, 2.0]


@pytest.mark.parametrize(
    ("values", "drawn"),
    [
        ([1.0, 4.5, 8.0], "▁▅█"),
        ([1.0, None, 2.0], "▁·█"),
        ([0.0, 0.0], "▁▁"),
        ([5.0, 5.0], "▅▅"),
        ([-1.0, 0.0], "▁█"),
        ([None, None], "··"),
        ([], ""),
    ],
)
def test_a_course_in_one_line(values: list[float | None], drawn: str) -> None:
    assert sparkline(values) == drawn


def test_a_plot_has_its_levels_behind_its_values() -> None:
    levels = [Level("target", 1.0, "green"), Level("alarm", 2.0, "red")]
    assert [row.plain.rstrip() for row in plot([0.0, None, 2.0, 4.0], levels, 5)] == [
        "         4    ●",
        "",
        "         2 ──●─ alarm",
        "         1 ──── target",
        "         0 ●",
    ]


def test_values_below_zero_and_none_at_all() -> None:
    assert [row.plain.strip() for row in plot([-2.0, 2.0], [], 3)] == ["2  ●", "", "-2 ●"]
    assert [row.plain.strip() for row in plot([0.0, None], [], 3)] == ["1", "", "0 ●"]


@pytest.mark.parametrize(("value", "short"), [(0.0, "0"), (1200.0, "1,200"), (0.0047553, "0.004755"), (2.5, "2.5")])
def test_numbers_are_short(value: float, short: str) -> None:
    assert number(value) == short
