"""What happens by the clock, as the template has it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from repeg.domain.schedule.runs import LEASE
from repeg.domain.schedule.times import Schedule
from tests.support.stack import defaults, evaluate, load_template, resources

TEMPLATE = load_template()
FUNCTIONS = resources(TEMPLATE, "AWS::Serverless::Function")
DEFAULTS = defaults(TEMPLATE)


# ---- what happens by the clock ----

SCHEDULES = resources(TEMPLATE, "AWS::Scheduler::Schedule")
PARAMETERS = {
    Schedule.MARKET_OPEN_REBALANCE: "MarketOpenRebalance",
    Schedule.PRE_MARKET_ASSESSMENT: "PreMarketAssessment",
    Schedule.END_OF_DAY_SUMMARY: "EndOfDaySummary",
}


def _scheduled(schedule: Schedule) -> dict[str, Any]:
    [found] = [each for each in SCHEDULES.values() if each["Name"] == {"Fn::Sub": f"${{AWS::StackName}}-{schedule}"}]
    return found


def _chosen(node: Any, **parameters: str) -> Any:
    """What a value with conditions comes to."""
    while isinstance(node, dict) and "Fn::If" in node:
        condition, if_true, if_false = node["Fn::If"]
        holds = evaluate(TEMPLATE["Conditions"][condition], {**DEFAULTS, **parameters})
        node = if_true if holds else if_false
    return node


@pytest.mark.parametrize("schedule", Schedule)
def test_a_schedule_fires_at_its_time_in_new_york_on_weekdays(schedule: Schedule) -> None:
    found, at = _scheduled(schedule), schedule.time
    assert found["ScheduleExpression"] == f"cron({at.minute} {at.hour} ? * MON-FRI *)"
    assert found["ScheduleExpressionTimezone"] == "America/New_York"
    assert found["FlexibleTimeWindow"] == {"Mode": "OFF"}
    assert json.loads(found["Target"]["Input"]) == {"schedule": schedule.value}
    assert found["Target"]["Arn"] == {"Fn::GetAtt": "RunSchedule.Arn"}
    assert len(SCHEDULES) == len(Schedule)


@pytest.mark.parametrize("schedule", Schedule)
def test_a_schedule_is_off_until_it_is_turned_on_and_never_on_by_the_walls_time_locally(schedule: Schedule) -> None:
    state, parameter = _scheduled(schedule)["State"], PARAMETERS[schedule]
    assert _chosen(state) == "DISABLED"
    assert _chosen(state, **{parameter: "on"}) == "ENABLED"
    assert _chosen(state, **{parameter: "on"}, IsLocal="true") == "DISABLED"


@pytest.mark.parametrize("function", ["SweepOrders", "RunSchedule"])
def test_who_looks_out_for_runs_knows_which_schedules_are_on(function: str) -> None:
    separator, names = FUNCTIONS[function]["Environment"]["Variables"]["SCHEDULES_ON"]["Fn::Join"]
    for on in ([], [Schedule.END_OF_DAY_SUMMARY], list(Schedule)):
        given = {PARAMETERS[schedule]: "on" for schedule in on}
        told = separator.join(_chosen(name, **given) for name in names).split(separator)
        assert {name for name in told if name} == set(on)


def test_the_scheduler_may_do_nothing_but_fire_that_function() -> None:
    role = resources(TEMPLATE, "AWS::IAM::Role")["SchedulerRole"]
    [trust] = role["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": "scheduler.amazonaws.com"}
    assert trust["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
    [allowed] = [each for policy in role["Policies"] for each in policy["PolicyDocument"]["Statement"]]
    assert (allowed["Action"], allowed["Resource"]) == ("lambda:InvokeFunction", {"Fn::GetAtt": "RunSchedule.Arn"})
    assert all(each["Target"]["RoleArn"] == {"Fn::GetAtt": "SchedulerRole.Arn"} for each in SCHEDULES.values())


def test_a_claim_lives_longer_than_who_made_it_and_not_until_the_next_try() -> None:
    """Lambda tries again a minute after it failed: a claim that still held then would keep the retry out."""
    assert FUNCTIONS["RunSchedule"]["Timeout"] < LEASE.total_seconds() < 60
    assert FUNCTIONS["RunSchedule"]["EventInvokeConfig"]["MaximumRetryAttempts"] == 2


def test_no_firing_comes_when_it_is_of_no_use_any_more() -> None:
    longest = FUNCTIONS["RunSchedule"]["EventInvokeConfig"]["MaximumEventAgeInSeconds"]
    assert longest <= 600, "from 09:25 until five minutes after the open"
    assert all(each["Target"]["RetryPolicy"]["MaximumEventAgeInSeconds"] <= longest for each in SCHEDULES.values())
