"""What is measured, what rings, and what the log is asked: the list of metrics, and the template."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from repeg.domain.metrics.listed import BROKEN_DOWN, LISTED, NAMESPACE, Metric, Target
from tests.support.architecture.tables import table, template
from tests.support.stack import resources

_SIGNS = {
    "GreaterThanThreshold": "above",
    "GreaterThanOrEqualToThreshold": "at least",
    "LessThanThreshold": "below",
    "LessThanOrEqualToThreshold": "at most",
}
_SILENCE = {"ignore": "as it was", "notBreaching": "is fine", "breaching": "rings"}
_UNITS = {"None": "-"}

AT_OUTCOME, AT_SWEEP = "RecordOutcome", "SweepOrders"
AT_COMPARISON = "ReconcileBook"
AT_INTAKE, AT_REBALANCE = "AcceptSignal", "RebalancePortfolio"
BY_CALLER, BY_ANY = "whoever asks the broker", "any function"


def told_by(metric: Metric) -> str:
    """The function that tells a metric."""
    if metric is Metric.DRIFT:
        return f"{AT_SWEEP}, {AT_COMPARISON}"
    if LISTED[metric].gauge:
        return AT_SWEEP
    if metric in (Metric.SIGNALS, Metric.SIGNALS_REFUSED):
        return AT_INTAKE
    if metric in (Metric.ALERTS, Metric.FUNCTION_ERRORS):
        return BY_ANY
    if metric in (Metric.REBALANCES, Metric.REBALANCE_DRIFT, Metric.REBALANCE_RESIDUALS):
        return AT_REBALANCE
    if metric is Metric.REQUESTS_LEFT or metric.startswith("Broker"):
        return BY_CALLER
    return AT_OUTCOME


def metrics() -> str:
    """Every metric: what it is, how it is read, what it is held to, and who tells it."""
    watched = {alarm["MetricName"]: alarm for alarm in _alarms().values() if alarm["Namespace"] == NAMESPACE}
    rows = (
        (
            f"`{metric}`",
            _UNITS.get(about.unit, about.unit),
            about.statistic,
            about.says,
            _wanted(about.target),
            _level(watched[metric]) if metric in watched else "-",
            "yes" if metric in BROKEN_DOWN else "-",
            told_by(metric),
        )
        for metric, about in LISTED.items()
    )
    return table(("metric", "unit", "read as", "what it says", "target", "alarm", "broken down", "told by"), rows)


def alarms() -> str:
    """Every alarm: what it watches, its level beside the target, when it rings and is over, and its page."""
    rows = (
        (
            f"`{_short(alarm)}`",
            f"{alarm['Namespace']} `{alarm['MetricName']}`, {alarm['Statistic'].lower()}{_of(alarm)}",
            _level(alarm),
            _wanted(LISTED[Metric(alarm["MetricName"])].target) if alarm["Namespace"] == NAMESPACE else "-",
            _periods(alarm),
            _SILENCE[alarm["TreatMissingData"]],
            "yes" if alarm.get("OKActions") else "-",
            _page(alarm),
        )
        for alarm in _alarms().values()
    )
    return table(("alarm", "watches", "rings", "target", "in", "silence", "mail when over", "what to do"), rows)


def queries() -> str:
    """Every saved query as it is asked."""
    found = resources(template(), "AWS::Logs::QueryDefinition").values()
    texts = (f"**{query['Name']['Fn::Sub'].partition('/')[2]}**\n\n```\n{query['QueryString']}```\n" for query in found)
    return "\n".join(texts)


def _alarms() -> dict[str, Any]:
    return resources(template(), "AWS::CloudWatch::Alarm")


def _short(alarm: dict[str, Any]) -> str:
    return str(alarm["AlarmName"]["Fn::Sub"]).removeprefix("${AWS::StackName}-")


def _of(alarm: dict[str, Any]) -> str:
    """The resource that it is about, if it is about one."""
    targets = [value.get("Ref") or value.get("Fn::GetAtt") for value in (each["Value"] for each in _dimensions(alarm))]
    named = [target.split(".")[0] for target in targets if target and not target.startswith("AWS::")]
    return f" of `{named[0]}`" if named else ""


def _dimensions(alarm: dict[str, Any]) -> list[dict[str, Any]]:
    return [each for each in alarm.get("Dimensions", []) if isinstance(each["Value"], dict)]


def _level(alarm: dict[str, Any]) -> str:
    return f"{_SIGNS[alarm['ComparisonOperator']]} {alarm['Threshold']}"


def _wanted(target: Target | None) -> str:
    if target is None:
        return "-"
    sign = "at least" if target.itself else "below" if target.above else "above"
    return f"{sign} {_plain(target.wanted)}"


def _plain(value: Decimal) -> str:
    return f"{value:f}"


def _periods(alarm: dict[str, Any]) -> str:
    of = alarm["EvaluationPeriods"]
    often, minutes = alarm.get("DatapointsToAlarm", of), alarm["Period"] // 60
    if of == 1:
        return "1 minute" if minutes == 1 else f"{minutes} minutes"
    assert minutes == 1, "periods of several minutes, several times, need words of their own"
    return f"{often} of {of} minutes"


def _page(alarm: dict[str, Any]) -> str:
    (page,) = re.findall(r"docs/(runbook\.md#[a-z-]+)", str(alarm["AlarmDescription"]))
    return f"[{page.partition('#')[2]}]({page})"
