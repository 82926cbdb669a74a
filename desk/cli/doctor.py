"""`repeg doctor`: what is not ok, and what mends it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from desk.cli.options import AsJson, StackName
from desk.cli.output import FAILED, at_words, print_json

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

    from desk.doctor.findings import Diagnosis, Finding

WIDEST = 110
"""Columns: on a wide screen the cost would stand too far from its check."""


def doctor(stack: StackName = "", as_json: AsJson = False) -> None:
    """Look at keys, account, mode, data feed, clock, queue, machine and alarms; change nothing.

    Exit code 0: all ok; 1: something is not.
    """
    from desk.doctor.examine import examine

    diagnosis = examine(stack)
    if as_json:
        print_json(diagnosis.document())
    else:
        from desk.telling.render import console

        screen = console()
        screen.print(page(diagnosis, screen.width, folded=screen.is_terminal), crop=False)
    if not diagnosis.ok:
        raise typer.Exit(FAILED)


def page(diagnosis: Diagnosis, width: int, *, folded: bool = True) -> RenderableType:
    """One line for each check, its mend below it, and what the examination took, on so many columns.

    To be printed without cropping: a command is never broken into lines, so that it can be copied. `folded`: the words
    around it are.
    """
    from rich.console import Group
    from rich.text import Text

    findings, width = diagnosis.findings, min(width, WIDEST)
    names = max(len(finding.name) for finding in findings)
    states = max(len(_state(finding)) for finding in findings)
    parts: list[RenderableType] = [
        _line(("check", "", "what was seen", "req", "AWS"), width, names, states, style="bold")
    ]
    for finding in findings:
        cells = (
            finding.name,
            Text(_state(finding), style="green" if finding.ok else "bold red"),
            Text(finding.detail, style="dim" if finding.behind else ""),
            str(finding.cost.trading_requests or ""),
            str(finding.cost.aws_calls or ""),
        )
        parts.append(_line(cells, width, names, states))
        if finding.mend and not finding.behind:
            left = names + states + 4
            lines = at_words(finding.mend, width - left, len("fix: ")) if folded else [finding.mend]
            for number, line in enumerate(lines):
                mend = Text(" " * left, no_wrap=True, overflow="ignore")
                parts.append(mend.append("" if number else "fix: ", style="bold").append(line, style="yellow"))
    return Group(*parts, "", _summary(diagnosis))


def _state(finding: Finding) -> str:
    return "ok" if finding.ok else "not ok"


def _line(cells: tuple[RenderableType, ...], width: int, names: int, states: int, style: str = "") -> Table:
    from rich.table import Table

    line = Table(box=None, pad_edge=False, show_header=False, width=width, padding=(0, 2, 0, 0))
    line.add_column(width=names, style=style)
    line.add_column(width=states)
    line.add_column(ratio=1, overflow="fold", style=style)
    line.add_column(width=3, justify="right", style="dim")
    line.add_column(width=3, justify="right", style="dim")
    line.add_row(*cells)
    return line


def _summary(diagnosis: Diagnosis) -> RenderableType:
    from rich.text import Text

    from desk.doctor.words import some

    bad = [finding.name for finding in diagnosis.findings if not finding.ok and not finding.behind]
    behind = sum(finding.behind is not None for finding in diagnosis.findings)
    told = f"not ok: {', '.join(bad)}" + (f", and {behind} not known until then" if behind else "")
    cost = diagnosis.cost
    took = f"{some(cost.trading_requests, 'trading request')}, {some(cost.aws_calls, 'AWS call')}, {cost.seconds:.1f} s"
    text = Text(told if bad else "all ok", style="bold red" if bad else "bold green")
    return Text.assemble(text, Text(f"\n{took}; nothing was sent or changed", style="dim"))
