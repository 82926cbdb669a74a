"""What a comparison of the book may find: the table of `domain/reconcile/findings.py`."""

from __future__ import annotations

from repeg.domain.reconcile.findings import ABOUT
from tests.support.architecture.tables import table


def printed() -> str:
    """One row a kind."""
    rows = ((what.value, about.severity.value, about.heal.value, about.why) for what, about in ABOUT.items())
    return table(("what", "may cost", "what is done", "why"), rows)
