from __future__ import annotations

import json
from typing import Any

import boto3

from desk.stack.sending import send_all
from desk.stack.signal_files import read_signals


def signals(count: int, symbol: str = "TQQQ") -> Any:
    bodies = [
        {"signal_id": f"s-{n}", "kind": "order", "symbol": symbol, "side": "buy", "qty": n + 1} for n in range(count)
    ]
    return read_signals(json.dumps(bodies))


def test_signals_arrive_in_order_under_their_symbol_and_once(aws: None) -> None:
    sqs = boto3.client("sqs")
    url = sqs.create_queue(QueueName="signals.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    assert send_all(sqs, url, signals(23)) == {}
    assert send_all(sqs, url, signals(23)) == {}, "a repeated send is no error"
    received: list[Any] = []
    while batch := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, AttributeNames=["All"]).get("Messages"):
        received += batch
        for message in batch:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    assert [json.loads(message["Body"])["signal_id"] for message in received] == [f"s-{n}" for n in range(23)]
    assert {message["Attributes"]["MessageGroupId"] for message in received} == {"TQQQ"}


class RefusingQueue:
    """Takes everything but the given signals."""

    def __init__(self, *refused: str) -> None:
        self.refused = refused

    def send_message_batch(self, QueueUrl: str, Entries: list[dict[str, str]]) -> dict[str, Any]:
        bad = [entry for entry in Entries if json.loads(entry["MessageBody"])["signal_id"] in self.refused]
        return {"Failed": [{"Id": entry["Id"], "Code": "InternalError", "Message": "try later"} for entry in bad]}


def test_what_the_queue_refuses_is_named() -> None:
    assert send_all(RefusingQueue("s-2", "s-14"), "url", signals(15)) == {"s-2": "try later", "s-14": "try later"}
