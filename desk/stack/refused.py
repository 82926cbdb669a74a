"""Messages that were not taken as signals: what is in the dead-letter queue, sent again or thrown away."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from desk.stack.signal_files import BadSignals, outgoing
from repeg.domain.signals.outgoing import OutgoingSignal
from repeg.domain.signals.parsing import read_loosely, usable_signal_id

PAGE = 10
"""As many as SQS hands out at once; of one group no more, until those are gone."""
HELD_SECONDS = 60
"""For so long nobody else sees what is being looked at, should this end before it is put back."""
_UNTOLD = "tried in vain, or not for so long; see repeg alerts"


@dataclass(frozen=True)
class Refused:
    """A dead letter. `at` is the wall's time at which it came into the queue of the dead."""

    message_id: str
    at: datetime
    signal_id: str | None
    problem: str
    body: str
    receipt: str

    def document(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "message_id": self.message_id,
            "at": self.at.isoformat().replace("+00:00", "Z"),
            "signal_id": self.signal_id,
            "problem": self.problem,
            "body": self.body,
        }

    def again(self) -> OutgoingSignal | str:
        """The signal as it would be sent once more, or why it would be refused again."""
        try:
            return outgoing(self.body)
        except BadSignals as problem:
            return str(problem)


class DeadLetters:
    """The dead-letter queue of one stack, and the queue that its messages came from. `sqs` is a low-level client."""

    def __init__(self, sqs: Any, url: str, signals_url: str) -> None:
        self._sqs = sqs
        self._url = url
        self._signals = signals_url

    def count(self) -> int:
        """How many there are, as SQS has it: it may be a minute behind."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self._sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=names)["Attributes"]
        return sum(int(found[name]) for name in names)

    def oldest(self) -> list[Refused]:
        """The first of them, left where they are."""
        found = self._receive()
        for each in found:
            self._put_back(each)
        return found

    def purge(self) -> Iterator[Refused]:
        """Throw them away one by one; those that were thrown away."""
        while some := self._receive():
            for each in some:
                self._delete(each)
                yield each

    def resend(self) -> Iterator[tuple[Refused, str | None]]:
        """Send those again that can be taken; each, and why it was left. Behind ten that are left none is seen."""
        left: list[Refused] = []
        try:
            # What is left stays held until the end: it would come first each time.
            while some := self._receive():
                for each in some:
                    why = self._again(each)
                    left += [each] if why else []
                    yield each, why
        finally:
            for each in left:
                self._put_back(each)

    def _again(self, each: Refused) -> str | None:
        signal = each.again()
        if isinstance(signal, str):
            return signal
        self._sqs.send_message(
            QueueUrl=self._signals,
            MessageBody=signal.body,
            MessageGroupId=signal.group,
            # Under that of its first sending SQS would swallow it for five minutes, and say that it was sent. By the
            # dead letter's own id it is sent once, however often this is begun; and its signal counts once in any case.
            MessageDeduplicationId=f"{signal.signal_id[:80]}-again-{each.message_id[:36]}",
        )
        # Last: a death before leaves it where it is, and what is sent twice counts once.
        self._delete(each)
        return None

    def _delete(self, each: Refused) -> None:
        self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=each.receipt)

    def _put_back(self, each: Refused) -> None:
        self._sqs.change_message_visibility(QueueUrl=self._url, ReceiptHandle=each.receipt, VisibilityTimeout=0)

    def _receive(self) -> list[Refused]:
        answer = self._sqs.receive_message(
            QueueUrl=self._url,
            MaxNumberOfMessages=PAGE,
            VisibilityTimeout=HELD_SECONDS,
            AttributeNames=["SentTimestamp"],
            MessageAttributeNames=["problem"],
        )
        return [_refused(message) for message in answer.get("Messages", [])]


def _refused(message: dict[str, Any]) -> Refused:
    told = message.get("MessageAttributes", {}).get("problem", {}).get("StringValue")
    return Refused(
        message_id=message["MessageId"],
        at=datetime.fromtimestamp(int(message["Attributes"]["SentTimestamp"]) / 1000, UTC),
        signal_id=usable_signal_id(read_loosely(message["Body"])),
        problem=told or _UNTOLD,
        body=message["Body"],
        receipt=message["ReceiptHandle"],
    )
