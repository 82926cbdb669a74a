"""Outcomes and alerts, published to the stack's EventBridge bus."""

from __future__ import annotations

import json
from typing import Any, Protocol

from repeg.errors import RetryError

SOURCE = "repeg"
OUTCOME = "Order Outcome"
ALERT = "Order Alert"
EXITED = "Position Exited"
CAP_BREACHED = "Cap Breached"
REBALANCED = "Rebalance Outcome"
SPREADS = "Spread Assessment"
SUMMARY = "Daily Summary"
CONTROL = "Trading Control"


class Publisher(Protocol):
    """Where events go."""

    def publish(self, detail_type: str, detail: dict[str, Any]) -> None:
        """Publish one event; raises RetryError when the bus did not take it."""


def without_escapes(line: str) -> str:
    """The line with nothing in it that JSON escapes: a rule's template, which posts it, may do that or not."""
    told = " ".join(line.split()).replace('"', "'").replace("\\", "/")
    return "".join(character for character in told if character.isprintable())


class EventBus:
    """An EventBridge bus. `client` is a low-level EventBridge client."""

    def __init__(self, client: Any, bus: str) -> None:
        self._client = client
        self._bus = bus

    def publish(self, detail_type: str, detail: dict[str, Any]) -> None:
        """Publish one event.

        Raises:
            RetryError: the bus did not take it.
        """
        if "message" in detail:
            detail = {**detail, "text": without_escapes(detail["message"])}
        entry = {"Source": SOURCE, "DetailType": detail_type, "Detail": json.dumps(detail), "EventBusName": self._bus}
        answer = self._client.put_events(Entries=[entry])
        # EventBridge answers 200 to what it did not take, and only counts it.
        if answer.get("FailedEntryCount"):
            raise RetryError(f"event bus refused: {answer['Entries'][0].get('ErrorMessage')}")
