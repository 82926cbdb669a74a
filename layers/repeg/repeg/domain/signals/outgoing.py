"""A signal on its way to the queue: what its message holds, whoever sends it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from repeg.domain.signals.parsing import MAX_BODY_BYTES, body_hash, canonical, faults_of, parse_signal
from repeg.errors import SignalInvalid


@dataclass(frozen=True)
class OutgoingSignal:
    """A valid signal, ready for the queue."""

    signal_id: str
    group: str
    body: str
    """Canonical JSON: sorted keys, numbers as exact decimal strings."""
    deduplication_id: str
    body_hash: str


def outgoing(body: Any) -> OutgoingSignal | list[SignalInvalid]:
    """The message of a signal from decoded JSON (see `read_json`), or all that is wrong with it."""
    if faults := faults_of(body):
        return faults
    signal = parse_signal(body)
    sent = canonical(body)
    if len(sent.encode()) > MAX_BODY_BYTES:
        return [SignalInvalid("body", f"is larger than {MAX_BODY_BYTES // 1024} KB")]
    digest = body_hash(body)
    return OutgoingSignal(
        signal_id=signal.signal_id,
        group=signal.group,
        body=sent,
        deduplication_id=f"{signal.signal_id}-{digest[:32]}",
        body_hash=digest,
    )
