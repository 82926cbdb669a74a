"""What the rest of the package asks of whoever writes metrics."""

from __future__ import annotations

from typing import Protocol

from repeg.domain.metrics.measured import Line


class Meter(Protocol):
    """Where what was measured goes."""

    def put(self, line: Line) -> None:
        """Tell a line. Never raises: no order waits for its figures."""


class NoMeter:
    """Nobody listens."""

    def put(self, line: Line) -> None:
        """Nothing."""
