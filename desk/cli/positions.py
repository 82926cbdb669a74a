"""`repeg positions` and `repeg resolve`: what brackets hold beside the account, and an operator's word on it."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Annotated, Any

import typer

from desk.cli.options import AsJson, StackName
from desk.cli.output import fail, print_json, refuse, tell, told_without_table

if TYPE_CHECKING:
    from rich.table import Table

    from desk.positions.resolve import Word

_STYLES = {"covered": "green", "bare": "bold red", "past its stop": "bold red", "disagrees": "bold red"}


def positions(
    symbol: Annotated[str | None, typer.Argument(help="Only this symbol.")] = None,
    stack: StackName = "",
    as_json: AsJson = False,
) -> None:
    """Show what is held: what it is worth and has gained; of brackets where record, account and orders stand."""
    from desk.cli.reaching import reaching_case
    from desk.positions.beside import documents

    with reaching_case(stack) as case:
        found, trouble = documents(case, symbol.upper() if symbol else None)
    if trouble:
        tell(f"the broker's side is not complete: {trouble}")
    if told_without_table(found, as_json, f"nothing is held{f' of {symbol.upper()}' if symbol else ''}"):
        return
    from desk.telling.render import console

    console().print(table(found))


def resolve(
    symbol: Annotated[str, typer.Argument(help="Symbol whose record and account disagree.")],
    forget: Annotated[bool, typer.Option("--forget", help="The record's shares are not watched any more.")] = False,
    qty: Annotated[str | None, typer.Option("--qty", metavar="N", help="Shares that it holds from now on.")] = None,
    stop: Annotated[str | None, typer.Option("--stop", metavar="S", help="Stop to protect them by.")] = None,
    target: Annotated[str | None, typer.Option("--target", metavar="T", help="Target to protect them by.")] = None,
    order: Annotated[str | None, typer.Option("--order", metavar="ID", help="Which bracket, of several.")] = None,
    stack: StackName = "",
    as_json: AsJson = False,
) -> None:
    """Decide about a position whose record and account disagree: forget it, or say what it is."""
    from desk.cli.reaching import reaching_case
    from desk.positions.resolve import clock, disputed, executions, shown
    from desk.positions.resolve import resolve as resolve_
    from repeg.domain.order.views import order_view
    from repeg.domain.proof.resolving import NotResolvable

    word = _word(forget, qty, stop, target)
    with reaching_case(stack) as case:
        try:
            meant = disputed(case.orders, symbol.upper(), order)
            decided = resolve_(case.orders, executions(case), clock(case), meant, word, shown(case, symbol.upper()))
        except NotResolvable as problem:
            if str(problem).startswith("--"):
                refuse(str(problem))
            fail(str(problem))
    if as_json:
        print_json(order_view(decided))
        return
    tell(decided.events[-1].detail)
    live = [oco for oco in decided.guard.protections if not oco.status.closed]
    if word is None and live:
        names = ", ".join(oco.broker_order_id or oco.client_order_id for oco in live)
        tell(f"its protective orders stay at the broker; cancel them there if they are not wanted: {names}")


def _word(forget: bool, qty: str | None, stop: str | None, target: str | None) -> Word | None:
    from desk.positions.resolve import Word
    from repeg.domain.order.bracket import Levels

    given = {"--qty": qty, "--stop": stop, "--target": target}
    if forget:
        if any(value is not None for value in given.values()):
            refuse("--forget: not together with --qty, --stop or --target")
        return None
    lacks = [name for name, value in given.items() if value is None]
    if lacks:
        refuse(f"{lacks[0]}: needed, with the others of --qty, --stop, --target (or --forget alone)")
    numbers = {name: _number(name, value or "") for name, value in given.items()}
    return Word(numbers["--qty"], Levels(stop=numbers["--stop"], target=numbers["--target"]))


def _number(name: str, text: str) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation:
        refuse(f"{name} {text}: not a number")
    if not number.is_finite():
        refuse(f"{name} {text}: not a number")
    return number


def table(found: list[dict[str, Any]]) -> Table:
    """One line for each position: what it is, what protects it, what it is worth, and where it stands."""
    from rich.table import Table
    from rich.text import Text

    from desk.telling.figures import dollars, price, shares

    shown = Table(box=None, header_style="bold", pad_edge=False, collapse_padding=True)
    for name in ("symbol", "held", "entry", "stop / target", "OCO", "bid / ask", "gained"):
        shown.add_column(name, justify="right" if name in ("held", "entry", "gained") else "left", no_wrap=True)
    shown.add_column("stands", overflow="fold")
    for each in found:
        record, quote, gained = each["record"], each["market"], each["unrealised"]
        short = "-" if each["side"] == "sell" else ""
        levels = f"{price(record['stop_loss'])} / {price(record['take_profit'])}" if record else ""
        shown.add_row(
            each["symbol"],
            f"{short}{shares(each['qty'])}",
            price(each["entry_price"]),
            levels,
            _guards(each),
            f"{price(quote['bid'])} / {price(quote['ask'])}" if quote else "?",
            Text(dollars(gained), style="red" if (gained or "").startswith("-") else "green"),
            Text(_stands(each), style=_STYLES.get(each["verdict"], "")),
        )
    return shown


def _guards(each: dict[str, Any]) -> str:
    """Shares under each OCO that is at work."""
    if each["record"] is None:
        return ""
    return "?" if each["orders"] is None else ", ".join(oco["qty"] for oco in each["orders"]) or "none"


def _stands(each: dict[str, Any]) -> str:
    """The verdict, and what the account says where that is something else."""
    if each["record"] is None or each["account"] is None or each["verdict"] == "covered":
        return str(each["verdict"])
    return f"{each['verdict']} (account: {each['account']['qty']})"
