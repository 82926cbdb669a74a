"""Signals into a stack's queue. No terminal in here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from repeg.domain.signals.outgoing import OutgoingSignal
    from repeg.store.orders import OrderStore

BATCH = 10
LOOKED_UP_AT_MOST = 50


def sent_before(store: OrderStore, signals: list[OutgoingSignal]) -> tuple[list[str], list[str]]:
    """Which of these were sent before, and which will be refused, as their id is that of another signal.

    A courtesy: nothing where there are many, or the table may not be read.
    """
    from botocore.exceptions import ClientError

    remarks: list[str] = []
    conflicts: list[str] = []
    try:
        for signal in signals if len(signals) <= LOOKED_UP_AT_MOST else ():
            claim = store.claim_of(signal.signal_id)
            if claim and claim.body_hash == signal.body_hash:
                remarks.append(f"{signal.signal_id}: was sent before; nothing changes")
            elif claim:
                conflicts.append(
                    f"{signal.signal_id}: is the id of another signal, so this one is refused (signal_conflict); "
                    "fix: send it under an id of its own"
                )
    except ClientError:
        return [], []
    return remarks, conflicts


def send_all(sqs: Any, queue_url: str, signals: Iterable[OutgoingSignal]) -> dict[str, str]:
    """Send in order, ten at a time. Returns the signals that the queue refused, with its words."""
    refused: dict[str, str] = {}
    for batch in _batches(iter(signals)):
        answer = sqs.send_message_batch(
            QueueUrl=queue_url,
            Entries=[
                {
                    "Id": str(place),
                    "MessageBody": signal.body,
                    "MessageGroupId": signal.group,
                    "MessageDeduplicationId": signal.deduplication_id,
                }
                for place, signal in enumerate(batch)
            ],
        )
        for failure in answer.get("Failed", []):
            refused[batch[int(failure["Id"])].signal_id] = failure.get("Message", failure["Code"])
    return refused


def _batches(signals: Iterator[OutgoingSignal]) -> Iterator[list[OutgoingSignal]]:
    while batch := list(islice(signals, BATCH)):
        yield batch
