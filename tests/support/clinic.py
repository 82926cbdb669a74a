"""A deployed stack as the doctor finds it, on AWS as moto plays it: all ok until a test breaks something."""

from __future__ import annotations

import copy
import io
import json
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from botocore.session import Session
from moto.awslambda_simple.models import lambda_simple_backends
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.core.utils import iso_8601_datetime_with_nanoseconds

from desk.doctor.case import Case, wall_clock
from desk.doctor.checks import CHECKS
from desk.doctor.examine import look
from desk.doctor.findings import Finding
from desk.doctor.meter import Meter
from desk.doctor.reach import NEEDED
from desk.stack.connection import Connection, aws_session
from repeg.domain.history import ClockAnchor
from repeg.domain.schedule.times import Schedule
from tests.support.stand_ins.copied_moto import Kept
from tests.support.stand_ins.short_moto import quick_aws
from tests.support.stand_ins.tables import create_table

STACK, LOGS = "repeg", "/aws/lambda/repeg"
FUNCTIONS = ("accept_signal", "place_order", "run_schedule", "sweep_orders")
KEYS = {"key_id": "PKTESTKEYOFTHECLINIC", "secret_key": "s3cr3tOfTheClinicThatNobodyMayEverSee"}


@dataclass(frozen=True)
class Ward(Connection):
    """A connection whose clients are moto's, whatever endpoint it names; `described` is the stack's status."""

    described: str = "CREATE_COMPLETE"

    def client(self, service: str) -> Any:
        if service == "cloudformation":
            return Cloudformation(self)
        return _client(service) if self.session is _session() else self.session.create_client(service)


@dataclass(frozen=True)
class Cloudformation:
    """The one call that the doctor makes there."""

    ward: Ward

    def describe_stacks(self, StackName: str) -> dict[str, Any]:
        return {"Stacks": [{"StackName": StackName, "StackStatus": self.ward.described}]}


