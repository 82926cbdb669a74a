"""What a storm notes as it happens: events, an operator's words, cancels."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from repeg.domain.halt import Halt


@dataclass
class Told:
    """One event on the bus, and when it was published (market time)."""

    at: datetime
    kind: str
    detail: dict[str, Any]


@dataclass
class Halted:
    """An operator's word, from when to when it was in force (market time)."""

    halt: Halt
    at: datetime
    lifted: datetime | None = None


@dataclass
class Cancelled:
    """A cancel that intake has taken, and when (market time)."""

    cancel_id: str
    about: str
    at: datetime
