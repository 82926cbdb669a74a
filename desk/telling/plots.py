"""Figures over time, drawn with characters."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple

from rich.text import Text

Points = Sequence[tuple[datetime, float]]

_BARS = "▁▂▃▄▅▆▇█"
_NOTHING = "·"
_DOT, _LINE = "●", "─"
_JOINED: dict[str, Callable[[list[float]], float]] = {"Sum": math.fsum, "Maximum": max, "Minimum": min}


class Level(NamedTuple):
    """A line across a plot."""

    name: str
    value: float
    style: str


def cells(points: Points, since: datetime, until: datetime, count: int, statistic: str) -> list[float | None]:
    """The points in `count` equal stretches of time, each by the statistic; None where nothing was measured."""
    gathered: list[list[float]] = [[] for _ in range(count)]
    length = (until - since).total_seconds() / count
    for at, value in points:
        place = int((at - since).total_seconds() // length)
        # A minute begins before the moment at which the look back begins.
        gathered[min(max(place, 0), count - 1)].append(value)
    join = _JOINED.get(statistic, _average)
    return [join(values) if values else None for values in gathered]


def _average(values: list[float]) -> float:
    return math.fsum(values) / len(values)


def sparkline(values: Sequence[float | None]) -> str:
    """One character for each value, from the lowest to the highest; a dot where there is none."""
    known = [value for value in values if value is not None]
    if not known:
        return _NOTHING * len(values)
    low, spread = min(known), max(known) - min(known)

    def bar(value: float) -> str:
        if not spread:
            return _BARS[len(_BARS) // 2] if value else _BARS[0]
        return _BARS[int((value - low) / spread * (len(_BARS) - 1) + 0.5)]

    return "".join(_NOTHING if value is None else bar(value) for value in values)


def plot(values: Sequence[float | None], levels: Sequence[Level], height: int) -> list[Text]:
    """Rows from the top, which reach down to zero: the values as dots, and the levels as lines behind them.

    Labelled are the highest value, the lowest, and the levels.
    """
    known = [0.0, *(value for value in values if value is not None), *(level.value for level in levels)]
    low, high = min(known), max(known) if any(known) else 1.0

    def row_of(value: float) -> int:
        return round((high - value) / (high - low) * (height - 1))

    # Of two levels in one row the first is the one that counts.
    lines = {row_of(level.value): level for level in reversed(levels)}
    labels = {0: high, height - 1: low} | {row: level.value for row, level in lines.items()}
    rows = [None if value is None else row_of(value) for value in values]
    return [_row([one == row for one in rows], lines.get(row), labels.get(row)) for row in range(height)]


def _row(dots: Sequence[bool], level: Level | None, label: float | None) -> Text:
    style = level.style if level else ""
    text = Text(f"{'' if label is None else number(label):>10} ", style=style or "dim")
    for dot in dots:
        text.append(_DOT if dot else _LINE if level else " ", style="bold" if dot else style)
    return text.append(f" {level.name}", style=style) if level else text


def number(value: float) -> str:
    """Short: whole numbers as such, others to four digits that carry something."""
    return f"{value:,.0f}" if value == int(value) else f"{value:.4g}"
