"""The faults of the exchange, each in the words of its entry."""

from __future__ import annotations

from desk.exchange.faults.effects import Kind
from tests.support.architecture.tables import table


def printed() -> str:
    """One row a fault."""
    return table(("`kind`", "what happens"), ((f"`{kind}`", kind.effect.does) for kind in Kind))
