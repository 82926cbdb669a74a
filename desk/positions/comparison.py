"""The comparison of the whole book, asked of the stack itself: the operator reads what the scheduled one would find."""

from __future__ import annotations

import json
from typing import Any

from desk.stack.connection import Connection

FUNCTION = "reconcile_book"


class ComparisonFailed(Exception):
    """The function failed, or could not compare; the message says why."""


def compared(connection: Connection, *, fix: bool) -> dict[str, Any]:
    """What differs between broker and store; with `fix` what can be mended is mended, and the rest alerted.

    Raises:
        ComparisonFailed: nothing was compared.
    """
    payload = json.dumps({"fix": fix}).encode()
    answer = connection.lambda_.invoke(FunctionName=connection.function(FUNCTION), Payload=payload)
    told: dict[str, Any] = json.loads(answer["Payload"].read() or b"null") or {}
    if "FunctionError" in answer:
        raise ComparisonFailed(f"the comparison failed: {told.get('errorMessage', 'no reason is told')}")
    if told.get("drift") is None:
        raise ComparisonFailed(f"the book was not compared: {told.get('why', 'no reason is told')}")
    return told
