"""Prints what became of orders, as repeg publishes it.

    python examples/outcomes.py             # listen until Ctrl-C
    python examples/outcomes.py 60          # listen for so many seconds
    python examples/outcomes.py --remove    # take the rule and the queue away again

The first run makes an EventBridge rule on the stack's bus and a queue behind it, then says that it listens: what was
published before is not heard. From then on outcomes wait in the queue, for four days, whether this runs or not. Needs
boto3 alone; see breakout.py for credentials.
"""

import json
import os
import sys
import time

import boto3
from botocore.exceptions import BotoCoreError

STACK = os.environ.get("REPEG_STACK", "repeg")
BUS, NAME = f"{STACK}-events", f"{STACK}-outcomes"
try:
    events, sqs = boto3.client("events"), boto3.client("sqs")
except BotoCoreError as error:
    sys.exit(f'AWS cannot be asked: {error} (for the local cloud: eval "$(repeg local env)")')


def listen_to_bus():
    """The queue into which everything is put that repeg publishes; making it again changes nothing."""
    rule = events.put_rule(Name=NAME, EventBusName=BUS, EventPattern=json.dumps({"source": ["repeg"]}))["RuleArn"]
    queue_url = sqs.create_queue(QueueName=NAME)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    allowed = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": rule}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    sqs.set_queue_attributes(QueueUrl=queue_url, Attributes={"Policy": policy})
    events.put_targets(Rule=NAME, EventBusName=BUS, Targets=[{"Id": NAME, "Arn": arn}])
    return queue_url


def told(event):
    """One line for each event; `detail` holds the whole order, as `repeg order ID --json` prints it, or a message."""
    order = event["detail"]
    if "status" not in order:
        words = [event["detail-type"], order.get("signal_id"), order.get("alert") or order.get("message")]
        return " ".join(word for word in words if word)
    words = [event["detail-type"], order["signal_id"], order["status"], order["reason"]]
    if order["avg_fill_price"]:
        words.append(f"{order['filled_qty']} {order['symbol']} at {order['avg_fill_price']}")
    return " ".join(word for word in words if word)


def remove():
    events.remove_targets(Rule=NAME, EventBusName=BUS, Ids=[NAME])
    events.delete_rule(Name=NAME, EventBusName=BUS)
    sqs.delete_queue(QueueUrl=sqs.get_queue_url(QueueName=NAME)["QueueUrl"])


def listen(queue_url, seconds):
    """Print whatever comes, for so many seconds, or until Ctrl-C."""
    ends = time.monotonic() + seconds
    while (left := ends - time.monotonic()) > 0:
        answer = sqs.receive_message(QueueUrl=queue_url, MaxNumberOfMessages=10, WaitTimeSeconds=int(min(20, left + 1)))
        for message in answer.get("Messages", []):
            print(told(json.loads(message["Body"])), flush=True)
            sqs.delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])


if __name__ == "__main__":
    if sys.argv[1:] == ["--remove"]:
        sys.exit(remove())
    queue_url = listen_to_bus()
    print(f"listening to {BUS}", flush=True)
    try:
        listen(queue_url, float(sys.argv[1]) if len(sys.argv) > 1 else float("inf"))
    except KeyboardInterrupt:
        sys.exit(0)
