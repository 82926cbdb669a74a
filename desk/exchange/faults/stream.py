"""What faults do to the messages of a stream."""

from __future__ import annotations

from desk.exchange.faults.rules import STREAM, Faults, Kind
from desk.exchange.faults.subjects import Subject

_METHOD = "STREAM"


def copies(faults: Faults, path: str, subject: Subject) -> int | None:
    """How often a message about a subject is sent: once, unless a fault drops (0) or doubles (2) it.

    None: the connection is closed instead.
    """
    if not faults.rules:
        return 1
    fault = faults.draw(STREAM, _METHOD, path, subject)
    if fault is None:
        return 1
    return {Kind.STREAM_DROP: 0, Kind.STREAM_DUPLICATE: 2}.get(fault.kind)
