"""`repeg plan`: what a rebalance would do now, without sending it."""

from __future__ import annotations

from typing import Annotated

import typer

from desk.cli.given import name_of, text_of
from desk.cli.options import AsJson, StackName
from desk.cli.output import FAILED, fail, print_json, refuse, tell

LARGEST_INPUT = 64 * 1024
_UNSENT = "nothing is ever sent"


def plan(
    file: Annotated[
        str,
        typer.Argument(
            help='File with a rebalance signal, or targets such as {"targets": {"SPY": 0.6}}; - reads stdin.'
        ),
    ],
    stack: StackName = "",
    as_json: AsJson = False,
) -> None:
    """Show what a rebalance would trade now, from the account as it is. Nothing is sent or written."""
    from desk.cli.reaching import reaching_case
    from desk.positions.preview import preview
    from desk.stack.signal_files import BadSignals, read_rebalance
    from repeg.errors import RepegError

    try:
        signal = read_rebalance(text_of(file, LARGEST_INPUT, _UNSENT))
    except BadSignals as problem:
        refuse(f"{name_of(file)}: {problem}")
    with reaching_case(stack) as case:
        try:
            view = preview(case, signal)
        except RepegError as problem:
            fail(f"the account could not be looked at: {problem}")
    from desk.telling.plans import preview_page, remarks
    from desk.telling.render import console

    refused = view["refused"]
    if as_json:
        print_json(view)
    elif not refused:
        console().print(preview_page(view))
    for remark in remarks(view):
        tell(remark)
    if refused:
        tell(f"no plan can be made: {refused['detail']} ({refused['reason']})")
        raise typer.Exit(FAILED)
    if not as_json:
        tell(f"a preview: {view['trading_requests']} trading requests, nothing was sent")
