"""An alert reaches whoever subscribed to the stack's topic, each by itself."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest

from repeg.domain.reasons import Status
from repeg.events import EventBus
from repeg.telemetry import logger
from repeg.worker.worker import Worker
from tests.support.cloud import NIGHT, Cloud
from tests.unit.samples import order as sample_order

pytestmark = pytest.mark.cloud


@dataclass
class Mailbox:
    """A queue that is subscribed to the topic, as it was created for one test."""

    cloud: Cloud
    url: str
    mails: list[str]

    def until(self, wanted: Callable[[list[str]], bool]) -> list[str]:
        """Everything that was mailed, once it is what was waited for; each as it reads."""

        def come() -> bool:
            answer = self.cloud.connection.sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10)
            for message in answer.get("Messages", []):
                self.mails.append(json.loads(message["Body"]))
                self.cloud.connection.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
            return wanted(self.mails)

        self.cloud.until("mailed", come)
        return self.mails


@pytest.fixture
def mailbox(cloud: Cloud) -> Iterator[Mailbox]:
    sqs, sns = cloud.connection.sqs, cloud.connection.sns
    url = sqs.create_queue(QueueName=f"mail-{uuid4().hex[:12]}")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    may = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage"}
    policy = {"Version": "2012-10-17", "Statement": [may | {"Resource": arn}]}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(policy)})
    options = {"Protocol": "sqs", "Endpoint": arn, "Attributes": {"RawMessageDelivery": "true"}}
    subscribed = sns.subscribe(TopicArn=cloud.connection.alerts_topic, **options)["SubscriptionArn"]
    yield Mailbox(cloud, url, [])
    sns.unsubscribe(SubscriptionArn=subscribed)
    sqs.delete_queue(QueueUrl=url)


def test_every_alert_is_mailed_with_what_to_look_at(cloud: Cloud, mailbox: Mailbox, name: str) -> None:
    cloud.open_market(NIGHT)
    closes = [cloud.send(signal_id=f"{name}-{nth}", kind="close", side=None) for nth in (1, 2)]
    orders = cloud.ended(*closes)
    assert {order.status for order in orders} == {Status.REJECTED}
    mails = mailbox.until(lambda mails: len(mails) >= len(orders))
    stack = cloud.connection.stack
    for order in orders:
        [mail] = [mail for mail in mails if order.order_id in mail]
        assert mail == (
            f"{stack} (paper) TQQQ, close; signal {order.signal_id}: close of TQQQ did not complete: rejected: "
            f"market_closed, 0 filled. Look at it with: repeg order {order.order_id} --stack {stack}"
        )


@pytest.mark.parametrize(
    "told",
    [
        'the broker said {"code": 40310000, "message": "insufficient qty available for order"}',
        "keys of C:\\keys\\new \\ \\u0041 were refused",
        "one\nline\r\nand\tanother",
        "<alert> $.detail {{}} é €",
        "x" * 1000,
    ],
    ids=["quotes", "backslashes", "newlines", "marks", "long"],
)
def test_whatever_an_alert_says_it_is_mailed(cloud: Cloud, mailbox: Mailbox, name: str, told: str) -> None:
    """By the worker's own alert, from the bus to the topic: text that was not escaped lost the mail."""
    bus = EventBus(cloud.connection.client("events"), cloud.connection.event_bus)
    worker = quiet_worker(bus)
    worker.alert(sample_order(order_id=name), told)
    [mail] = mailbox.until(lambda mails: any(name in mail for mail in mails))
    assert " ".join(told.split()).replace('"', "'") in mail
    assert mail.endswith(f"Look at it with: repeg order {name} --stack repeg")


def test_signals_that_cannot_be_taken_in_are_told_of_and_taken_in_once_that_is_over(
    cloud: Cloud, mailbox: Mailbox, name: str
) -> None:
    """They come back within seconds, in order; the message is not lost, and nobody has to send it again."""
    with cloud.broken("accept_signal"):
        sent = [cloud.send(signal_id=f"{name}-{nth}", qty=10) for nth in (1, 2)]
        [mail] = mailbox.until(lambda mails: any("not taken in" in mail for mail in mails))
        assert "intake: 1 signal was not taken in yet, after 5 tries of 100" in mail
    first, second = cloud.ended(*sent)
    assert first.status is second.status is Status.FILLED
    assert first.ask.received_wall < second.ask.received_wall
    assert cloud.dead_letters() == []


def test_a_refused_signal_is_told_of_at_once(cloud: Cloud, mailbox: Mailbox, name: str) -> None:
    cloud.send(signal_id=name, qty=-1)
    [mail] = mailbox.until(lambda mails: any(name in mail for mail in mails))
    assert f"1 signal was refused, nothing was traded for: {name}: qty: must be greater than 0" in mail
    cloud.until("dead letter", cloud.dead_letters)


def quiet_worker(bus: EventBus) -> Worker:
    """A worker that can do nothing but tell."""

    def nothing(*_: Any) -> Any:
        raise AssertionError

    return Worker(
        orders=nothing,  # type: ignore[arg-type]
        time=nothing,  # type: ignore[arg-type]
        make_broker=nothing,
        make_publisher=lambda: bus,
        make_executions=nothing,
        settings=nothing,
        sleep=nothing,
        log=logger,
    )
