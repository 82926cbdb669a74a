"""AcceptSignal: signals from the FIFO queue become order records, each with its execution."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from aws_lambda_powertools.utilities.batch import SqsFifoPartialProcessor, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from repeg.inbox import intake
from repeg.telemetry import logger

_processor = SqsFifoPartialProcessor(skip_group_on_error=True)


def _accept(record: SQSRecord) -> None:
    sent_at = datetime.fromtimestamp(int(record.attributes.sent_timestamp) / 1000, UTC)
    intake().accept(record.body, sent_at)


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: Any) -> Any:
    """SQS event -> `{"batchItemFailures": [...]}`: only what must be delivered again."""
    if not event.get("Records"):
        intake()
        return {"batchItemFailures": []}
    return process_partial_response(event=event, record_handler=_accept, processor=_processor, context=context)
