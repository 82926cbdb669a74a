"""`repeg send`: signals from a file into the stack's queue."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from desk.cli.options import AsJson, StackName
from desk.cli.output import fail, print_json, refuse, tell

if TYPE_CHECKING:
    from desk.cli.signal_files import OutgoingSignal
    from repeg.store.orders import OrderStore

BATCH = 10
LOOKED_UP_AT_MOST = 50
LARGEST_INPUT = 16 * 1024 * 1024


def send(
    file: Annotated[str, typer.Argument(help="File with one signal, a JSON array or JSON lines; - reads stdin.")],
    stack: StackName = "repeg",
    as_json: AsJson = False,
) -> None:
    """Send signals to the queue; nothing is sent if any of them is bad."""
    from desk.cli.signal_files import BadSignals, read_signals
    from desk.cli.stack import reaching
    from repeg.store.orders import OrderStore

    try:
        signals = read_signals(_text(file))
    except BadSignals as problem:
        refuse(f"{_name(file)}: {problem}; nothing was sent")
    remarks: list[str] = []
    with reaching(stack) as connection:
        if not as_json:
            remarks = sent_before(OrderStore(connection.dynamodb, connection.table), signals)
        refused = send_all(connection.sqs, connection.queue_url, signals)
    sent = [signal.signal_id for signal in signals if signal.signal_id not in refused]
    if as_json:
        print_json(sent)
    else:
        for signal_id in sent:
            print(signal_id)
    if refused:
        fail("the queue did not take: " + ", ".join(f"{name} ({why})" for name, why in refused.items()))
    if not as_json:
        tell(f"sent {len(sent)} signal{'s' if len(sent) != 1 else ''}")
    for remark in remarks:
        tell(remark)


def sent_before(store: OrderStore, signals: list[OutgoingSignal]) -> list[str]:
    """What sending these again will come to. A courtesy: nothing where there are many, or the table may not be read."""
    from botocore.exceptions import ClientError

    remarks: list[str] = []
    try:
        for signal in signals if len(signals) <= LOOKED_UP_AT_MOST else ():
            claim = store.claim_of(signal.signal_id)
            if claim and claim.body_hash == signal.body_hash:
                remarks.append(f"{signal.signal_id}: was sent before; nothing changes")
            elif claim:
                remarks.append(
                    f"{signal.signal_id}: is the id of another signal, so this one is refused (signal_conflict); "
                    "mend: send it under an id of its own"
                )
    except ClientError:
        return []
    return remarks


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
                    "MessageGroupId": signal.symbol,
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


def _name(file: str) -> str:
    return "stdin" if file == "-" else file


def _text(file: str) -> str:
    try:
        data = sys.stdin.buffer.read(LARGEST_INPUT + 1) if file == "-" else Path(file).read_bytes()
    except OSError as error:
        refuse(f"{file}: cannot be read ({error.strerror}); nothing was sent")
    if len(data) > LARGEST_INPUT:
        refuse(f"{_name(file)}: is larger than {LARGEST_INPUT // 1024**2} MB; nothing was sent")
    try:
        return data.decode()
    except UnicodeDecodeError:
        refuse(f"{_name(file)}: body: is not UTF-8 text; nothing was sent")
