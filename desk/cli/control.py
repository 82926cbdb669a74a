"""Whether signals are taken (`repeg pause`), and whether orders are sent (`repeg halt`); `repeg resume` ends both."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from desk.cli.options import AsJson, StackName
from desk.cli.output import fail, print_json, refuse, tell

if TYPE_CHECKING:
    from desk.stack.connection import Connection
    from desk.stack.control import Switch
    from desk.stack.intake import Intake
    from repeg.domain.halt import Halt, Scope


def pause(stack: StackName = "", as_json: AsJson = False) -> None:
    """Take no more signals; they stay in the queue, closes too. Orders that were taken before go on."""
    from desk.stack.intake import pause as pause_

    where, found = _switched(stack, lambda connection: pause_(connection, datetime.now(UTC)))
    if as_json:
        print_json(found.document())
    else:
        told = f"intake of {where} is paused; {_waiting(found)}"
        tell(f"{told}; orders that were taken before go on, those in line, too")


def halt(
    symbol: Annotated[
        str | None, typer.Option("--symbol", metavar="S", help="Halt only what trades this symbol.")
    ] = None,
    strategy: Annotated[str | None, typer.Option("--strategy", metavar="N", help="Halt only this strategy.")] = None,
    mode: Annotated[
        str, typer.Option("--mode", metavar="MODE", help="halted: only exits are sent; reducing: what reduces, too.")
    ] = "halted",
    reason: Annotated[str, typer.Option("--reason", metavar="R", help="Why; orders and mails say it.")] = "",
    cancel_open: Annotated[
        bool, typer.Option("--cancel-open", help="Take entries out of the market, too, within seconds.")
    ] = False,
    stack: StackName = "",
    as_json: AsJson = False,
) -> None:
    """Send no more orders but exits: of the account, a strategy or a symbol. What is held stays protected."""
    from desk.stack.control import option_of
    from repeg.domain.halt import Halt, Mode, halt_view
    from repeg.domain.models import printable

    if mode not in ("halted", "reducing"):
        refuse("--mode: must be halted or reducing; nothing was halted")
    scope, of = _scope(symbol, strategy)
    word = Halt(
        scope=scope,
        of=of,
        mode=Mode(mode),
        reason=printable(reason),
        since=datetime.now(UTC).replace(microsecond=0),
        cancel_open=cancel_open,
    )
    with _switching(stack) as switch:
        untold = switch.halt(word)
    if as_json:
        print_json(halt_view(word))
    else:
        entries = "entries in the market are taken back" if cancel_open else "what is in the market stays there"
        tell(f"{word.sentence}; {entries}; lift it with: repeg resume{option_of(scope, of)}")
    _say_untold(untold)


def resume(
    symbol: Annotated[
        str | None, typer.Option("--symbol", metavar="S", help="Lift only what was said of this symbol.")
    ] = None,
    strategy: Annotated[
        str | None, typer.Option("--strategy", metavar="N", help="Lift only this strategy's halt.")
    ] = None,
    stack: StackName = "",
    as_json: AsJson = False,
) -> None:
    """Lift a halt. Without a symbol or strategy: that of the account, and signals are taken again, too."""
    from desk.stack.intake import resume as resume_

    scope, of = _scope(symbol, strategy)
    with _switching(stack) as switch:
        in_force, untold = switch.lift(scope, of)
        left = switch.words()
    if in_force or of:
        tell(f"{of or 'the account'} {'is active again' if in_force else 'was not halted'}")
    for halt in left:
        tell(f"still in force: {halt.sentence}")
    _say_untold(untold)
    # Last: that intake cannot be switched must not keep a halt in force, nor keep anybody from hearing that it is not.
    where, found = ("", None) if of else _switched(stack, resume_)
    if found and not as_json:
        tell(f"{where} takes signals again")
    if as_json:
        print_json((found.document() if found else {}) | {"control": _document(left)})


def control(stack: StackName = "", as_json: AsJson = False) -> None:
    """What is halted, since when and why."""
    with _switching(stack) as switch:
        words = switch.words()
    if as_json:
        print_json(_document(words))
        return
    for halt in words:
        since = f", since {halt.since:%d %b %H:%M:%S} UTC" if halt.since else ""
        tell(f"{halt.sentence}{since}")
    if not words:
        tell("active: orders are sent")


def _document(words: Sequence[Halt]) -> dict[str, Any]:
    """The account's mode, and every word in force."""
    from repeg.domain.halt import Halt, Mode, Scope, halt_view

    account = next((halt for halt in words if halt.scope is Scope.ACCOUNT), Halt(mode=Mode.ACTIVE))
    about = {name: value for name, value in halt_view(account).items() if name in ("mode", "reason", "since")}
    return about | {"scopes": [halt_view(halt) for halt in words]}


def _scope(symbol: str | None, strategy: str | None) -> tuple[Scope, str]:
    from repeg.domain.halt import Scope
    from repeg.domain.settings import SYMBOL

    # Empty is a variable of a script that was not set: read as the account, it would lift all.
    if symbol is not None and not SYMBOL.fullmatch(symbol.upper()):
        refuse(f"--symbol: {symbol!r} is no symbol; nothing was changed")
    if strategy is not None and not strategy.strip():
        refuse("--strategy: must not be empty; nothing was changed")
    if symbol and strategy:
        refuse("--strategy: not beside --symbol; one of them, then the other")
    if symbol:
        return Scope.SYMBOL, symbol.upper()
    return (Scope.STRATEGY, strategy) if strategy else (Scope.ACCOUNT, "")


def _say_untold(why: str | None) -> None:
    if why:
        tell(f"nobody was mailed: {why}")


@contextmanager
def _switching(stack: str) -> Iterator[Switch]:
    """The stack's kill switch; trouble with it ends the command with exit code 1."""
    from botocore.exceptions import BotoCoreError, ClientError

    from desk.stack.control import switch_of

    try:
        switch = switch_of(stack)
        # Always: a halt that was meant for the stack on AWS must not be taken for one when a local cloud is up.
        tell(f"on {'the local cloud' if switch.is_local else 'AWS'}, stack {switch.stack}")
        yield switch
    except (BotoCoreError, ClientError) as error:
        fail(f"the stack's table cannot be reached; look with repeg control what is in force: {error}")


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
