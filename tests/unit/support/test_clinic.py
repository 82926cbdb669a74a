"""A stack of the clinic begins as the first did, which was set up call by call, whatever befell those before it."""

from __future__ import annotations

import gc
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.support import clinic as of_the_clinic
from tests.support.clinic import LOGS, STACK, Clinic, open_clinic


def test_each_stack_begins_as_the_first_did(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(of_the_clinic, "_created", [])
    begun: list[dict[str, Any]] = []
    ended: list[dict[str, Any]] = []
    for _ in range(3):
        with open_clinic(monkeypatch, tmp_path) as clinic:
            begun.append(_seen(clinic))
            _befall(clinic)
            ended.append(_seen(clinic))
        # What only the one before still holds is gone.
        gc.collect()
    assert begun[0] == begun[1] == begun[2]
    assert all(before != after for before, after in zip(begun[0].values(), ended[2].values(), strict=True))


def test_each_stack_is_deployed_just_now(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(of_the_clinic, "_created", [])
    for _ in range(2):
        begun = datetime.now(UTC)
        with open_clinic(monkeypatch, tmp_path) as clinic:
            functions = clinic["lambda"].list_functions()["Functions"]
            assert functions and all(datetime.fromisoformat(each["LastModified"]) >= begun for each in functions)


def _seen(clinic: Clinic) -> dict[str, Any]:
    """What each service has of the stack."""
    sqs, lambda_, events, sns = (clinic[name] for name in ("sqs", "lambda", "events", "sns"))
    return {
        "outputs": dict(clinic.outputs),
        "environment": dict(clinic.environment),
        "table": clinic["dynamodb"].scan(TableName=STACK)["Items"],
        "roles": [role["RoleName"] for role in clinic["iam"].list_roles()["Roles"]],
        "queues": {
            url: sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
            for url in sqs.list_queues()["QueueUrls"]
        },
        "functions": [each | {"LastModified": "now"} for each in lambda_.list_functions()["Functions"]],
        "by arn": lambda_.get_function_configuration(FunctionName=clinic.arns["sweep_orders"])["Environment"],
        "mappings": lambda_.list_event_source_mappings()["EventSourceMappings"],
        "rules": events.list_rules()["Rules"],
        "targets": events.list_targets_by_rule(Rule="every-minute")["Targets"],
        "machines": clinic["stepfunctions"].list_state_machines()["stateMachines"],
        "log": clinic["logs"].filter_log_events(logGroupName=LOGS)["events"],
        "topic": sns.list_subscriptions_by_topic(TopicArn=clinic.topic)["Subscriptions"],
        "alarms": clinic["cloudwatch"].describe_alarms()["MetricAlarms"],
        "settings": clinic["ssm"].get_parameter(Name="/defaults")["Parameter"],
        "keys": clinic["secretsmanager"].get_secret_value(SecretId=f"{STACK}/alpaca")["SecretString"],
    }


def _befall(clinic: Clinic) -> None:
    """Something in every service that a test may do."""
    clinic.outputs["TableName"], clinic.environment["TRADING_MODE"] = "another", "live"
    clinic["dynamodb"].put_item(TableName=STACK, Item={"pk": {"S": "p"}, "sk": {"S": "s"}})
    clinic["iam"].create_role(RoleName="another", AssumeRolePolicyDocument="{}")
    clinic.wait()
    sweep = f"{STACK}-sweep-orders"
    clinic["lambda"].update_function_configuration(FunctionName=sweep, Environment={"Variables": {"A": "b"}})
    clinic["lambda"].delete_function(FunctionName=f"{STACK}-run-schedule")
    clinic["lambda"].update_event_source_mapping(UUID=clinic.mapping, Enabled=False)
    clinic["events"].disable_rule(Name="every-minute")
    clinic["events"].remove_targets(Rule="every-minute", Ids=["1"])
    clinic["stepfunctions"].delete_state_machine(stateMachineArn=clinic.outputs["ExecuteOrderArn"])
    clinic.log(message="something")
    clinic["sns"].subscribe(TopicArn=clinic.topic, Protocol="email", Endpoint="you@example.com")
    clinic["cloudwatch"].set_alarm_state(AlarmName=f"{STACK}-sweep-silent", StateValue="ALARM", StateReason="test")
    clinic["ssm"].put_parameter(Name="/defaults", Value='{"A": 1}', Type="String", Overwrite=True)
    clinic.keys("{}")
