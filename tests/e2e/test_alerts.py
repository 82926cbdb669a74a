"""An alert reaches whoever subscribed to the stack's topic, each by itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from uuid import uuid4

import pytest

from repeg.domain.reasons import Status
from tests.support.cloud import Cloud

pytestmark = pytest.mark.cloud


@pytest.fixture
def mailbox(cloud: Cloud) -> Iterator[str]:
    """A queue that is subscribed to the topic; its URL."""
    sqs, sns = cloud.connection.sqs, cloud.connection.sns
    url = sqs.create_queue(QueueName=f"mail-{uuid4().hex[:12]}")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    may = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage"}
    policy = {"Version": "2012-10-17", "Statement": [may | {"Resource": arn}]}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(policy)})
    options = {"Protocol": "sqs", "Endpoint": arn, "Attributes": {"RawMessageDelivery": "true"}}
    subscribed = sns.subscribe(TopicArn=cloud.connection.alerts_topic, **options)["SubscriptionArn"]
    yield url
    sns.unsubscribe(SubscriptionArn=subscribed)
    sqs.delete_queue(QueueUrl=url)


def test_every_alert_is_mailed_with_what_to_look_at(cloud: Cloud, mailbox: str, name: str) -> None:
    cloud.open_market()
    closes = [cloud.send(signal_id=f"{name}-{nth}", kind="close", side=None) for nth in (1, 2)]
    orders = cloud.ended(*closes)
    assert {order.status for order in orders} == {Status.REJECTED}
    told: list[str] = []

    def all_told() -> bool:
        answer = cloud.connection.sqs.receive_message(QueueUrl=mailbox, MaxNumberOfMessages=10)
        told.extend(message["Body"] for message in answer.get("Messages", []))
        return len(told) >= len(orders)

    cloud.until("mailed", all_told, timeout=15)
    for order in orders:
        [mail] = [mail for mail in told if order.order_id in mail]
        assert mail.strip('"') == (
            f"close of TQQQ did not complete: rejected: no_position, 0 filled. Signal {order.signal_id}; "
            f"look at it with: repeg order {order.order_id}"
        )
