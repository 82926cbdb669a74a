"""On the local cloud, too, log lines become metrics, and alarms ring and clear as on AWS."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.support.alarms import Alarms, hearing, logger
from tests.support.cloud import Cloud

pytestmark = pytest.mark.cloud


@pytest.fixture
def alarms(cloud: Cloud, name: str) -> Iterator[Alarms]:
    with hearing(cloud, name) as found:
        yield found


def emf(metric: str, service: str, value: float) -> str:
    directive = {"Namespace": "Repeg", "Dimensions": [["service"]], "Metrics": [{"Name": metric, "Unit": "Percent"}]}
    return json.dumps({"_aws": {"Timestamp": 1, "CloudWatchMetrics": [directive]}, "service": service, metric: value})


def test_a_line_that_a_function_logs_rings_an_alarm_which_clears_by_itself(alarms: Alarms, name: str) -> None:
    cloudwatch, lambda_ = alarms.cloud.connection.cloudwatch, alarms.cloud.connection.lambda_
    watching = f"{alarms.cloud.connection.stack}-{name}"
    cloudwatch.put_metric_alarm(
        AlarmName=watching,
        AlarmDescription="Average slippage of this test is above 0.15 %",
        Namespace="Repeg",
        MetricName="Slippage",
        Dimensions=[{"Name": "service", "Value": name}],
        Statistic="Average",
        Period=60,
        EvaluationPeriods=1,
        Threshold=0.15,
        ComparisonOperator="GreaterThanThreshold",
        TreatMissingData="notBreaching",
        AlarmActions=[alarms.cloud.connection.alerts_topic],
        OKActions=[alarms.cloud.connection.alerts_topic],
    )
    try:
        with logger(alarms.cloud, name) as function:
            lines = [emf("Slippage", name, 0.1), emf("Slippage", name, 0.3), emf("Slippage", "another", 9.0)]
            lambda_.invoke(FunctionName=function, Payload=json.dumps({"lines": [*lines, lines[1]]}))
            alarms.cloud.until("it is measured", lambda: alarms.measured("Repeg", "Slippage", service=name))
        assert sum(alarms.measured("Repeg", "Slippage", service=name)) == pytest.approx(0.7), "each line once"

        told = alarms.rings(name)
        assert told["AlarmDescription"] == "Average slippage of this test is above 0.15 %"
        assert told["OldStateValue"] in ("OK", "INSUFFICIENT_DATA")
        assert told["NewStateReason"].startswith("Threshold Crossed: 1 out of the last 1 datapoint [0.2333")
        assert (told["Trigger"]["MetricName"], told["Trigger"]["Threshold"]) == ("Slippage", 0.15)
        assert told["Subject"] == f'ALARM: "{watching}" in US East (N. Virginia)'
        assert told["StateChangeTime"].startswith("2026-11-20T15:"), "market time"
        assert alarms.clears(name)["OldStateValue"] == "ALARM"
    finally:
        cloudwatch.delete_alarms(AlarmNames=[watching])
