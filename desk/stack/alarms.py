"""The alarms of a stack: how they stand, what they watch, and what was measured of it last."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from desk.stack.connection import Connection
from desk.stack.market_time import as_measured, measured_now
from repeg.domain.metrics.listed import LISTED, NAMESPACE, Metric, Target

LATELY = timedelta(hours=3)
MOST_QUERIES = 500
RINGS = "ALARM"
_UNCHECKED = "Unchecked"
_SIGNS = {
    "GreaterThanThreshold": ">",
    "GreaterThanOrEqualToThreshold": ">=",
    "LessThanThreshold": "<",
    "LessThanOrEqualToThreshold": "<=",
}


@dataclass(frozen=True)
class Alarm:
    """One alarm. `name` is without the stack's; `value` is what was measured last, None if nothing was lately."""

    name: str
    state: str
    since: datetime
    reason: str
    says: str
    namespace: str
    metric: str
    dimensions: tuple[tuple[str, str], ...]
    statistic: str
    period: int
    sign: str
    threshold: float
    muted: bool
    value: float | None = None
    value_at: datetime | None = None

    @property
    def target(self) -> Target | None:
        """What the figure is held to, where it is one of the four."""
        return target_of(self.metric) if self.namespace == NAMESPACE else None

    def query(self, number: int) -> dict[str, Any]:
        """As GetMetricData takes it."""
        return query(number, self.namespace, self.metric, self.dimensions, self.statistic, self.period)

    def document(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "name": self.name,
            "state": self.state,
            "since": _text(self.since),
            "reason": self.reason,
            "what_to_do": self.says,
            "namespace": self.namespace,
            "metric": self.metric,
            "dimensions": dict(self.dimensions),
            "statistic": self.statistic,
            "period_s": self.period,
            "comparison": self.sign,
            "threshold": self.threshold,
            "target": float(self.target.wanted) if self.target else None,
            "value": self.value,
            "value_at": _text(self.value_at) if self.value_at else None,
            "muted": self.muted,
        }


def ringing_now(connection: Connection) -> list[str]:
    """Names of the alarms that ring, without the stack's."""
    prefix = f"{connection.stack}-"
    return sorted(one["AlarmName"].removeprefix(prefix) for one in described(connection) if one["StateValue"] == RINGS)


def described(connection: Connection) -> list[dict[str, Any]]:
    """The alarms that tell the stack's topic, as AWS describes them; another stack's name may begin like ours."""
    pages = connection.cloudwatch.get_paginator("describe_alarms")
    found = [
        alarm
        for page in pages.paginate(AlarmNamePrefix=f"{connection.stack}-", AlarmTypes=["MetricAlarm"])
        for alarm in page["MetricAlarms"]
    ]
    return [alarm for alarm in found if connection.alerts_topic in alarm["AlarmActions"]]


def alarms(connection: Connection) -> list[Alarm]:
    """All, those that ring first. One call or two describe them, one measures."""
    found = [_read(connection, alarm) for alarm in described(connection) if alarm.get("MetricName")]
    return sorted(_with_values(connection, found), key=lambda alarm: (alarm.state != RINGS, alarm.name))


def query(
    number: int,
    namespace: str,
    metric: str,
    dimensions: Sequence[tuple[str, str]],
    statistic: str,
    period: int,
) -> dict[str, Any]:
    """A query of GetMetricData."""
    named = [{"Name": name, "Value": value} for name, value in dimensions]
    about = {"Namespace": namespace, "MetricName": metric, "Dimensions": named}
    return {"Id": f"q{number}", "MetricStat": {"Metric": about, "Period": period, "Stat": statistic}}


def measured(
    connection: Connection, queries: Sequence[dict[str, Any]], start: datetime, end: datetime
) -> list[list[tuple[datetime, float]]]:
    """What each query finds, oldest first."""
    found: list[list[tuple[datetime, float]]] = [[] for _ in queries]
    numbers = {one["Id"]: number for number, one in enumerate(queries)}
    for first in range(0, len(queries), MOST_QUERIES):
        part = queries[first : first + MOST_QUERIES]
        pages = connection.cloudwatch.get_paginator("get_metric_data").paginate(
            MetricDataQueries=part, StartTime=start, EndTime=end
        )
        for result in (result for page in pages for result in page["MetricDataResults"]):
            found[numbers[result["Id"]]] += zip(result["Timestamps"], result["Values"], strict=True)
    return [sorted(points) for points in found]


def target_of(metric: str) -> Target | None:
    """What a metric of ours is held to, if anything."""
    return LISTED[Metric(metric)].target if metric in LISTED else None


def since_of(connection: Connection, alarm: Mapping[str, Any]) -> datetime:
    """Since when an alarm, as AWS describes it, is in its state: by the clock of its metrics."""
    found: datetime = alarm.get("StateTransitionedTimestamp") or alarm["StateUpdatedTimestamp"]
    # The emulator makes alarms by the machine's clock; on the market's they are judged, which some never are.
    return as_measured(connection, found) if alarm.get("StateReason", "").startswith(_UNCHECKED) else found


def _read(connection: Connection, alarm: Mapping[str, Any]) -> Alarm:
    return Alarm(
        name=str(alarm["AlarmName"]).removeprefix(f"{connection.stack}-"),
        state=alarm["StateValue"],
        since=since_of(connection, alarm),
        reason=alarm.get("StateReason", ""),
        says=alarm.get("AlarmDescription", ""),
        namespace=alarm["Namespace"],
        metric=alarm["MetricName"],
        dimensions=tuple((one["Name"], one["Value"]) for one in alarm.get("Dimensions", [])),
        statistic=alarm.get("ExtendedStatistic") or alarm["Statistic"],
        period=alarm["Period"],
        sign=_SIGNS.get(alarm["ComparisonOperator"], alarm["ComparisonOperator"]),
        threshold=float(alarm["Threshold"]),
        muted=not alarm.get("ActionsEnabled", True),
    )


def _with_values(connection: Connection, found: Sequence[Alarm]) -> list[Alarm]:
    now = measured_now(connection)
    queries = [alarm.query(number) for number, alarm in enumerate(found)]
    series = measured(connection, queries, now - LATELY, now + timedelta(minutes=1))
    return [
        replace(alarm, value=points[-1][1], value_at=points[-1][0]) if points else alarm
        for alarm, points in zip(found, series, strict=True)
    ]


def _text(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
