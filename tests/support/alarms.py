"""Alarms on the local cloud, as a test drives and hears them: the topic tells a queue of the test's own."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from tests.support.cloud import PATIENCE_S, Cloud

Message = dict[str, Any]
LOOK_BACK = 5
"""Market minutes after which an alarm of one minute has forgotten what it rang for."""
_PRINTS = "def handler(event, context):\n    for line in event['lines']:\n        print(line)\n"


@dataclass
class Alarms:
    """The alarms of a cloud, and what its topic has told since."""

    cloud: Cloud
    queue_url: str
    told: list[Message] = field(default_factory=list)

    def describe(self, name: str) -> dict[str, Any]:
        """One alarm, named without the stack."""
        full = f"{self.cloud.connection.stack}-{name}"
        [alarm] = self.cloud.connection.cloudwatch.describe_alarms(AlarmNames=[full])["MetricAlarms"]
        return dict(alarm)

    def state(self, name: str) -> str:
        return str(self.describe(name)["StateValue"])

    def pass_minutes(self, minutes: int = 1) -> None:
        """Sets the market's clock forward; the alarms are judged anew at once."""
        now = datetime.fromisoformat(self.cloud.exchange.clock().now) + timedelta(minutes=minutes)
        self.cloud.exchange.set_clock(now.isoformat())

    def heard(self, name: str, state: str, timeout: float = PATIENCE_S) -> Message:
        """The message of an alarm that changed to this state, once it has come; its own, parsed."""
        full = f"{self.cloud.connection.stack}-{name}"

        def mine() -> list[Message]:
            self._listen()
            return [one for one in self.told if (one.get("AlarmName"), one.get("NewStateValue")) == (full, state)]

        found: list[Message] = self.cloud.until(f"{name} tells that it is {state}", mine, timeout)
        return found[-1]

    def has_rung(self, name: str) -> bool:
        """Whether an alarm has told that it rings, of late."""
        self._listen()
        full = f"{self.cloud.connection.stack}-{name}"
        return any((one.get("AlarmName"), one.get("NewStateValue")) == (full, "ALARM") for one in self.told)

    def forget(self) -> None:
        """Lets go of what was told up to now."""
        self._listen()
        self.told.clear()

    def rings(self, name: str, timeout: float = PATIENCE_S) -> Message:
        """Lets the running minute pass; the message of the alarm that rings then."""
        self.forget()
        self.pass_minutes()
        return self.heard(name, "ALARM", timeout)

    def clears(self, name: str, timeout: float = PATIENCE_S) -> Message:
        """Lets as much time pass as it takes an alarm to forget; its message that all is well again."""
        self.forget()
        self.pass_minutes(LOOK_BACK)
        return self.heard(name, "OK", timeout)

    def measured(self, namespace: str, metric: str, **dimensions: str) -> list[float]:
        """All sums of the last market hours, by the minute, oldest first."""
        now = datetime.fromisoformat(self.cloud.exchange.clock().now)
        answer = self.cloud.connection.cloudwatch.get_metric_statistics(
            Namespace=namespace,
            MetricName=metric,
            Dimensions=[{"Name": name, "Value": value} for name, value in dimensions.items()],
            StartTime=now - timedelta(hours=3),
            EndTime=now + timedelta(minutes=1),
            Period=60,
            Statistics=["Sum"],
        )
        return [point["Sum"] for point in sorted(answer["Datapoints"], key=lambda point: point["Timestamp"])]

    def _listen(self) -> None:
        sqs = self.cloud.connection.sqs
        while messages := sqs.receive_message(QueueUrl=self.queue_url, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                sqs.delete_message(QueueUrl=self.queue_url, ReceiptHandle=message["ReceiptHandle"])
                self.told.append(_parsed(json.loads(message["Body"])))


def _parsed(envelope: Message) -> Message:
    """An alarm's message with its subject; what else the topic tells, an alert say, is text."""
    told = envelope["Message"]
    alarm = json.loads(told) if told.startswith("{") else {"Text": told}
    return alarm | {"Subject": envelope.get("Subject")}


@contextmanager
def hearing(cloud: Cloud, name: str) -> Iterator[Alarms]:
    """Subscribes a queue of this name to the topic that the stack's alarms tell."""
    connection = cloud.connection
    url = connection.sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = connection.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    allowed = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed | {"Resource": arn}]})
    connection.sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    subscription = connection.sns.subscribe(TopicArn=connection.alerts_topic, Protocol="sqs", Endpoint=arn)
    try:
        yield Alarms(cloud, url)
    finally:
        connection.sns.unsubscribe(SubscriptionArn=subscription["SubscriptionArn"])
        connection.sqs.delete_queue(QueueUrl=url)


@contextmanager
def logger(cloud: Cloud, name: str) -> Iterator[str]:
    """A function that logs the `lines` of its event to the stack's log group; its name."""
    connection, code = cloud.connection, io.BytesIO()
    with zipfile.ZipFile(code, "w") as made:
        made.writestr("app.py", _PRINTS)
    function = connection.lambda_.get_function_configuration(FunctionName=connection.function("sweep_orders"))
    connection.lambda_.create_function(
        FunctionName=name,
        Runtime=function["Runtime"],
        Role=function["Role"],
        Handler="app.handler",
        Code={"ZipFile": code.getvalue()},
        LoggingConfig={"LogGroup": connection.log_group},
    )
    try:
        yield name
    finally:
        connection.lambda_.delete_function(FunctionName=name)
