"""AcceptSignal with SQS batches as Lambda delivers them."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from repeg.domain.order.record import Order
from repeg.domain.reasons import Reason, Status
from repeg.wiring import clients
from tests.integration.handlers.conftest import Stack

GOOD = {"kind": "order", "symbol": "TQQQ", "side": "buy", "qty": "100"}


def _record(
    body: str | dict[str, Any], number: int = 1, group: str = "TQQQ", tries: int = 1, handle: str = "handle"
) -> dict[str, Any]:
    text = body if isinstance(body, str) else json.dumps(body)
    return {
        "messageId": f"m-{number}",
        "receiptHandle": handle,
        "body": text,
        "attributes": {
            "ApproximateReceiveCount": str(tries),
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
    assert (order.status, order.terms.requested_qty) == (Status.RECEIVED, 100)
    assert stack.started() == [f"{order.order_id}-1"]
    found = stack.states.describe_execution(executionArn=order.run.execution_arn)
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
    real = clients.executions().start

    def start(order_id: str, number: int) -> None:
        if order_id == _order_id(stack, "a"):
            raise ClientError({"Error": {"Code": "ThrottlingException", "Message": "slow down"}}, "StartExecution")
        real(order_id, number)

    monkeypatch.setattr(clients.executions(), "start", start)
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
    real = clients.executions().start

    def start(order_id: str, number: int) -> None:
        if calls["left"]:
            calls["left"] -= 1
            raise ClientError({"Error": {"Code": "ThrottlingException", "Message": "slow down"}}, "StartExecution")
        real(order_id, number)

    monkeypatch.setattr(clients.executions(), "start", start)
    both = [_record(_signal("a"), 1, "TQQQ"), _record(_signal("c", symbol="SPY"), 2, "SPY")]
    assert _failed(stack.call("accept_signal", {"Records": both})) == ["m-1"]
    again = [_record(_signal("a"), 1, "TQQQ"), _record(_signal("b"), 3, "TQQQ")]
    assert _failed(stack.call("accept_signal", {"Records": again})) == []
    assert len(stack.started()) == 3


@pytest.mark.parametrize("event", [{"warm_up": True}, {"Records": []}, {}])
def test_a_warm_up_touches_nothing(stack: Stack, event: dict[str, Any]) -> None:
    assert stack.call("accept_signal", event) == {"batchItemFailures": []}
    assert list(stack.orders.newest()) == []


# ---- what cannot be taken in ----


def _outage(monkeypatch: pytest.MonkeyPatch, *signal_ids: str) -> None:
    """The table does not answer for these signals."""
    _breaks(monkeypatch, EndpointConnectionError(endpoint_url="https://dynamodb"), *signal_ids)


def _breaks(monkeypatch: pytest.MonkeyPatch, error: Exception, *signal_ids: str) -> None:
    store = clients.order_store()
    real = store.accept

    def accept(order: Order, body_hash: str) -> Any:
        if order.signal_id in signal_ids and order.reason is None:
            raise error
        return real(order, body_hash)

    monkeypatch.setattr(store, "accept", accept)


def _alerts(stack: Stack) -> list[dict[str, Any]]:
    return [event["detail"] for event in stack.events() if event["detail-type"] == "Order Alert"]


def _deliver(stack: Stack, *signals: dict[str, Any]) -> Any:
    """Send to the queue, receive as Lambda does, and hand over; returns the handler's answer."""
    for number, signal in enumerate(signals):
        stack.sqs.send_message(
            QueueUrl=stack.signals_url,
            MessageBody=json.dumps(signal),
            MessageGroupId=signal["symbol"],
            MessageDeduplicationId=f"{signal['signal_id']}-{number}",
        )
    received = _received(stack)
    records = [
        _record(message["Body"], number, json.loads(message["Body"])["symbol"], handle=message["ReceiptHandle"])
        for number, message in enumerate(received)
    ]
    return stack.call("accept_signal", {"Records": records})


def _received(stack: Stack) -> list[dict[str, Any]]:
    answer = stack.sqs.receive_message(QueueUrl=stack.signals_url, MaxNumberOfMessages=10)
    return list(answer.get("Messages", []))