class Clinic:
    """The stack, and how to break it."""

    def __init__(self) -> None:
        self.session = _session()
        self.wall: Callable[[], datetime] = wall_clock
        self.environment = {"TRADING_MODE": "paper", "CLOCK_SPEED": "1"}
        self.exchange_url: str | None = None
        self.local = False
        self.described = "CREATE_COMPLETE"
        # Two dozen calls take longer than most tests: they are made for the first, and what they led to for the others.
        if not _created:
            before = {*vars(self)}
            self._create()
            told = {name: value for name, value in vars(self).items() if name not in before}
            _created.append((Kept(), copy.deepcopy(told)))
        else:
            kept, told = _created[0]
            kept.lay_out()
            vars(self).update(copy.deepcopy(told))
            # Deployed just now, as the first was.
            for function in lambda_simple_backends[DEFAULT_ACCOUNT_ID]["us-east-1"].list_functions():
                function.last_modified = iso_8601_datetime_with_nanoseconds()
        self.ran("Invocations", 1)
        self.at_once = 1000
        # moto does not know it
        self["lambda"].get_account_settings = lambda: {"AccountLimit": {"ConcurrentExecutions": self.at_once}}

    def _create(self) -> None:
        create_table(self["dynamodb"], STACK)
        role = self["iam"].create_role(RoleName="any", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
        self.queue_url, self.dlq_url = self._queue("signals"), self._queue("signals-refused")
        self.arns = {name: self._function(name, role) for name in FUNCTIONS}
        self.mapping = self["lambda"].create_event_source_mapping(
            EventSourceArn=self._arn(self.queue_url), FunctionName=f"{STACK}-accept-signal"
        )["UUID"]
        self["events"].put_rule(Name="every-minute", ScheduleExpression="rate(1 minute)")
        self["events"].put_targets(Rule="every-minute", Targets=[{"Id": "1", "Arn": self.arns["sweep_orders"]}])
        machine, rebalances = (self._machine(name, role) for name in ("execute-order", "rebalance-portfolio"))
        self["logs"].create_log_group(logGroupName=LOGS)
        self["logs"].create_log_stream(logGroupName=LOGS, logStreamName="any")
        self.topic = self["sns"].create_topic(Name=f"{STACK}-alerts")["TopicArn"]
        self["sns"].subscribe(TopicArn=self.topic, Protocol="email", Endpoint="me@example.com")
        self.alarm("sweep-silent")
        self.alarm("alert-logged")
        self["ssm"].put_parameter(Name="/defaults", Value="{}", Type="String")
        secret = self["secretsmanager"].create_secret(Name=f"{STACK}/alpaca", SecretString=json.dumps(KEYS))["ARN"]
        self.outputs = {
            "AlertsTopicArn": self.topic,
            "AlpacaSecretId": secret,
            "DlqUrl": self.dlq_url,
            "ExecuteOrderArn": machine,
            "FunctionLogGroup": LOGS,
            "QueueUrl": self.queue_url,
            "RebalancePortfolioArn": rebalances,
            "SettingsDefaultsName": "/defaults",
            "SettingsOverridesName": "/overrides",
            "TableName": STACK,
        }
        assert set(self.outputs) >= NEEDED

    def __getitem__(self, service: str) -> Any:
        return _client(service)

    @property
    def case(self) -> Case:
        """The stack as it now is, with nothing remembered."""
        connection = Ward(
            STACK,
            self.outputs,
            self.session,
            endpoint_url="http://127.0.0.1:4566" if self.local else None,
            exchange_url=self.exchange_url,
            speed=1.0 if self.local else None,
            described=self.described,
        )
        return Case(connection, self.environment, Meter(), self.wall)

    def look(self, name: str) -> Finding:
        """What one check finds."""
        [check] = [check for check in CHECKS if check.name == name]
        return look(self.case, check)

    def all(self) -> dict[str, Finding]:
        """What all checks find, one after the other."""
        case = self.case
        return {check.name: look(case, check) for check in CHECKS}

    # --- breaking ---

    def keys(self, text: str) -> None:
        self["secretsmanager"].put_secret_value(SecretId=f"{STACK}/alpaca", SecretString=text)

    def send(self, queue_url: str, body: str = "{}") -> None:
        self["sqs"].send_message(
            QueueUrl=queue_url, MessageBody=body, MessageGroupId="any", MessageDeduplicationId=str(datetime.now(UTC))
        )

    def wait(self) -> None:
        """A signal waits in the queue, where moto would hand it to the function at once."""
        mapped = self["lambda"].get_event_source_mapping(UUID=self.mapping)["State"] == "Enabled"
        self["lambda"].update_event_source_mapping(UUID=self.mapping, Enabled=False)
        self.send(self.queue_url)
        self["lambda"].update_event_source_mapping(UUID=self.mapping, Enabled=mapped)

    def override(self, document: str) -> None:
        self["ssm"].put_parameter(Name="/overrides", Value=document, Type="String", Overwrite=True)

    def schedules_on(self, *schedules: Schedule, enabled: bool = True) -> None:
        """Turn schedules on, as a deployment does."""
        name = f"{STACK}-run-schedule"
        on = {"Variables": self.environment | {"SCHEDULES_ON": ",".join(schedules)}}
        self["lambda"].update_function_configuration(FunctionName=name, Environment=on)
        for schedule in schedules:
            self["scheduler"].create_schedule(
                Name=f"{STACK}-{schedule.value}",
                ScheduleExpression="rate(1 minute)",
                FlexibleTimeWindow={"Mode": "OFF"},
                Target={"Arn": self.arns["run_schedule"], "RoleArn": "arn:aws:iam::123456789012:role/any"},
                State="ENABLED" if enabled else "DISABLED",
            )

    def alarm(self, name: str, **more: Any) -> None:
        self["cloudwatch"].put_metric_alarm(
            AlarmName=f"{STACK}-{name}",
            AlarmDescription=f"what it means: docs/runbook.md#{name}",
            AlarmActions=[self.topic],
            Namespace="AWS/Lambda",
            MetricName="Invocations",
            Statistic="Sum",
            Period=60,
            EvaluationPeriods=1,
            Threshold=1,
            ComparisonOperator="LessThanThreshold",
            **more,
        )

    def ran(self, metric: str, value: float, minutes_ago: float = 0.1) -> None:
        """A data point of the sweep's."""
        self.metric("AWS/Lambda", metric, {"FunctionName": f"{STACK}-sweep-orders"}, value, minutes_ago)

    def metric(
        self, namespace: str, metric: str, dimensions: dict[str, str], value: float, minutes_ago: float = 0.1
    ) -> None:
        point = {
            "MetricName": metric,
            "Dimensions": [{"Name": name, "Value": value} for name, value in dimensions.items()],
            "Timestamp": datetime.now(UTC) - timedelta(minutes=minutes_ago),
            "Value": value,
        }
        self["cloudwatch"].put_metric_data(Namespace=namespace, MetricData=[point])

    def log(self, minutes_ago: float = 1, **line: Any) -> None:
        at = datetime.now(UTC) - timedelta(minutes=minutes_ago)
        event = {"timestamp": int(at.timestamp() * 1000), "message": json.dumps(line, separators=(",", ":"))}
        self["logs"].put_log_events(logGroupName=LOGS, logStreamName="any", logEvents=[event])

    def stopped_execution(self, name: str, machine: str = "ExecuteOrderArn") -> None:
        started = self["stepfunctions"].start_execution(stateMachineArn=self.outputs[machine], name=name)
        self["stepfunctions"].stop_execution(executionArn=started["executionArn"])

    def kept_clock(self, off: float = 0, age: float = 60) -> None:
        """The stack's reading of the clock: so many seconds old, and its own wall clock so many ahead."""
        market_at = self.wall() - timedelta(seconds=age)
        self.case.market.keep_clock(ClockAnchor(market_at=market_at, wall_at=market_at + timedelta(seconds=off)))

    def _queue(self, name: str) -> str:
        attributes = {"FifoQueue": "true", "ContentBasedDeduplication": "false"}
        return str(self["sqs"].create_queue(QueueName=f"{STACK}-{name}.fifo", Attributes=attributes)["QueueUrl"])

    def _machine(self, name: str, role: str) -> str:
        definition = '{"StartAt": "A", "States": {"A": {"Type": "Wait"}}}'
        created = self["stepfunctions"].create_state_machine(
            name=f"{STACK}-{name}", definition=definition, roleArn=role
        )
        return str(created["stateMachineArn"])

    def _arn(self, url: str) -> str:
        answer = self["sqs"].get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        return str(answer["Attributes"]["QueueArn"])

    def _function(self, name: str, role: str) -> str:
        code = io.BytesIO()
        with zipfile.ZipFile(code, "w") as archive:
            archive.writestr("app.py", "handler = print")
        created = self["lambda"].create_function(
            FunctionName=f"{STACK}-{name.replace('_', '-')}",
            Runtime="python3.13",
            Role=role,
            Handler="app.handler",
            Code={"ZipFile": code.getvalue()},
            Environment={"Variables": self.environment},
        )
        return str(created["FunctionArn"])


_created: list[tuple[Kept, dict[str, Any]]] = []


def session_of_moto() -> Session:
    """A new one."""
    session = aws_session()
    session.set_credentials("t", "t")
    session.set_config_variable("region", "us-east-1")
    return session


@cache
def _session() -> Session:
    """One for all tests: a session reads the descriptions of the services anew."""
    return session_of_moto()


@cache
def _client(service: str) -> Any:
    return _session().create_client(service)


@contextmanager
def open_clinic(monkeypatch: pytest.MonkeyPatch, folder: Path) -> Iterator[Clinic]:
    """A fresh stack in an AWS of its own, and no local cloud, whatever the user has up."""
    monkeypatch.setenv("REPEG_LOCAL_DIR", str(folder))
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with quick_aws(**{"lambda": {"use_docker": False}}):
        yield Clinic()
