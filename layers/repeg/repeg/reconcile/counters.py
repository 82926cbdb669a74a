"""Counters that are compared with what they count."""

from __future__ import annotations

from decimal import Decimal
from typing import Protocol

from repeg.domain.reconcile.book import Counter


class Counted(Protocol):
    """A counter in the table that can be counted anew."""

    def read(self) -> tuple[int, int]:
        """What it says, and what it counts comes to, by one consistent read."""

    def count_anew(self) -> None:
        """Set it to what it counts, unless somebody writes meanwhile."""


class Counters:
    """All of them, by name."""

    def __init__(self, counted: dict[str, Counted]) -> None:
        self._counted = counted

    def read(self) -> tuple[Counter, ...]:
        """Each as it stands now."""
        return tuple(self._read(name, counted) for name, counted in self._counted.items())

    def count_anew(self, name: str) -> None:
        """Set one to what it counts."""
        self._counted[name].count_anew()

    def _read(self, name: str, counted: Counted) -> Counter:
        kept, parts = counted.read()
        return Counter(name, Decimal(kept), Decimal(parts))
