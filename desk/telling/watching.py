"""Alarms and metrics as people read them. Works on their documents, those of `repeg alarms` and `repeg metrics`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from desk.telling.figures import NEW_YORK, moment
from desk.telling.paired import Paired
from desk.telling.plots import Level, cells, number, plot, sparkline
from desk.telling.render import IN_PIPES
from repeg.domain.metrics.listed import LISTED, NAMESPACE, Metric, Target, Unit

View = dict[str, Any]

CELLS = 30
HEIGHT = 12
_BESIDE = 18
"""Columns that a plot's labels take on its left, and the names of its levels on its right."""
_FEWEST = 20
NARROW = 110
"""Screen columns below which the words of a table are worth more than some of its figures."""
SHORTEST = timedelta(minutes=CELLS)
RINGS = "ALARM"
_WHAT_TO_DO = "what it means and what to do"
_STATES = {
    RINGS: Text(RINGS, style="bold red"),
    "OK": Text("ok", style="green"),
    "INSUFFICIENT_DATA": Text("no data", style="dim"),
}
_UNITS = {Unit.PERCENT: " %", Unit.SECONDS: " s", Unit.MILLISECONDS: " ms"}


def alarm_table(alarms: Sequence[View], width: int = IN_PIPES) -> RenderableType:
    """One line for each alarm, on a narrow screen another for what to do; times in New York."""
    if width < NARROW:
        rows = [([Text(each["name"]), *_stands(each)], _says(each)) for each in alarms]
        return Paired(("alarm", "state", "now", "rings at"), rows, _WHAT_TO_DO, ("now",)).shown(width)
    shown = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("alarm", "state", "since (ET)", "now", "rings at", "target"):
        shown.add_column(name, no_wrap=True, justify="right" if name in ("now", "target") else "left")
    shown.add_column(_WHAT_TO_DO, overflow="fold")
    for alarm in alarms:
        target = _target(alarm["metric"]) if alarm["namespace"] == NAMESPACE else None
        state, *figures = _stands(alarm)
        shown.add_row(alarm["name"], state, moment(alarm["since"]), *figures, wanted(target), _says(alarm))
    return shown


def _stands(alarm: View) -> tuple[Text, Text, Text]:
    """State, what was measured last, and from what on it rings."""
    state = _STATES.get(alarm["state"], Text(alarm["state"]))
    return (
        state + Text(" (muted)", style="yellow") if alarm["muted"] else state,
        Text(_short(alarm["value"])),
        Text(f"{alarm['comparison']} {number(alarm['threshold'])}"),
    )


def _says(alarm: View) -> Text:
    """All of it, as what to type stands at its end; of what is quiet it is dim."""
    return Text(alarm["what_to_do"], style="" if alarm["state"] == RINGS else "dim")


def metric_table(metrics: Sequence[View], since: datetime, until: datetime, width: int = IN_PIPES) -> Table:
    """One line for each metric, with its course since the first measurement that is shown, where there is room."""
    narrow = width < NARROW
    begin = _begin(metrics, since, until)
    shown = Table(box=None, header_style="bold", pad_edge=False)
    course = f"since {begin.astimezone(NEW_YORK):%H:%M} ET"
    for name in ("metric", "last", *(() if narrow else ("", course)), "target", "alarm"):
        shown.add_column(name, no_wrap=True, justify="right" if name in ("last", "target", "alarm") else "left")
    shown.add_column("what it is", overflow="fold")
    for view in metrics:
        shown.add_row(
            view["name"],
            _value(view),
            *(() if narrow else (_unit(view), _course(view, begin, until))),
            wanted(_target(view["name"])),
            _short(view["alarm_level"]),
            Text(view["says"], style="dim"),
        )
    return shown


def metric_page(
    whole: View, parts: Sequence[View], since: datetime, until: datetime, width: int = IN_PIPES
) -> RenderableType:
    """One metric over time, with its target and the level of its alarm, and what it is broken down by.

    The plot is as wide as the screen.
    """
    target, level, unit = _target(whole["name"]), whole["alarm_level"], _UNITS.get(whole["unit"], "")
    begin = _begin([whole, *parts], since, until)
    head = Text(whole["name"], style="bold")
    head.append(f"  {'nothing measured' if whole['value'] is None else number(whole['value']) + unit}")
    levels = []
    if target:
        head.append(f"   target {wanted(target)}{unit}", style="green")
        levels.append(Level("target", float(target.wanted), "green"))
    if level is not None:
        head.append(f"   alarm at {number(level)}{unit}", style="red")
        levels.append(Level("alarm", level, "red"))
    says = Text(f"{whole['says']}; {whole['statistic'].lower()} of each stretch of time", style="dim")
    drawn: list[RenderableType] = []
    if whole["points"]:
        across = max(width - _BESIDE, _FEWEST)
        values = cells(_points(whole), begin, until, across, whole["statistic"])
        ends = f"{begin.astimezone(NEW_YORK):%H:%M}", f"{until.astimezone(NEW_YORK):%H:%M} ET"
        axis = Text(f"{'':11}{ends[0]}{ends[1]:>{across - len(ends[0])}}", style="dim")
        drawn += [Text(""), *plot(values, levels, HEIGHT), axis]
    if parts:
        drawn += [Text(""), _parts(parts, begin, until)]
    return Group(head, says, *drawn)


def wanted(target: Target | None) -> str:
    """A target as people say it."""
    if target is None:
        return ""
    return f"{('<' if target.above else '>') + ('=' if target.itself else '')} {number(float(target.wanted))}"


def _parts(parts: Sequence[View], begin: datetime, until: datetime) -> Table:
    shown = Table(box=None, header_style="bold", pad_edge=False)
    shown.add_column("by")
    shown.add_column("last", justify="right")
    shown.add_column("course")
    for view in parts:
        by = ", ".join(f"{name} {value}" for name, value in view["by"].items())
        shown.add_row(by, _value(view), _course(view, begin, until))
    return shown


def _begin(views: Sequence[View], since: datetime, until: datetime) -> datetime:
    """Nothing is drawn of the time before the first measurement, but of half an hour at least."""
    first = min((_points(view)[0][0] for view in views if view["points"]), default=until)
    return max(since, min(first, until - SHORTEST))


def _unit(view: View) -> str:
    return str(view["unit"]).lower() if view["unit"] != Unit.NONE else ""


def _course(view: View, begin: datetime, until: datetime) -> str:
    return sparkline(cells(_points(view), begin, until, CELLS, view["statistic"]))


def _points(view: View) -> list[tuple[datetime, float]]:
    return [(datetime.fromisoformat(point["at"]), point["value"]) for point in view["points"]]


def _value(view: View) -> Text:
    """Red beyond the level of its alarm, green where its target is met, yellow between the two."""
    value, target = view["value"], _target(view["name"])
    if value is None or target is None:
        return Text(_short(value))
    exact = Decimal(str(value))
    return Text(number(value), style="red" if target.alarms(exact) else "green" if target.met(exact) else "yellow")


def _short(value: float | None) -> str:
    return "" if value is None else number(value)


def _target(metric: str) -> Target | None:
    return LISTED[Metric(metric)].target if metric in LISTED else None
