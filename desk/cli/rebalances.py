"""`repeg rebalances`, `rebalance` and `plan`: what became of them, how far one is, and what one would do now."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from desk.cli.options import AsJson, Limit, Listing, StackName, StrategyFilter, name_of, spread, text_of
from desk.cli.output import FAILED, all_read, fail, print_csv, print_json, refuse, tell, told_without_table
from desk.cli.trading.completing import rebalance_id

if TYPE_CHECKING:
    from rich.console import Console

    from desk.stack.records import Record
    from repeg.domain.rebalance.record import Rebalance

Look = Callable[[], dict[str, Any]]
LARGEST_INPUT = 64 * 1024
CSV = "created_at signal_id rebalance_id strategy status reason equity cash_before cash_after cost_bps completed_at"
_UNSENT = "nothing is ever sent"


@spread
def rebalances(listing: Listing, strategy: StrategyFilter = None, limit: Limit = 100) -> None:
    """List rebalances, the newest first."""
    from itertools import islice

    from desk.cli.reaching import reaching_records
    from desk.stack.following import SCANNED_AT_MOST
    from repeg.domain.rebalance.views import rebalance_view

    begin = listing.judged()
    broken: dict[str, str] = {}
    with reaching_records(listing.stack) as records:
        most = limit if strategy is None and begin is None else SCANNED_AT_MOST
        matching = (
            found
            for found in records.rebalances.newest(most, broken)
            if strategy in (None, found.strategy) and (begin is None or found.created_at >= begin)
        )
        views = [rebalance_view(found) for found in islice(matching, limit)]
    with all_read(broken):
        if listing.as_csv:
            print_csv(views, CSV)
        elif not told_without_table(views, listing.as_json, "no rebalances"):
            from desk.telling.rebalances import rebalances_table
            from desk.telling.render import console

            screen = console()
            screen.print(rebalances_table(views, screen.width))


def rebalance(
    signal_id: Annotated[
        str, typer.Argument(help="Id of the rebalance's signal, or its own.", autocompletion=rebalance_id)
    ],
    follow: Annotated[
        bool, typer.Option(help="On a terminal: show it as it goes on, until it is over or Ctrl-C is pressed.")
    ] = True,
    every: Annotated[float, typer.Option("--every", min=0.1, help="Wall seconds between looks.")] = 0.5,
    stack: StackName = "",
    as_json: AsJson = False,
) -> None:
    """Show one rebalance: its legs, what is left and why, what it cost; while it runs, how far it is."""
    from desk.cli.reaching import reaching_records
    from desk.telling.rebalances import AT_WORK, rebalance_page
    from desk.telling.render import console

    with reaching_records(stack) as records:

        def look() -> dict[str, Any]:
            return records.with_legs(_rebalance(signal_id, records.find(signal_id)))

        view = look()
        if as_json:
            print_json(view)
            return
        screen = console()
        if follow and screen.is_terminal and view["status"] in AT_WORK:
            view = _follow(screen, view, look, lambda: time.sleep(every))
        screen.print(rebalance_page(view))


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
            view = preview(case, signal, _wait_told)
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


def _wait_told(seconds: float) -> None:
    tell(f"waits {seconds:.0f} s until the account shows what was filled a moment ago")
    time.sleep(seconds)


def _rebalance(name: str, found: Record | None) -> Rebalance:
    from repeg.domain.rebalance.record import Rebalance

    if found is None:
        fail(f"{name}: there is no such rebalance (a signal just sent may need a moment; try repeg wait)")
    if not isinstance(found, Rebalance):
        fail(f"{name}: is an order; repeg order {name} shows it")
    return found


def _follow(screen: Console, view: dict[str, Any], look: Look, pause: Callable[[], None]) -> dict[str, Any]:
    """The rebalance as it was last seen: over, unless Ctrl-C was pressed."""
    from rich.live import Live

    from desk.telling.rebalances import AT_WORK, rebalance_page

    try:
        with Live(console=screen, auto_refresh=False, screen=True) as live:
            while view["status"] in AT_WORK:
                live.update(rebalance_page(view), refresh=True)
                pause()
                view = look()
    except KeyboardInterrupt:
        tell("stopped following; the rebalance goes on")
    return view
