"""`repeg schedules` and `repeg targets`: what happens by the clock, and what the market-open rebalance goes by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from desk.cli.options import AsJson, StackName, name_of, text_of
from desk.cli.output import fail, print_json, refuse, tell

if TYPE_CHECKING:
    from datetime import datetime

    from rich.table import Table

    from desk.stack.schedules import Found, Listed

LARGEST_INPUT = 64 * 1024
targets = typer.Typer(help="Show and write the targets of the market-open rebalance.", no_args_is_help=True)


def schedules(stack: StackName = "", as_json: AsJson = False) -> None:
    """Show what happens by the clock: what is on, when it fires next in market time, and how its last run ended."""
    from desk.cli.reaching import reaching
    from desk.stack.schedules import Desk

    with reaching(stack) as connection:
        found = Desk(connection).listed()
    if as_json:
        print_json([each.document() for each in found])
        return
    from desk.telling.render import console

    console().print(table(found))
    if not any(each.on for each in found):
        tell("none is on; parameters of the deployment turn them on, on the local cloud: repeg local up --schedules")


@targets.command()
def show(stack: StackName = "", as_json: AsJson = False) -> None:
    """Show the targets on record, and whether the next rebalance would go by them."""
    from desk.cli.reaching import reaching
    from desk.stack.schedules import Desk

    with reaching(stack) as connection:
        found = Desk(connection).targets()
    if found is None:
        fail("there are no targets on record; write some: repeg targets set FILE")
    _show(found, as_json)


@targets.command("set")
def set_(
    file: Annotated[str, typer.Argument(help='File such as {"targets": {"SPY": 0.6, "TLT": 0.4}}; - reads stdin.')],
    stack: StackName = "",
    as_json: AsJson = False,
) -> None:
    """Put targets on record, in the place of those before: at the open they become a rebalance."""
    from desk.cli.reaching import reaching
    from desk.stack.schedules import Desk, now_as_text
    from repeg.domain.schedule.targets import parse_targets
    from repeg.domain.signals.parsing import canonical, read_json
    from repeg.errors import SignalInvalid
    from repeg.store.schedules import KeptTargets

    try:
        body = read_json(text_of(file, LARGEST_INPUT, "nothing was changed"))
        parse_targets(body)
    except SignalInvalid as problem:
        refuse(f"{name_of(file)}: {problem}; nothing was changed")
    with reaching(stack) as connection:
        desk = Desk(connection)
        kept = KeptTargets(canonical(body), now_as_text())
        desk.store.keep_targets(kept)
        found = desk.judged(kept)
    _show(found, as_json)


def _show(found: Found, as_json: bool) -> None:
    if as_json:
        print_json(found.document())
        return
    from desk.telling.render import console

    console().print(weights(found))
    if found.judged.problem:
        tell(f"the next rebalance refuses them: {found.judged.detail}")
    else:
        when = f"; the rebalance of {found.used_on:%a %d %b} goes by them" if found.used_on else ""
        tell(f"{found.judged.detail}{when}")


def table(found: list[Listed]) -> Table:
    """One line for each schedule; New York's time."""
    from rich.table import Table
    from rich.text import Text

    shown = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("schedule", "", "next (ET)", "last run (ET)", "came to", "detail"):
        shown.add_column(name, overflow="fold")
    for each in found:
        run = each.last_run
        outcome = Text("")
        if run:
            style = "red" if run.outcome is None or run.outcome.alerts else "green"
            outcome = Text((run.outcome.value if run.outcome else "not ended").replace("_", " "), style=style)
        shown.add_row(
            each.schedule.value,
            Text("on", style="green") if each.on else Text("off", style="dim"),
            _moment(each.next_at) if each.on else "",
            _moment(run.at) if run else "",
            outcome,
            run.detail if run else "",
        )
    return shown


def weights(found: Found) -> Table:
    """Symbols by weight, and what they sum to."""
    from rich.table import Table

    shown = Table(box=None, header_style="bold", pad_edge=False, show_footer=True)
    signal = found.judged.signal
    known = sorted(signal.targets.items(), key=lambda each: (-each[1], each[0])) if signal else []
    shown.add_column("symbol", footer="sum")
    shown.add_column("weight", justify="right", footer=f"{sum(weight for _, weight in known):.1%}")
    for symbol, weight in known:
        shown.add_row(symbol, f"{weight:.1%}")
    return shown


def _moment(at: datetime | None) -> str:
    from desk.telling.figures import NEW_YORK

    return f"{at.astimezone(NEW_YORK):%a %d %b %H:%M}" if at else "not known yet"