def test_a_failed_message_is_visible_again_within_two_seconds_and_its_group_keeps_its_order(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[dict[str, Any]] = []
    sqs = clients.client("sqs")
    real = sqs.change_message_visibility

    def change(**request: Any) -> Any:
        asked.append(request)
        return real(**{**request, "VisibilityTimeout": 0})

    _outage(monkeypatch, "a")
    monkeypatch.setattr(sqs, "change_message_visibility", change)
    answer = _deliver(stack, _signal("a"), _signal("b"), _signal("c", symbol="SPY"))
    assert len(_failed(answer)) == 2
    assert {request["QueueUrl"] for request in asked} == {stack.signals_url}
    assert [request["VisibilityTimeout"] for request in asked] == [1, 1]
    again = [json.loads(message["Body"])["signal_id"] for message in _received(stack)]
    assert again[:2] == ["a", "b"], "at once (here without the second), in order"


def test_messages_that_cannot_be_put_back_come_back_by_themselves(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    _outage(monkeypatch, "a")
    assert _failed(stack.call("accept_signal", {"Records": [_record(_signal("a"))]})) == ["m-1"]


def test_a_message_that_fails_again_and_again_is_told_of_once(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    _outage(monkeypatch, "a")
    for tries in range(1, 12):
        assert _failed(stack.call("accept_signal", {"Records": [_record(_signal("a"), tries=tries)]})) == ["m-1"]
    [told] = _alerts(stack)
    assert "1 signal was not taken in yet, after 5 tries of 100" in told["alert"]
    assert "dynamodb" in told["alert"]
    assert told["message"].endswith("repeg doctor --stack repeg-paper")
    assert stack.dead_letters() == []


def test_the_last_try_of_an_outage_records_what_it_can_and_tells(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise the queue would move it to the dead letters without a word."""
    _outage(monkeypatch, "a")
    assert _failed(stack.call("accept_signal", {"Records": [_record(_signal("a"), tries=99)]})) == []
    order = stack.order("a")
    assert (order.status, order.reason) == (Status.REJECTED, Reason.INVALID_SIGNAL)
    [letter] = stack.dead_letters()
    assert "given up" in letter["MessageAttributes"]["problem"]["StringValue"]
    [told] = _alerts(stack)
    assert "1 signal was refused" in told["alert"] and "a: signal: could not be taken in" in told["alert"]


def test_a_message_whose_invocations_died_is_recorded_and_told_of_at_its_last_delivery(stack: Stack) -> None:
    """None of them could say a word; and what killed them is not tried again."""
    assert _failed(stack.call("accept_signal", {"Records": [_record(_signal("a"), tries=100)]})) == []
    assert stack.order("a").status is Status.REJECTED
    assert stack.started() == [f"{stack.order('a').order_id}-1"], "which tells the outcome"
    [told] = _alerts(stack)
    assert "99 tries failed or died" in told["alert"]
    assert len(stack.dead_letters()) == 1


def test_what_cannot_even_be_recorded_still_is_told_and_kept(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    def down(*_: Any) -> Any:
        raise EndpointConnectionError(endpoint_url="https://dynamodb")

    monkeypatch.setattr(clients.order_store(), "accept", down)
    monkeypatch.setattr(clients.order_store(), "claim_of", down)
    assert _failed(stack.call("accept_signal", {"Records": [_record(_signal("a"), tries=100)]})) == []
    assert [letter["Body"] for letter in stack.dead_letters()] == [json.dumps(_signal("a"))]
    assert len(_alerts(stack)) == 1


@pytest.mark.parametrize(
    "error",
    [
        KeyError("defect"),
        ClientError({"Error": {"Code": "ValidationException", "Message": "too large"}}, "TransactWriteItems"),
    ],
)
def test_a_message_that_alone_is_at_fault_holds_its_group_for_seconds_only(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    _breaks(monkeypatch, error, "a")
    for tries in (1, 2):
        both = [_record(_signal("a"), 1, tries=tries), _record(_signal("b"), 2, tries=tries)]
        assert _failed(stack.call("accept_signal", {"Records": both})) == ["m-1", "m-2"]
    both = [_record(_signal("a"), 1, tries=3), _record(_signal("b"), 2, tries=3)]
    assert _failed(stack.call("accept_signal", {"Records": both})) == []
    assert stack.order("a").status is Status.REJECTED
    assert stack.order("b").status is Status.RECEIVED
    assert len(stack.dead_letters()) == len(_alerts(stack)) == 1


def test_a_message_whose_order_is_on_record_is_not_refused_when_it_is_given_up(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its execution could not be started; the sweep starts it."""

    def start(*_: Any) -> None:
        raise ClientError({"Error": {"Code": "ThrottlingException", "Message": "slow down"}}, "StartExecution")

    monkeypatch.setattr(clients.executions(), "start", start)
    assert _failed(stack.call("accept_signal", {"Records": [_record(_signal("a"), tries=99)]})) == []
    assert stack.order("a").status is Status.RECEIVED
    assert stack.dead_letters() == _alerts(stack) == []


def test_refusals_are_told_at_once_and_in_a_flood_together(stack: Stack) -> None:
    """The alarm on the queue's metric may come a quarter of an hour later."""
    records = [_record(_signal(f"s-{number}", qty=-1), number) for number in range(10)]
    stack.call("accept_signal", {"Records": records})
    [told] = _alerts(stack)
    assert told["alert"] == (
        "10 signals were refused, nothing was traded for: s-0: qty: must be greater than 0 (and 9 more)"
    )
    assert (told["count"], told["order_id"]) == (10, None)
    assert told["message"].startswith("repeg-paper (paper) intake: 10 signals")
    assert told["message"].endswith("repeg orders --status rejected --stack repeg-paper")


def test_a_signal_that_uses_an_id_again_is_told_of(stack: Stack) -> None:
    stack.call("accept_signal", {"Records": [_record(_signal("a"), 1), _record(_signal("a", qty=7), 2)]})
    assert [told["alert"] for told in _alerts(stack)] == [
        "1 signal was refused, nothing was traded for: a: was used before with another body"
    ]


def test_a_redelivery_tells_nothing(stack: Stack) -> None:
    for tries in (1, 2):
        stack.call("accept_signal", {"Records": [_record(_signal("a"), tries=tries)]})
    assert _alerts(stack) == []


def test_a_bus_that_does_not_answer_fails_no_message(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVENT_BUS_NAME", "")
    assert _failed(stack.call("accept_signal", {"Records": [_record("not json")]})) == []
    assert len(stack.dead_letters()) == 1
