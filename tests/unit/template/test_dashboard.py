"""The dashboard: what it shows is measured, as the list says, at the levels of the list."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, NamedTuple

import pytest

from repeg.domain.ladder.routing import SymbolClass
from repeg.domain.ladder.rungs import LadderName
from repeg.domain.metrics.listed import BREAKDOWNS, BROKEN_DOWN, LISTED, NAMESPACE, SERVICE, TARGETS, Metric
from tests.support.stack import load_template, resources

TEMPLATE = load_template()
[DASHBOARD] = resources(TEMPLATE, "AWS::CloudWatch::Dashboard").values()
WIDGETS: list[dict[str, Any]] = json.loads(DASHBOARD["DashboardBody"]["Fn::Sub"])["widgets"]
GRAPHS = [widget for widget in WIDGETS if widget["type"] == "metric"]
COLUMNS = 24
SEARCH = re.compile(r"""SEARCH\('\{([\w,]+)\} MetricName="(\w+)" service="\$\{AWS::StackName\}"', '(\w+)', \d+\)""")
FREE_METRICS = 50


class Shown(NamedTuple):
    """A metric of a graph, with its abbreviations spelt out."""

    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...]
    statistic: str
    id: str | None


def shown(widget: dict[str, Any]) -> Iterator[Shown]:
    before: list[str] = []
    for entry in widget["properties"]["metrics"]:
        options = entry[-1] if isinstance(entry[-1], dict) else {}
        words = [word for word in entry if isinstance(word, str)]
        if not words:
            continue
        before = [before[place] if word == "." else word for place, word in enumerate(words)]
        dimensions = tuple(zip(before[2::2], before[3::2], strict=True))
        statistic = options.get("stat") or widget["properties"]["stat"]
        yield Shown(before[0], before[1], dimensions, statistic, options.get("id"))


def expressions(widget: dict[str, Any]) -> list[str]:
    options = [entry[-1] for entry in widget["properties"]["metrics"] if isinstance(entry[-1], dict)]
    return [each["expression"] for each in options if "expression" in each]


EVERY = {(metric.namespace, metric.name, metric.dimensions) for widget in GRAPHS for metric in shown(widget)}


@pytest.mark.parametrize("metric", [metric for widget in GRAPHS for metric in shown(widget)], ids=lambda m: m.name)
def test_what_is_shown_is_measured_and_read_as_the_list_says(metric: Shown) -> None:
    if metric.namespace == NAMESPACE:
        assert metric.dimensions == ((SERVICE, "${AWS::StackName}"),)
        assert metric.statistic == LISTED[Metric(metric.name)].statistic or re.fullmatch(r"p\d\d", metric.statistic)
        return
    measured = {
        "AWS/SQS": ("QueueName", "AWS::SQS::Queue", r"\$\{(\w+)\.QueueName\}"),
        "AWS/Lambda": ("FunctionName", "AWS::Serverless::Function", r"\$\{(\w+)\}"),
        "AWS/States": ("StateMachineArn", "AWS::Serverless::StateMachine", r"\$\{(\w+)\}"),
    }
    by, kind, named = measured[metric.namespace]
    for dimension, value in metric.dimensions:
        found = re.fullmatch(named, value)
        assert dimension == by and found and found[1] in resources(TEMPLATE, kind)


def test_searches_find_what_is_told_by_class_and_ladder() -> None:
    searches = [found for widget in GRAPHS for each in expressions(widget) if (found := SEARCH.fullmatch(each))]
    assert {search[1] for search in searches} == {
        f"{NAMESPACE},{SERVICE},ladder",
        f"{NAMESPACE},{SERVICE},symbol_class",
    }
    assert {"ladder", "symbol_class"} < set(BREAKDOWNS)
    for search in searches:
        metric = Metric(search[2])
        assert metric in BROKEN_DOWN and search[3] == LISTED[metric].statistic


def test_a_sum_is_made_of_metrics_of_its_graph() -> None:
    sums = [(widget, each) for widget in GRAPHS for each in expressions(widget) if not SEARCH.fullmatch(each)]
    assert sums
    for widget, expression in sums:
        assert set(re.findall(r"[a-z]+", expression)) == {metric.id for metric in shown(widget)}


def test_the_four_figures_come_first_with_their_targets_and_levels() -> None:
    first = GRAPHS[: len(TARGETS)]
    assert [Metric(metric.name) for widget in first for metric in shown(widget)] == list(TARGETS)
    assert len({widget["y"] for widget in first}) == 1 and first[0]["y"] < min(each["y"] for each in GRAPHS[4:])
    for widget, target in zip(first, TARGETS.values(), strict=True):
        wanted, alarm = widget["properties"]["annotations"]["horizontal"]
        assert (Decimal(str(wanted["value"])), Decimal(str(alarm["value"]))) == (target.wanted, target.alarm)
        assert alarm["fill"] == ("above" if target.above else "below"), "the side on which the alarm rings"
        aim = "at least" if target.itself else "below" if target.above else "above"
        assert wanted["label"] == f"target: {aim} {wanted['value']}"
        assert alarm["label"] == f"alarm: {alarm['fill']} {alarm['value']}"


def test_every_alarm_is_shown() -> None:
    [widget] = [widget for widget in WIDGETS if widget["type"] == "alarm"]
    alarms = resources(TEMPLATE, "AWS::CloudWatch::Alarm")
    assert sorted(widget["properties"]["alarms"]) == sorted(f"${{{name}.Arn}}" for name in alarms)


def test_what_an_alarm_of_our_own_watches_is_on_the_page() -> None:
    """In a graph; what is 0 or 1, or a count that should be 0, as the state of its alarm."""
    alarms = resources(TEMPLATE, "AWS::CloudWatch::Alarm").values()
    watched = {alarm["MetricName"] for alarm in alarms if alarm["Namespace"] == NAMESPACE}
    told_by_alarms = {Metric.CAP_BREACHES, Metric.BARE_POSITIONS, Metric.PAST_STOP_POSITIONS, Metric.STUCK_CANCELS}
    told_by_alarms |= {Metric.INTAKE_PAUSED, Metric.MISSED_RUNS}
    assert watched - {name for _, name, _ in EVERY} == told_by_alarms


def test_widgets_fill_the_page_row_by_row_and_lie_on_no_other() -> None:
    taken: set[tuple[int, int]] = set()
    for widget in WIDGETS:
        x, y = range(widget["x"], widget["x"] + widget["width"]), range(widget["y"], widget["y"] + widget["height"])
        cells = {(column, row) for column in x for row in y}
        assert not cells & taken, widget["properties"]
        taken |= cells
    assert taken == {(column, row) for column in range(COLUMNS) for row in range(max(row for _, row in taken) + 1)}


def test_the_page_says_where_its_figures_are_from() -> None:
    assert all(
        each["properties"]["region"] == "${AWS::Region}" for each in WIDGETS if each["type"] in ("metric", "log")
    )


def test_the_dashboard_is_free() -> None:
    """Three with up to 50 metrics each are; whether those that a search finds count is not said, so they do."""
    assert len(EVERY) + len(LadderName) + len(SymbolClass) <= FREE_METRICS
