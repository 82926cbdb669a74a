"""Takes in what the queue delivers: wires what accepts signals, puts back what failed, alerts of what was refused."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.utilities.batch import SqsFifoPartialProcessor, process_partial_response
from botocore.exceptions import BotoCoreError, ClientError

from repeg.domain.deliveries import is_given_up, pause_after
from repeg.domain.metrics.listed import Metric
from repeg.domain.metrics.measured import Line
from repeg.domain.models import printable
from repeg.domain.order.alerts import UNNAMED, intake_line, several
from repeg.domain.patience import MAX_DELIVERIES, TOLD_AFTER_DELIVERIES
from repeg.errors import OperatorError, RetryError
from repeg.events import ALERT, EventBus
from repeg.intake import Intake
from repeg.telemetry import logger, meter
from repeg.wiring import clients

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

_OUTAGES = (BotoCoreError, ClientError, OSError, RetryError, OperatorError)
# AWS refuses these for the message itself: a hundred tries would hold up its group for nothing.
_REFUSED_FOR_WHAT_IT_IS = {"ValidationException", "SerializationException", "InvalidExecutionInput", "InvalidName"}


@cache
def intake() -> Intake:
    """What accepts signals."""
    identity = clients.identity()
    return Intake(
        clients.order_store(),
        clients.executions(),
        clients.time_keeper(),
        _dead_letter,
        logger,
        identity.token,
        clients.rebalance_store(),
        clients.rebalancing(),
    )


def take_in(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """An SQS event -> `{"batchItemFailures": [...]}`: what must be delivered again, and will be within seconds."""
    batch = Batch()
    processor = SqsFifoPartialProcessor(skip_group_on_error=True)
    processor.raise_on_entire_batch_failure = False  # an invocation that fails puts nothing back
    answer = process_partial_response(event=event, record_handler=batch.take, processor=processor, context=context)
    failed = {item["itemIdentifier"] for item in answer["batchItemFailures"]}
    if failed:
        batch.put_back([record for record in event["Records"] if record["messageId"] in failed])
    batch.tell()
    return dict(answer)


class Batch:
    """The messages of one invocation. They raise one alert, however many were refused."""

    def __init__(self) -> None:
        self._taken = 0
        self._refused: list[str] = []
        self._failing: list[str] = []
        self._pauses: dict[str, int] = {}

    def take(self, record: SQSRecord) -> None:
        """Take one message in; raises what it failed with if it is to be delivered again."""
        tries = int(record.attributes.approximate_receive_count)
        sent_at = datetime.fromtimestamp(int(record.attributes.sent_timestamp) / 1000, UTC)
        if tries >= MAX_DELIVERIES:
            refused = intake().give_up(record.body, sent_at, f"{tries - 1} tries failed or died; see the log")
        else:
            refused = self._try(record, tries, sent_at)
        self._taken += 1
        if refused:
            self._refused.append(refused)

    def _try(self, record: SQSRecord, tries: int, sent_at: datetime) -> str | None:
        try:
            return intake().accept(record.body, sent_at)
        except Exception as error:
            if not is_given_up(tries, _is_outage(error)):
                self._note_failure(record, tries, error)
                raise
            logger.exception(f"a message is given up after {tries} tries", message_id=record.message_id)
            return intake().give_up(record.body, sent_at, f"{type(error).__name__}: {error}")

    def _note_failure(self, record: SQSRecord, tries: int, error: Exception) -> None:
        logger.exception(f"try {tries} of a message failed", message_id=record.message_id)
        self._pauses[record.attributes.message_group_id or ""] = pause_after(tries)
        if tries == TOLD_AFTER_DELIVERIES:
            self._failing.append(f"{type(error).__name__}: {error}")

    def put_back(self, records: list[dict[str, Any]]) -> None:
        """Make messages visible again within seconds; those of a group together, so that they keep their order."""
        sqs, queue = clients.client("sqs"), clients.environment("QUEUE_URL")
        # Left alone they come back after a minute, and what follows in their group waits behind them, closes too.
        try:
            for record in records:
                pause = self._pauses.get(record["attributes"].get("MessageGroupId", ""), pause_after(1))
                handle = record["receiptHandle"]
                sqs.change_message_visibility(QueueUrl=queue, ReceiptHandle=handle, VisibilityTimeout=pause)
        except (ClientError, BotoCoreError) as error:  # they come back by themselves, after a minute
            logger.error(f"messages were not put back: {error}")

    def tell(self) -> None:
        """One alert of what was refused, and of what fails again and again."""
        meter.put(Line({Metric.SIGNALS: self._taken, Metric.SIGNALS_REFUSED: len(self._refused)}))
        told: list[str] = []
        if self._refused:
            told.append(f"{_signals(self._refused)} refused, nothing was traded for: {several(self._refused)}")
        if self._failing:
            told.append(
                f"{_signals(self._failing)} not taken in yet, after {TOLD_AFTER_DELIVERIES} tries of {MAX_DELIVERIES}, "
                f"and what follows in the same group waits: {several(self._failing)}"
            )
        if told:
            unnamed = any(each.startswith(UNNAMED) for each in self._refused)
            count = len(self._refused) + len(self._failing)
            _alert(". ".join(told), count, refused=bool(self._refused), unnamed=unnamed)


def _signals(what: list[str]) -> str:
    return "1 signal was" if len(what) == 1 else f"{len(what)} signals were"


def _alert(detail: str, count: int, refused: bool, unnamed: bool) -> None:
    logger.error(detail, alert=True)
    about = {"order_id": None, "signal_id": None, "symbol": None, "count": count}
    message = intake_line(clients.stack(), detail, refused, unnamed)
    try:
        bus = EventBus(clients.client("events"), clients.environment("EVENT_BUS_NAME"))
        bus.publish(ALERT, {**about, "alert": detail, "message": message})
    except Exception as error:  # the log line above has alarmed already; nothing may be delivered again for this
        logger.error(f"alert was not published: {error}")


def _is_outage(error: Exception) -> bool:
    """Whether another try may go better: AWS or the record's other writers were at fault, not the message."""
    if isinstance(error, ClientError) and error.response["Error"]["Code"] in _REFUSED_FOR_WHAT_IT_IS:
        return False
    return isinstance(error, _OUTAGES)


def _dead_letter(body: str, problem: str) -> None:
    """Keep a refused message where the operator looks: the dead-letter queue, with what is wrong with it."""
    # By its hash, a message that is refused twice within five minutes is one dead letter.
    clients.client("sqs").send_message(
        QueueUrl=clients.environment("DLQ_URL"),
        MessageBody=body,
        MessageGroupId="refused",
        MessageDeduplicationId=hashlib.sha256(body.encode()).hexdigest(),
        MessageAttributes={"problem": {"DataType": "String", "StringValue": printable(problem)}},
    )
