"""`repeg doctor`: what is not ok, and what mends it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from desk.cli.options import AsJson, StackName
from desk.cli.output import FAILED, print_json

if TYPE_CHECKING:
    from rich.console import RenderableType

    from desk.doctor.findings import Diagnosis


def doctor(stack: StackName = "repeg", as_json: AsJson = False) -> None:
    """Look at keys, account, mode, data feed, clock, queue, machine and alarms; change nothing.

    Exit code 0: all ok; 1: something is not.
    """
    from desk.doctor.examine import examine

    diagnosis = examine(stack)
    if as_json:
        print_json(diagnosis.document())
    else:
        from desk.cli.render import console

        console().print(page(diagnosis))
    if not diagnosis.ok:
        raise typer.Exit(FAILED)


def page(diagnosis: Diagnosis) -> RenderableType:
    """One line for each check, its mend below it, and what the examination took."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("check", no_wrap=True)
    table.add_column("", no_wrap=True)
    table.add_column("what was seen", overflow="fold")
    table.add_column("cost", justify="right", no_wrap=True, style="dim")
    for finding in diagnosis.findings:
        told = Text(finding.detail, style="dim" if finding.behind else "")
        if finding.mend and not finding.behind:
            told.append("\nmend: ", style="bold").append(finding.mend, style="yellow")
        state = Text("ok", style="green") if finding.ok else Text("not ok", style="bold red")
        table.add_row(finding.name, state, told, _cost(finding.cost.trading_requests, finding.cost.aws_calls))
    return Group(table, "", _summary(diagnosis))


def _summary(diagnosis: Diagnosis) -> RenderableType:
    from rich.text import Text

    from desk.doctor.words import some

    bad = [finding.name for finding in diagnosis.findings if not finding.ok and not finding.behind]
    behind = sum(finding.behind is not None for finding in diagnosis.findings)
    cost = diagnosis.cost
    told = f"not ok: {', '.join(bad)}" + (f", and {behind} that cannot be told before" if behind else "")
    text = Text(told if bad else "all ok", style="bold red" if bad else "bold green")
    took = f"{some(cost.trading_requests, 'trading request')}, {some(cost.aws_calls, 'AWS call')}, {cost.seconds:.1f} s"
    return text.append(f"   ({took}; nothing was sent or changed)", style="not bold default")


def _cost(trading_requests: int, aws_calls: int) -> str:
    parts = [f"{trading_requests} trading"] if trading_requests else []
    return ", ".join([*parts, *([f"{aws_calls} AWS"] if aws_calls else [])])
