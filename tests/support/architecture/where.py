"""Where is what, and in short what is done there: by subject, each with its figures."""

from __future__ import annotations

from tests.support.architecture import of_orders, of_shares, of_the_stack
from tests.support.architecture.tables import places, table

GROUPS = {
    "Working an order": of_orders.WHERE,
    "What a bracket holds, and closes": of_shares.WHERE,
    "Rebalances, schedules, the stack": of_the_stack.STACK,
    "Command line, doctor, demo, bench": of_the_stack.DESK,
    "The simulated exchange": of_the_stack.EXCHANGE,
    "Tests": of_the_stack.TESTS,
}


def printed() -> str:
    """A table for each subject."""
    return "\n".join(
        f"**{name}**\n\n{table(('what', 'in short', 'where'), ((what, short, places(at)) for what, short, at in rows))}"
        for name, rows in GROUPS.items()
    )
