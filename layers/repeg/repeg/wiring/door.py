"""Signals by HTTP: reads the secret that opens the door, and puts what came through it into the queue."""

from __future__ import annotations

import json
import time
from functools import lru_cache
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from repeg.domain.patience import KEYS_SECONDS
from repeg.domain.signals.outgoing import OutgoingSignal
from repeg.domain.signals.posted import Refused, posted_signal
from repeg.telemetry import logger
from repeg.wiring import clients

_UNSENT = Refused(503, "nothing was sent: send the same again, with the same signal_id")
# Taken for unsent, it would be sent once more under another name, and be traded twice.
_UNKNOWN = Refused(503, "it may have been sent: send the same again, with the same signal_id; it counts once")


def receive(event: dict[str, Any]) -> dict[str, Any]:
    """A function URL's event -> its answer; what was sent is in the queue, and no more is known of it yet."""
    sending = False
    try:
        found = posted_signal(event, _secret(int(time.monotonic() // KEYS_SECONDS)))
        if isinstance(found, OutgoingSignal):
            sending = True
            _send(found)
    except (ClientError, BotoCoreError) as error:
        # An alert: who sends by such a service hears no answer.
        unknown = sending and not _refuses(error)
        said = "may not have been" if unknown else "was not"
        logger.error(f"a signal by HTTP {said} sent: {type(error).__name__}", alert=True)
        return _answer(_UNKNOWN if unknown else _UNSENT)
    if isinstance(found, Refused):
        if found.known:
            logger.error(f"a signal by HTTP was refused, nothing was traded for it: {found.line}", alert=True)
        return _answer(found)
    logger.info("a signal by HTTP was sent", signal_id=found.signal_id)
    return _json(202, {"signal_id": found.signal_id, "sent": True})


@lru_cache(maxsize=1)
def _secret(period: int) -> str:
    """The secret, read anew every period: one that was exchanged is of no use half a minute later."""
    name = clients.environment("WEBHOOK_SECRET_ID")
    return str(clients.client("secretsmanager").get_secret_value(SecretId=name)["SecretString"])


def _send(signal: OutgoingSignal) -> None:
    clients.client("sqs").send_message(
        QueueUrl=clients.environment("SIGNALS_URL"),
        MessageBody=signal.body,
        MessageGroupId=signal.group,
        MessageDeduplicationId=signal.deduplication_id,
    )


def _refuses(error: Exception) -> bool:
    """True when the queue said that it does not take it; a time-out may have come behind its taking it."""
    answered = error.response.get("ResponseMetadata", {}) if isinstance(error, ClientError) else {}
    return 400 <= answered.get("HTTPStatusCode", 0) < 500


def _answer(refused: Refused) -> dict[str, Any]:
    return _json(refused.status, {"error": refused.line})


def _json(status: int, document: dict[str, Any]) -> dict[str, Any]:
    headers = {"content-type": "application/json"} | ({"allow": "POST"} if status == 405 else {})
    return {"statusCode": status, "headers": headers, "body": json.dumps(document) + "\n"}
