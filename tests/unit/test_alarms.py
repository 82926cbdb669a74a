"""What raises the alarm: every alarm reaches somebody, can ring, and has a page that says what to do."""

from __future__ import annotations

import io
import json
import re
from typing import Any

import pytest
from aws_lambda_powertools import Logger

from repeg.events import ALERT, SOURCE, SUMMARY
from tests.support.stack import ROOT, load_template, resources

TEMPLATE = load_template()
ALARMS = resources(TEMPLATE, "AWS::CloudWatch::Alarm")
[FILTER] = resources(TEMPLATE, "AWS::Logs::MetricFilter").values()
RUNBOOK = (ROOT / "docs/runbook.md").read_text()


def short(name: str) -> str:
    """Name of an alarm without the stack's."""
    return str(ALARMS[name]["AlarmName"]["Fn::Sub"]).removeprefix("${AWS::StackName}-")


def metric(alarm: dict[str, Any]) -> tuple[Any, str]:
    return alarm["Namespace"], alarm["MetricName"]


def test_what_must_not_go_unnoticed_is_watched() -> None:
    assert {short(name) for name in ALARMS} == {
        "alert-logged",
        "alerts-failed",
        "alerts-undelivered",
        "executions-aborted",
        "executions-failed",
        "executions-timed-out",
        "lambda-throttled",
        "rebalance-errors",
        "schedule-errors",
        "securing-errors",
        "signals-refused",
        "signals-waiting",
        "sweep-errors",
        "sweep-silent",
    }


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_reaches_the_topic_that_the_stack_names(name: str) -> None:
    assert ALARMS[name]["AlarmActions"] == [{"Ref": "Alerts"}]
    assert ALARMS[name].get("ActionsEnabled", True)
    assert TEMPLATE["Outputs"]["AlertsTopicArn"]["Value"] == {"Ref": "Alerts"}


def test_alarms_and_alerts_may_be_published_to_the_topic() -> None:
    assert "KmsMasterKeyId" not in resources(TEMPLATE, "AWS::SNS::Topic")["Alerts"]
    [policy] = resources(TEMPLATE, "AWS::SNS::TopicPolicy").values()
    allowed = {statement["Principal"]["Service"]: statement for statement in policy["PolicyDocument"]["Statement"]}
    assert set(allowed) == {"cloudwatch.amazonaws.com", "events.amazonaws.com"}
    assert "Condition" not in allowed["events.amazonaws.com"], "EventBridge would be kept out"


def test_every_alert_of_an_order_reaches_the_topic() -> None:
    """An alarm tells only the first of a row. The line is ready: a transformer would make a quote in it an error."""
    [rule] = resources(TEMPLATE, "AWS::Events::Rule").values()
    assert rule["EventPattern"] == {"source": [SOURCE], "detail-type": [ALERT, SUMMARY]}
    [target] = rule["Targets"]
    assert (target["Arn"], target["InputPath"]) == ({"Ref": "Alerts"}, "$.detail.message")
    assert "InputTransformer" not in target


def test_an_alert_that_cannot_be_mailed_is_kept_and_tells() -> None:
    [name] = [name for name, rule in TEMPLATE["Resources"].items() if rule["Type"] == "AWS::Events::Rule"]
    [target] = TEMPLATE["Resources"][name]["Properties"]["Targets"]
    queue = target["DeadLetterConfig"]["Arn"]["Fn::GetAtt"].split(".")[0]
    assert "FifoQueue" not in resources(TEMPLATE, "AWS::SQS::Queue")[queue], "EventBridge cannot send to one"
    [policy] = resources(TEMPLATE, "AWS::SQS::QueuePolicy").values()
    [allowed] = policy["PolicyDocument"]["Statement"]
    assert policy["Queues"] == [{"Ref": queue}]
    assert allowed["Principal"] == {"Service": "events.amazonaws.com"}
    assert allowed["Condition"] == {"ArnEquals": {"aws:SourceArn": {"Fn::GetAtt": f"{name}.Arn"}}}
    watched = {metric(alarm): alarm["Dimensions"] for alarm in ALARMS.values() if "Dimensions" in alarm}
    by_bus_and_rule = {dimension["Name"] for dimension in watched["AWS/Events", "FailedInvocations"]}
    assert by_bus_and_rule == {"EventBusName", "RuleName"}, "by the rule alone, it would be one of the default bus"


def test_the_end_of_what_lasts_is_told_too() -> None:
    told = {short(name) for name, alarm in ALARMS.items() if alarm.get("OKActions") == [{"Ref": "Alerts"}]}
    assert told == {
        "lambda-throttled",
        "rebalance-errors",
        "securing-errors",
        "signals-waiting",
        "sweep-errors",
        "sweep-silent",
    }


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_says_what_to_do_and_its_page_is_there(name: str) -> None:
    description = ALARMS[name]["AlarmDescription"]
    [page] = re.findall(r"docs/runbook\.md#([a-z-]+)", description)
    assert page == short(name)
    section = RUNBOOK.split(f"\n## {page}\n")[1].split("\n## ")[0]
    assert "```" in section, "a command"
    assert len(description) <= 1024


def test_every_page_is_that_of_an_alarm_and_links_lead_somewhere() -> None:
    pages = re.findall(r"^## (.+)$", RUNBOOK, re.MULTILINE)
    assert sorted(pages) == sorted(short(name) for name in ALARMS)
    assert set(re.findall(r"\(#([a-z-]+)\)", RUNBOOK)) <= set(pages)


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_can_ring(name: str) -> None:
    alarm = ALARMS[name]
    assert alarm.get("DatapointsToAlarm", 1) <= alarm["EvaluationPeriods"]
    assert alarm["Period"] % 60 == 0
    for dimension in alarm.get("Dimensions", []):
        ((how, target),) = dimension["Value"].items()
        if dimension["Name"] == "RuleName":
            rules = resources(TEMPLATE, "AWS::Events::Rule").values()
            assert dimension["Value"] in [rule["Name"] for rule in rules], "the Ref of such a rule names its bus, too"
            continue
        assert target.split(".")[0] in TEMPLATE["Resources"]
        assert how == ("Fn::GetAtt" if dimension["Name"] == "QueueName" else "Ref"), "a queue's Ref is its URL"


def test_silence_counts_as_trouble_only_where_something_runs_every_minute() -> None:
    silent = {short(name) for name, alarm in ALARMS.items() if alarm["TreatMissingData"] == "breaching"}
    assert silent == {"sweep-silent"}


def test_alert_lines_are_counted_where_the_functions_write_them() -> None:
    [transformation] = FILTER["MetricTransformations"]
    watched = next(alarm for name, alarm in ALARMS.items() if short(name) == "alert-logged")
    assert metric(watched) == (transformation["MetricNamespace"], transformation["MetricName"])
    assert FILTER["LogGroupName"] == TEMPLATE["Globals"]["Function"]["LoggingConfig"]["LogGroup"]
    assert float(transformation["MetricValue"]) == 1


def test_the_filter_fits_the_lines_that_the_logger_writes() -> None:
    written = io.StringIO()
    Logger(service="repeg-filter", stream=written).error("10 CRWD are without protection", alert=True, order_id="ord-1")
    assert json.loads(written.getvalue())["alert"] is True
    assert FILTER["FilterPattern"] == "{ $.alert IS TRUE }"
