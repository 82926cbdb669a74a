"""What faults do to the messages of a stream."""

from __future__ import annotations

from desk.exchange.faults.effects import MESSAGES
from desk.exchange.faults.rules import Faults
from desk.exchange.faults.subjects import Subject

_METHOD = "STREAM"


def copies(faults: Faults, path: str, subject: Subject) -> int | None:
    """How often a message about a subject is sent: once, unless a fault acts. None: the stream is closed instead."""
    if not faults.rules:
        return 1
    fault = faults.draw(MESSAGES, _METHOD, path, subject)
    return 1 if fault is None else fault.copies
