"""`repeg reconcile`: what differs between the broker and the store, and what can be done about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from desk.cli.options import AsJson, StackName
from desk.cli.output import FAILED, fail, print_json, tell

if TYPE_CHECKING:
    from rich.table import Table

_COSTS = {"money": "bold red", "work": "yellow"}


def reconcile(
    fix: Annotated[bool, typer.Option("--fix", help="Mend what is safe to mend, and alert of the rest.")] = False,
    stack: StackName = "",
    as_json: AsJson = False,
) -> None:
    """Compare the broker's orders, fills and positions with the store. Exit 1 when something differs.

    Without --fix it only reads. What differs is looked at twice, ten seconds apart.
    """
    from desk.cli.reaching import reaching
    from desk.positions.comparison import ComparisonFailed, compared

    with reaching(stack) as connection:
        try:
            told = compared(connection, fix=fix)
        except ComparisonFailed as problem:
            fail(str(problem))
    if as_json:
        print_json(told)
    else:
        _show(told, fix)
    if told["drift"]:
        raise typer.Exit(FAILED)


def _show(told: dict[str, Any], fix: bool) -> None:
    if not told["findings"]:
        tell("broker and store agree")
        return
    from desk.telling.render import console

    console().print(differences(told["findings"]))
    if fix:
        tell(f"{told['mended']} of {told['drift']} are seen to; compare again in a minute")
    else:
        tell("nothing was changed; repeg reconcile --fix mends what is safe to mend, as the schedule does")


def differences(findings: list[dict[str, Any]]) -> Table:
    """One line for each difference."""
    from rich.table import Table
    from rich.text import Text

    shown = Table("what", "symbol", "order", "costs", "mend", "seen", box=None)
    for each in findings:
        style = _COSTS.get(each["severity"], "")
        severity = Text(each["severity"], style=style)
        shown.add_row(
            Text(each["what"], style=style),
            each["symbol"] or "-",
            each["order_id"] or each["name"] or "-",
            severity,
            each["heal"],
            Text(each["detail"]),
        )
    return shown
