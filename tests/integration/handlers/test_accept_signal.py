"""AcceptSignal with SQS batches as Lambda delivers them."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from repeg import bootstrap
from repeg.domain.reasons import Reason, Status
from tests.integration.handlers.conftest import Stack

GOOD = {"kind": "order", "symbol": "TQQQ", "side": "buy", "qty": "100"}


def _record(body: str | dict[str, Any], number: int = 1, group: str = "TQQQ") -> dict[str, Any]:
    text = body if isinstance(body, str) else json.dumps(body)
    return {
        "messageId": f"m-{number}",
        "receiptHandle": "handle",
        "body": text,
        "attributes": {
            "ApproximateReceiveCount": "1",
            "MessageGroupId": group,
            "MessageDeduplicationId": f"d-{number}",
            "SequenceNumber": str(number),
            "SentTimestamp": "1763650800000",
            "SenderId": "A",
            "ApproximateFirstReceiveTimestamp": "1763650800000",
        },
        "messageAttributes": {},
        "md5OfBody": hashlib.md5(text.encode(), usedforsecurity=False).hexdigest(),
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:signals.fifo",
        "awsRegion": "us-east-1",
    }


def _signal(name: str, **changes: Any) -> dict[str, Any]:
    return GOOD | {"signal_id": name} | changes


def _failed(answer: Any) -> list[str]:
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


def test_a_signal_becomes_an_order_and_its_execution(stack: Stack) -> None:
    answer = stack.call("accept_signal", {"Records": [_record(_signal("a"))]})
    order = stack.order("a")
    assert _failed(answer) == []
    assert (order.status, order.requested_qty) == (Status.RECEIVED, 100)
    assert stack.started() == [f"{order.order_id}-1"]
    found = stack.states.describe_execution(executionArn=order.execution_arn)
    assert json.loads(found["input"]) == {"order_id": order.order_id}


def test_a_redelivery_changes_nothing(stack: Stack) -> None:
    for _ in range(2):
        assert _failed(stack.call("accept_signal", {"Records": [_record(_signal("a"))]})) == []
    assert len(list(stack.orders.newest())) == 1
    assert len(stack.started()) == 1


def test_bad_messages_are_dead_lettered_and_do_not_fail_the_batch(stack: Stack) -> None:
    records = [
        _record("not json", 1),
        _record(_signal("b", qty=-1), 2),
        _record(_signal("c"), 3),
        _record('{"signal_id": "\\ud800"}', 4),
    ]
    assert _failed(stack.call("accept_signal", {"Records": records})) == []
    assert stack.order("c").status is Status.RECEIVED
    assert stack.order("b").reason is Reason.INVALID_SIGNAL
    letters = stack.dead_letters()
    problems = {letter["Body"]: letter["MessageAttributes"]["problem"]["StringValue"] for letter in letters}
    assert set(problems) == {"not json", json.dumps(_signal("b", qty=-1)), '{"signal_id": "\\ud800"}'}
    assert problems[json.dumps(_signal("b", qty=-1))] == "qty: must be greater than 0"


def test_the_largest_bad_message_fits_the_dead_letter_queue_with_its_problem(stack: Stack) -> None:
    """SQS counts attributes into a message's size; a body of 64 KB leaves no room for them in a 64 KB queue."""
    body = json.dumps({"signal_id": "a", "pad": ""})
    body = body.replace('""', '"' + "x" * (64 * 1024 - len(body)) + '"')
    assert len(body) == 64 * 1024
    assert _failed(stack.call("accept_signal", {"Records": [_record(body)]})) == []
    letter = stack.dead_letters()[0]
    attributes = sum(
        len(name) + len(value["DataType"]) + len(value["StringValue"])
        for name, value in letter.get("MessageAttributes", {}).items()
    )
    answer = stack.sqs.get_queue_attributes(QueueUrl=stack.dlq_url, AttributeNames=["MaximumMessageSize"])
    assert len(letter["Body"]) + attributes <= int(answer["Attributes"]["MaximumMessageSize"])


def test_a_message_that_fails_holds_back_only_its_own_group(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """FIFO: what follows a failed message in its group must be delivered again after it; other groups go on."""
    real = bootstrap.executions().start

    def start(order_id: str, number: int) -> None:
        if order_id == _order_id(stack, "a"):
            raise ClientError({"Error": {"Code": "ThrottlingException", "Message": "slow down"}}, "StartExecution")
        real(order_id, number)

    monkeypatch.setattr(bootstrap.executions(), "start", start)
    records = [
        _record(_signal("a"), 1, "TQQQ"),
        _record(_signal("b"), 2, "TQQQ"),
        _record(_signal("c", symbol="SPY"), 3, "SPY"),
    ]
    assert _failed(stack.call("accept_signal", {"Records": records})) == ["m-1", "m-2"]
    assert stack.orders.find("b") is None, "it may not overtake"
    assert stack.order("c").status is Status.RECEIVED
    monkeypatch.undo()


def _order_id(stack: Stack, signal_id: str) -> str:
    found = stack.orders.find(signal_id)
    return found.order_id if found else ""


def test_one_invocation_does_not_remember_the_failed_groups_of_another(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = {"left": 1}
    real = bootstrap.executions().start

    def start(order_id: str, number: int) -> None:
        if calls["left"]:
            calls["left"] -= 1
            raise ClientError({"Error": {"Code": "ThrottlingException", "Message": "slow down"}}, "StartExecution")
        real(order_id, number)

    monkeypatch.setattr(bootstrap.executions(), "start", start)
    both = [_record(_signal("a"), 1, "TQQQ"), _record(_signal("c", symbol="SPY"), 2, "SPY")]
    assert _failed(stack.call("accept_signal", {"Records": both})) == ["m-1"]
    again = [_record(_signal("a"), 1, "TQQQ"), _record(_signal("b"), 3, "TQQQ")]
    assert _failed(stack.call("accept_signal", {"Records": again})) == []
    assert len(stack.started()) == 3


@pytest.mark.parametrize("event", [{"warm_up": True}, {"Records": []}, {}])
def test_a_warm_up_touches_nothing(stack: Stack, event: dict[str, Any]) -> None:
    assert stack.call("accept_signal", event) == {"batchItemFailures": []}
    assert list(stack.orders.newest()) == []
