"""What raises the alarm: every alarm reaches somebody, can ring, and has a page that says what to do."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import pytest

from desk.cloud.watch.judge import Measured, judge
from repeg.domain.metrics.listed import LISTED, NAMESPACE, SERVICE, TARGETS, Metric
from repeg.events import ALERT, CONTROL, SOURCE, SUMMARY
from tests.support.stack import ROOT, load_template, resources

TEMPLATE = load_template()
ALARMS = resources(TEMPLATE, "AWS::CloudWatch::Alarm")
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
        "average-slippage",
        "bare-position",
        "broker-unreachable",
        "cancel-stuck",
        "cap-breached",
        "drift",
        "executions-aborted",
        "executions-failed",
        "executions-timed-out",
        "fill-rate",
        "function-errors",
        "intake-paused",
        "lambda-throttled",
        "past-stop",
        "rebalance-errors",
        "reconcile-errors",
        "rejection-rate",
        "risk-reward",
        "schedule-errors",
        "schedule-missed",
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
    rules = resources(TEMPLATE, "AWS::Events::Rule").values()
    [rule] = [rule for rule in rules if rule["Targets"][0]["Arn"] == {"Ref": "Alerts"}]
    assert rule["EventPattern"] == {"source": [SOURCE], "detail-type": [ALERT, SUMMARY, CONTROL]}
    [target] = rule["Targets"]
    assert (target["Arn"], target["InputPath"]) == ({"Ref": "Alerts"}, "$.detail.message")
    assert "InputTransformer" not in target


def test_an_alert_that_cannot_be_mailed_is_kept_and_tells() -> None:
    name = "EveryAlert"
    [target] = TEMPLATE["Resources"][name]["Properties"]["Targets"]
    queue = target["DeadLetterConfig"]["Arn"]["Fn::GetAtt"].split(".")[0]
    assert "FifoQueue" not in resources(TEMPLATE, "AWS::SQS::Queue")[queue], "EventBridge cannot send to one"
    [policy] = resources(TEMPLATE, "AWS::SQS::QueuePolicy").values()
    [allowed] = policy["PolicyDocument"]["Statement"]
    assert policy["Queues"] == [{"Ref": queue}]
    assert allowed["Principal"] == {"Service": "events.amazonaws.com"}
    senders = allowed["Condition"]["ArnEquals"]["aws:SourceArn"]
    # Beside it only those that post the same, where a deployment has them.
    assert senders[0] == {"Fn::GetAtt": f"{name}.Arn"}
    assert all(list(sender) == ["Fn::If"] for sender in senders[1:])
    watched = {metric(alarm): alarm["Dimensions"] for alarm in ALARMS.values() if "Dimensions" in alarm}
    by_bus_and_rule = {dimension["Name"] for dimension in watched["AWS/Events", "FailedInvocations"]}
    assert by_bus_and_rule == {"EventBusName", "RuleName"}, "by the rule alone, it would be one of the default bus"


def test_the_end_of_what_lasts_is_told_too() -> None:
    told = {short(name) for name, alarm in ALARMS.items() if alarm.get("OKActions") == [{"Ref": "Alerts"}]}
    # What happens in a moment is not over a minute later: a mail that says so would be taken for the mend.
    happen = {"alert-logged", "alerts-failed", "cap-breached", "schedule-errors", "schedule-missed"}
    happen |= {"executions-aborted", "executions-failed", "executions-timed-out"}
    assert told == {short(name) for name in ALARMS} - happen


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_says_what_to_do_and_its_page_is_there(name: str) -> None:
    description = ALARMS[name]["AlarmDescription"]["Fn::Sub"]
    assert re.search(r"\brepeg [a-z]+ .*--stack \$\{AWS::StackName\}", description), "a command"
    [page] = re.findall(r"docs/runbook\.md#([a-z-]+)", description)
    assert page == short(name)
    section = RUNBOOK.split(f"\n## {page}\n")[1].split("\n## ")[0]
    assert "```" in section, "a command"
    assert len(description) <= 1024


def test_every_page_is_that_of_an_alarm_and_links_lead_somewhere() -> None:
    pages = re.findall(r"^## (.+)$", RUNBOOK, re.MULTILINE)
    assert sorted(pages) == sorted(short(name) for name in ALARMS)
    assert set(re.findall(r"\(#([a-z-]+)\)", RUNBOOK)) <= set(pages)


def test_what_alarms_cost_is_told() -> None:
    """At $0.10 each beyond the ten that are free."""
    performance = (ROOT / "docs/performance.md").read_text()
    [(count, dollars)] = re.findall(r"^\| (\d+) alarms, .* \| ([\d.]+) \|$", performance, re.MULTILINE)
    assert int(count) == len(ALARMS)
    assert Decimal(dollars) == (len(ALARMS) - 10) * Decimal("0.10")


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_can_ring(name: str) -> None:
    alarm = ALARMS[name]
    assert alarm.get("DatapointsToAlarm", 1) <= alarm["EvaluationPeriods"]
    assert alarm["Period"] % 60 == 0
    for dimension in alarm.get("Dimensions", []):
        if dimension["Name"] == SERVICE:
            continue
        ((how, target),) = dimension["Value"].items()
        if dimension["Name"] == "RuleName":
            rules = resources(TEMPLATE, "AWS::Events::Rule").values()
            assert dimension["Value"] in [rule["Name"] for rule in rules], "the Ref of such a rule names its bus, too"
            continue
        assert target.split(".")[0] in TEMPLATE["Resources"]
        assert how == ("Fn::GetAtt" if dimension["Name"] == "QueueName" else "Ref"), "a queue's Ref is its URL"


def test_silence_counts_as_trouble_only_where_something_runs_all_the_time() -> None:
    silent = {short(name) for name, alarm in ALARMS.items() if alarm["TreatMissingData"] == "breaching"}
    assert silent == {"sweep-silent", "reconcile-errors"}


@pytest.mark.parametrize(
    ("last_told", "state"),
    [
        ({1: 0, 6: 0}, "OK"),
        ({6: 0}, "OK"),
        ({1: 1, 6: 0}, "OK"),
        ({1: 1, 6: 1}, "ALARM"),
        ({11: 0}, "ALARM"),
        ({}, "ALARM"),
    ],
    ids=["runs", "ran", "failed once", "fails", "stopped", "never ran"],
)
def test_a_comparison_that_fails_or_does_not_run_rings(last_told: dict[int, int], state: str) -> None:
    """By its errors, minutes ago: a comparison that goes well tells of none, one that does not run tells nothing."""
    [alarm] = [alarm for name, alarm in ALARMS.items() if short(name) == "reconcile-errors"]
    now = 100 * 60
    told = [Measured(now - ago * 60, {"Sum": errors}) for ago, errors in last_told.items()]
    assert judge(alarm | {"StateValue": "OK"}, told, now).state == state


OWN = {name: alarm for name, alarm in ALARMS.items() if alarm["Namespace"] == NAMESPACE}


@pytest.mark.parametrize("name", OWN)
def test_an_alarm_of_our_own_watches_a_metric_that_there_is(name: str) -> None:
    """By the stack's name alone, and read as the list says: any other dimension would be another metric."""
    alarm = OWN[name]
    about = LISTED[Metric(alarm["MetricName"])]
    assert alarm["Dimensions"] == [{"Name": SERVICE, "Value": {"Ref": "AWS::StackName"}}]
    assert alarm["Statistic"] == about.statistic
    # A gauge is told of while there is something to tell, and once when it is over: silence says nothing.
    assert alarm["TreatMissingData"] == ("ignore" if about.gauge else "notBreaching")


def test_the_four_figures_ring_at_the_levels_of_the_list() -> None:
    watched = {Metric(alarm["MetricName"]): alarm for alarm in OWN.values()}
    assert TARGETS.keys() <= watched.keys()
    for figure, target in TARGETS.items():
        alarm = watched[figure]
        beyond = "GreaterThanThreshold" if target.above else "LessThanThreshold"
        assert (Decimal(str(alarm["Threshold"])), alarm["ComparisonOperator"]) == (target.alarm, beyond)
        # The target stands beside the level: a person who is woken wants to know how far it is.
        assert f"{target.wanted.normalize():f}".rstrip("0").rstrip(".") in alarm["AlarmDescription"]["Fn::Sub"]
