"""`repeg refused`: messages that were not taken as signals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from desk.cli.options import AsJson, StackName
from desk.cli.output import FAILED, print_json, refuse, tell

if TYPE_CHECKING:
    from rich.table import Table

    from desk.stack.market_time import Setting
    from desk.stack.refused import Refused


def refused(
    resend: Annotated[
        bool, typer.Option("--resend", help="Send those again that can be taken; their ids count once.")
    ] = False,
    purge: Annotated[bool, typer.Option("--purge", help="Throw them away.")] = False,
    stack: StackName = "",
    as_json: AsJson = False,
) -> None:
    """List messages that were not taken as signals, the oldest first: what is wrong with each, and what it says."""
    from desk.cli.reaching import reaching
    from desk.stack.refused import DeadLetters

    if resend and purge:
        refuse("--purge: not beside --resend; nothing was done")
    with reaching(stack) as connection:
        letters = DeadLetters(connection.sqs, connection.dlq_url, connection.queue_url)
        if resend:
            _resend(letters.resend(), as_json)
        elif purge:
            _told([each.document() for each in letters.purge()], as_json, "thrown away")
        else:
            # Counted first: what is looked at may not be counted for a moment.
            count = letters.count()
            _list(letters.oldest(), count, stack, as_json)


def _list(found: list[Refused], count: int, stack: str, as_json: bool) -> None:
    if as_json:
        print_json([each.document() for each in found])
    elif found:
        from desk.stack.market_time import clock_of
        from desk.telling.render import console

        console().print(table(found, clock_of(stack)))
    else:
        # An order that was rejected was a signal: whoever looks for it here is sent on.
        none = "no message was refused; of signals that were taken: repeg orders --status rejected"
        tell(f"{count} are there, and being looked at by others; try again" if count else none)
    if count > len(found) > 0:
        tell(f"{count - len(found)} more wait behind these: they are seen once these are gone (--purge, --resend)")


def _resend(done: Any, as_json: bool) -> None:
    each_with_why = [each.document() | {"sent": why is None, "why": why} for each, why in done]
    sent = [each for each in each_with_why if each["sent"]]
    left = [each for each in each_with_why if not each["sent"]]
    if as_json:
        print_json(each_with_why)
    else:
        for each in sent:
            print(each["signal_id"])
        for each in left:
            tell(f"left: {each['signal_id'] or each['message_id']}: {each['why']}")
        tell(f"sent {len(sent)} again, {len(left)} would be refused again" if each_with_why else "nothing was refused")
    if left:
        raise typer.Exit(FAILED)


def _told(found: list[dict[str, Any]], as_json: bool, what: str) -> None:
    if as_json:
        print_json(found)
    else:
        tell(f"{len(found)} {what}" if found else "nothing was refused")


def table(found: list[Refused], clock: Setting) -> Table:
    """One line for each; market time, in New York, as of orders."""
    from rich.table import Table

    from desk.telling.figures import moment_of

    shown = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("at (ET)", "signal", "what is wrong with it", "what it says"):
        shown.add_column(name, overflow="fold", no_wrap=name == "at (ET)")
    for each in found:
        shown.add_row(moment_of(clock.market(each.at)), each.signal_id or "no usable id", each.problem, each.body[:200])
    return shown
