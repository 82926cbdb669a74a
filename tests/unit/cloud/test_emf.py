"""Log lines become the metrics that CloudWatch would make of them, and a line that is none becomes none."""

from __future__ import annotations

import json
from typing import Any

import pytest
from aws_lambda_powertools import Metrics
from aws_lambda_powertools.metrics import MetricResolution, MetricUnit
from hypothesis import given
from hypothesis import strategies as st

from desk.cloud.watch.emf import Datum, metrics_of


def line(directive: dict[str, Any], **members: Any) -> str:
    return json.dumps({"_aws": {"Timestamp": 1763650830500, "CloudWatchMetrics": [directive]}} | members)


def directive(**given: Any) -> dict[str, Any]:
    return {
        "Namespace": "Repeg",
        "Dimensions": [["service"]],
        "Metrics": [{"Name": "Signals", "Unit": "Count"}],
    } | given


def test_what_powertools_logs_is_what_is_measured(capsys: pytest.CaptureFixture[str]) -> None:
    metrics = Metrics(namespace="Repeg", service="repeg")
    metrics.add_metric("Signals", MetricUnit.Count, 1)
    metrics.add_metric("Signals", MetricUnit.Count, 2)
    metrics.add_metric("Slippage", MetricUnit.Percent, 0.07, resolution=MetricResolution.High)
    metrics.flush_metrics()
    found = metrics_of(capsys.readouterr().out.strip())
    assert [(one.name, one.values, one.unit, one.resolution) for one in found] == [
        ("Signals", (1.0, 2.0), "Count", 60),
        ("Slippage", (0.07,), "Percent", 1),
    ]
    assert {(one.namespace, tuple(one.dimensions.items())) for one in found} == {("Repeg", (("service", "repeg"),))}
    assert all(one.at and one.at > 1_763_650_830 for one in found)


def test_every_set_of_dimensions_is_a_metric_of_its_own() -> None:
    text = line(
        directive(Dimensions=[["service"], ["service", "reason"], []]), service="repeg", reason="halted", Signals=3
    )
    assert [dict(one.dimensions) for one in metrics_of(text)] == [
        {"service": "repeg"},
        {"service": "repeg", "reason": "halted"},
        {},
    ]
    assert {one.values for one in metrics_of(text)} == {(3.0,)}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "plain text",
        "{not json",
        "[1, 2]",
        '{"level": "INFO"}',
        '{"_aws": 1}',
        '{"_aws": {"CloudWatchMetrics": "none"}}',
        line(directive(), service="repeg"),
        line(directive(), service="repeg", Signals="three"),
        line(directive(), service="repeg", Signals=True),
        line(directive(), service="repeg", Signals=[1, None]),
        line(directive(), service="repeg", Signals=[1] * 101),
        line(directive(), service="repeg", Signals=float("nan")),
        line(directive(), Signals=1),
        line(directive(), service=5, Signals=1),
        line(directive(Namespace=None), service="repeg", Signals=1),
        line(directive(Metrics=[{"Unit": "Count"}]), service="repeg", Signals=1),
        line(directive(Dimensions=[[f"d{n}" for n in range(31)]]), Signals=1, **{f"d{n}": "x" for n in range(31)}),
        '{"a":' * 5000,
    ],
)
def test_a_line_that_says_nothing_measurable_is_passed_over(text: str) -> None:
    assert metrics_of(text) == []


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda some: (
            st.lists(some)
            | st.dictionaries(
                st.sampled_from(
                    ["_aws", "CloudWatchMetrics", "Metrics", "Dimensions", "Name", "Namespace", "Timestamp", "Any"]
                ),
                some,
            )
        ),
    )
)
def test_no_line_does_harm(anything: Any) -> None:
    metrics_of(json.dumps({"_aws": anything, "Any": 1}))
    metrics_of(json.dumps({"_aws": {"CloudWatchMetrics": [anything]}, "Any": anything}))


def test_as_cloudwatch_takes_it() -> None:
    datum = Datum("Repeg", "Signals", (1.0, 2.0), "Count", {"service": "repeg"}, 1)
    assert datum.document(5.5) == {
        "MetricName": "Signals",
        "Dimensions": [{"Name": "service", "Value": "repeg"}],
        "Timestamp": 5.5,
        "Values": [1.0, 2.0],
        "Unit": "Count",
        "StorageResolution": 1,
    }
