"""What CloudWatch has of the metrics that alarms watch."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from desk.cloud.watch.judge import Measured, grain, range_end, range_start, statistics

MOST_QUERIES = 500

Alarm = Mapping[str, Any]


class Metric(NamedTuple):
    """What an alarm watches, in steps of `grain` seconds."""

    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...]
    grain: int

    @classmethod
    def of(cls, alarm: Alarm) -> Metric:
        """An alarm's metric; dimensions in any order are the same."""
        named = sorted((one["Name"], one["Value"]) for one in alarm["Dimensions"])
        return cls(alarm["Namespace"], alarm["MetricName"], tuple(named), grain(alarm))

    def query(self, number: int, statistic: str) -> dict[str, Any]:
        """As GetMetricData takes it."""
        dimensions = [{"Name": name, "Value": value} for name, value in self.dimensions]
        metric = {"Namespace": self.namespace, "MetricName": self.name, "Dimensions": dimensions}
        return {"Id": f"q{number}", "MetricStat": {"Metric": metric, "Period": self.grain, "Stat": statistic}}


def read(cloudwatch: Any, alarms: Sequence[Alarm], now: float) -> dict[Metric, list[Measured]]:
    """What was measured by now and an alarm looks at; each metric and statistic is asked for once."""
    wanted = list(dict.fromkeys((Metric.of(alarm), name) for alarm in alarms for name in statistics(alarm)))
    gathered: dict[Metric, defaultdict[int, dict[str, float]]] = {metric: defaultdict(dict) for metric, _ in wanted}
    for first in range(0, len(wanted), MOST_QUERIES):
        part = wanted[first : first + MOST_QUERIES]
        answer = cloudwatch.get_metric_data(
            MetricDataQueries=[metric.query(number, name) for number, (metric, name) in enumerate(part)],
            StartTime=datetime.fromtimestamp(min(range_start(alarm, now) for alarm in alarms), UTC),
            EndTime=datetime.fromtimestamp(max(range_end(alarm, now) for alarm in alarms), UTC),
        )
        for result in answer["MetricDataResults"]:
            metric, name = part[int(result["Id"][1:])]
            for at, value in zip(result["Timestamps"], result["Values"], strict=True):
                gathered[metric][int(at.timestamp())][name] = value
    return {
        metric: [Measured(at, values) for at, values in sorted(steps.items())] for metric, steps in gathered.items()
    }
