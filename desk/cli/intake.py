"""`repeg pause` and `repeg resume`: whether signals are taken out of the queue."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from desk.cli.options import AsJson, StackName
from desk.cli.output import fail, print_json, tell

if TYPE_CHECKING:
    from desk.cloud.connection import Connection
    from desk.cloud.intake import Intake


def pause(stack: StackName = "repeg", as_json: AsJson = False) -> None:
    """Take no more signals; they stay in the queue, closes too. Orders that were taken before go on."""
    from desk.cloud.intake import pause as pause_

    found = _switched(stack, as_json, lambda connection: pause_(connection, datetime.now(UTC)))
    if found:
        tell(f"intake is paused; {_waiting(found)}; orders that were taken before go on, those in line, too")


def resume(stack: StackName = "repeg", as_json: AsJson = False) -> None:
    """Take signals again, those first that waited; most expire 15 minutes after they were sent."""
    from desk.cloud.intake import resume as resume_

    if _switched(stack, as_json, resume_):
        tell("signals are taken again")


def _switched(stack: str, as_json: bool, switch: Callable[[Connection], Intake]) -> Intake | None:
    """What came of it, where a person is to be told."""
    from desk.cli.stack import reaching
    from desk.cloud.errors import CloudError

    with reaching(stack) as connection:
        try:
            found = switch(connection)
        except CloudError as problem:
            fail(str(problem))
    if as_json:
        print_json(found.document())
        return None
    return found


def _waiting(found: Intake) -> str:
    return f"{found.waiting} in the queue" if found.waiting else "nothing is in the queue"
