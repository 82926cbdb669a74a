"""Intake: the mapping by which Lambda takes signals out of the queue, and switching it off and on."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from desk.stack.connection import Connection
from desk.stack.notes import Notes
from repeg.domain.deliveries import INTAKE_ON

PATIENCE_S = 90.0
"""AWS takes up to a minute to stop its pollers."""
_POLL_S = 1.0


class IntakeError(Exception):
    """Intake could not be switched; the message says why, and where to look."""


@dataclass(frozen=True)
class Intake:
    """`since` is the wall's time at which it was paused from the desk; None when it is not, or by other means."""

    paused: bool
    since: datetime | None
    waiting: int

    def document(self) -> dict[str, Any]:
        """JSON-ready."""
        since = self.since.astimezone(UTC).isoformat().replace("+00:00", "Z") if self.since else None
        return {"paused": self.paused, "since": since, "waiting": self.waiting}


def mappings_of(connection: Connection) -> list[dict[str, Any]]:
    """What connects the function that accepts signals to its queue."""
    function = connection.function("accept_signal")
    answer: dict[str, Any] = connection.lambda_.list_event_source_mappings(FunctionName=function)
    return list(answer["EventSourceMappings"])


def is_on(mapping: dict[str, Any]) -> bool:
    """Whether signals are taken, or will be in a moment."""
    return mapping["State"] in INTAKE_ON


def pause(connection: Connection, now: datetime, patience: float = PATIENCE_S) -> Intake:
    """Leaves signals in the queue, and returns once none is taken any more.

    Raises:
        IntakeError: it is not off after so many seconds, or there is nothing to switch.
    """
    notes = _notes(connection)
    if takes_signals(connection):
        notes.keep_paused(now)
    _switch(connection, False)
    _wait(connection, lambda mapping: mapping["State"] == "Disabled", "off", patience)
    return look(connection)


def resume(connection: Connection, patience: float = PATIENCE_S) -> Intake:
    """Lets signals in again.

    Raises:
        IntakeError: it is not on after so many seconds, or there is nothing to switch.
    """
    _switch(connection, True)
    _wait(connection, lambda mapping: mapping["State"] == "Enabled", "on", patience)
    _notes(connection).forget_paused()
    return look(connection)


def look(connection: Connection) -> Intake:
    """How intake stands."""
    paused = not takes_signals(connection)
    name = "ApproximateNumberOfMessages"
    answer = connection.sqs.get_queue_attributes(QueueUrl=connection.queue_url, AttributeNames=[name])
    return Intake(paused, paused_since(connection) if paused else None, int(answer["Attributes"][name]))


def takes_signals(connection: Connection) -> bool:
    """Whether intake is on, or is being switched on; False, too, where there is nothing to switch."""
    return any(is_on(mapping) for mapping in mappings_of(connection))


_PAUSED = "intake is paused; a signal that was not taken yet waits in the queue: repeg resume --intake"


def why_it_waits(connection: Connection) -> str:
    """Why nothing comes of a signal that was sent, in words; empty where intake is on, or nobody may know."""
    # A courtesy: to send takes fewer rights than to look.
    try:
        return "" if takes_signals(connection) else _PAUSED
    except (BotoCoreError, ClientError):
        return ""


def paused_since(connection: Connection) -> datetime | None:
    """When it was paused from the desk."""
    return _notes(connection).paused_at()


def _switch(connection: Connection, on: bool) -> None:
    found = mappings_of(connection)
    if not found:
        raise IntakeError(f"nothing takes signals out of the queue of {connection.stack}; repeg doctor says more")
    for mapping in found:
        if is_on(mapping) is not on:
            connection.lambda_.update_event_source_mapping(UUID=mapping["UUID"], Enabled=on)


def _wait(connection: Connection, done: Callable[[dict[str, Any]], bool], what: str, patience: float) -> None:
    deadline = time.monotonic() + patience
    while not all(done(mapping) for mapping in mappings_of(connection)):
        if time.monotonic() > deadline:
            raise IntakeError(
                f"intake of {connection.stack} is not {what} after {patience:g} s; repeg doctor says more"
            )
        time.sleep(_POLL_S)


def _notes(connection: Connection) -> Notes:
    return Notes(connection.dynamodb, connection.table)
