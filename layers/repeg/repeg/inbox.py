"""Wires what accepts signals."""

from __future__ import annotations

import hashlib
from functools import cache

from repeg import bootstrap
from repeg.domain.models import printable
from repeg.steps.accept import Intake
from repeg.telemetry import logger


@cache
def intake() -> Intake:
    """What accepts signals."""
    return Intake(bootstrap.order_store(), bootstrap.executions(), bootstrap.time_keeper(), _dead_letter, logger)


def _dead_letter(body: str, problem: str) -> None:
    """Keep a refused message where the operator looks: the dead-letter queue, with what is wrong with it."""
    bootstrap.client("sqs").send_message(
        QueueUrl=bootstrap.environment("DLQ_URL"),
        MessageBody=body,
        MessageGroupId="refused",
        MessageDeduplicationId=hashlib.sha256(body.encode()).hexdigest(),
        MessageAttributes={"problem": {"DataType": "String", "StringValue": printable(problem)}},
    )
