"""`repeg pause` and `repeg resume`: whether signals are taken out of the queue."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from desk.cli.options import AsJson, StackName
from desk.cli.output import fail, print_json, tell

if TYPE_CHECKING:
    from desk.stack.connection import Connection
    from desk.stack.intake import Intake


def pause(stack: StackName = "", as_json: AsJson = False) -> None:
    """Take no more signals; they stay in the queue, closes too. Orders that were taken before go on."""
    from desk.stack.intake import pause as pause_

    where, found = _switched(stack, lambda connection: pause_(connection, datetime.now(UTC)))
    if as_json:
        print_json(found.document())
    else:
        told = f"intake of {where} is paused; {_waiting(found)}"
        tell(f"{told}; orders that were taken before go on, those in line, too")


def resume(stack: StackName = "", as_json: AsJson = False) -> None:
    """Take signals again, those first that waited; most expire 15 minutes after they were sent."""
    from desk.stack.intake import resume as resume_

    where, found = _switched(stack, resume_)
    if as_json:
        print_json(found.document())
    else:
        tell(f"{where} takes signals again")


def _switched(stack: str, switch: Callable[[Connection], Intake]) -> tuple[str, Intake]:
    """Where intake was switched, and how it stands now."""
    from desk.cli.reaching import reaching
    from desk.stack.intake import IntakeError

    with reaching(stack) as connection:
        try:
            found = switch(connection)
        except IntakeError as problem:
            fail(str(problem))
    return "the local cloud" if connection.is_local else f"stack {connection.stack} on AWS", found


def _waiting(found: Intake) -> str:
    return f"{found.waiting} in the queue" if found.waiting else "nothing is in the queue"
