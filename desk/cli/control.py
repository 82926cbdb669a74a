"""Whether signals are taken (`repeg pause`), and whether orders are sent (`repeg halt`); `repeg resume` ends both.

One order alone is taken back by `repeg cancel`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from desk.cli.options import AsJson, StackName
from desk.cli.output import fail, print_json, refuse, tell
from desk.cli.trading.completing import any_id

if TYPE_CHECKING:
    from desk.doctor.case import Case
    from desk.positions.flatten import Flattening
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
        bool, typer.Option("--cancel-open", help="Take entries out of the market, too, within 15 seconds.")
    ] = False,
    loosen: Annotated[
        bool, typer.Option("--loosen", help="With --mode reducing: replace a halt that stops more.")
    ] = False,
    flatten: Annotated[
        bool, typer.Option("--flatten", help="Close all that is held, too, by close signals; asks before.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before closing.")] = False,
    stack: StackName = "",
    as_json: AsJson = False,
) -> None:
    """Send no more orders but exits: of the account, a strategy or a symbol. What is held stays protected."""
    from desk.stack.control import Stricter
    from repeg.domain.halt import Halt, Mode, halt_view
    from repeg.domain.models import printable

    if mode not in ("halted", "reducing"):
        refuse("--mode: must be halted or reducing; nothing was halted")
    scope, of = _scope(symbol, strategy)
    if flatten:
        _refuse_unasked(yes)
    word = Halt(
        scope=scope,
        of=of,
        mode=Mode(mode),
        reason=printable(reason),
        since=datetime.now(UTC).replace(microsecond=0),
        # An entry that rests on would be filled behind the close.
        cancel_open=cancel_open or flatten,
    )
    with _switching(stack, halting=True) as switch:
        try:
            untold = switch.halt(word, loosen)
        except Stricter as stricter:
            fail(f"{stricter}; nothing was changed; --loosen replaces it")
    if not as_json:
        entries = "entries in the market are taken back" if word.cancel_open else "what is in the market stays there"
        tell(f"{word.sentence}; {entries}; {_lifted_by(word)}")
    _say_untold(untold)
    done, problems = _flattened(stack, word, yes, as_json) if flatten else ({}, [])
    if as_json:
        print_json(halt_view(word) | done)
    for problem in problems[:-1]:
        tell(problem)
    if problems:
        fail(problems[-1])


def _flattened(stack: str, word: Halt, yes: bool, as_json: bool) -> tuple[dict[str, Any], list[str]]:
    """What was closed, and what is wrong with that: the halt stands, whatever it is."""
    from desk.cli.reaching import reaching_case

    with reaching_case(stack, told=True) as case:
        done, problems = _flatten(case, word, yes, as_json)
    return {"flatten": done}, problems


def _refuse_unasked(yes: bool) -> None:
    """Before anything is done: where nobody can be asked, it has to be said."""
    if not yes and not sys.stdin.isatty():
        refuse("--flatten: say --yes, as nobody can be asked here; nothing was halted")


def _flatten(case: Case, halt: Halt, yes: bool, as_json: bool) -> tuple[dict[str, Any], list[str]]:
    """Close what the halt, which stands, is about. Returns what was done, and why it is not all of it."""
    from desk.positions.flatten import flattening
    from desk.stack.intake import look
    from desk.stack.sending import send_all

    found = flattening(case, halt)
    problems = [found.trouble] if found.trouble else []
    problems += [f"{each.symbol} is not closed: {each.why}" for each in found.left]
    _show(found, as_json)
    signals = [each.signal for each in found.closings if each.signal]
    if signals and not yes and not typer.confirm("Close them?", err=True):
        return found.document({}, None) | {"closes": []}, [*problems, "nothing was closed; the halt stands"]
    refused = send_all(case.connection.sqs, case.connection.queue_url, signals)
    problems += [f"the queue did not take {signal_id}: {why}" for signal_id, why in refused.items()]
    paused = bool(found.closings) and look(case.connection).paused
    if paused:
        problems.append("intake is paused, so the closes wait in the queue; fix: repeg resume --intake")
    if found.closings and not as_json:
        _say(found)
    return found.document(refused, paused), problems


def _show(found: Flattening, as_json: bool) -> None:
    if as_json:
        return
    for each in found.closings:
        shares = "what is held" if each.held is None else f"{abs(each.held):f}{' short' if each.held < 0 else ''}"
        shares = "nothing yet, an order is at work" if each.held == 0 else shares
        print(f"close {each.symbol}: {shares} ({each.signal_id}{'' if each.signal else ', at work already'})")
    if not found.closings:
        tell("there is nothing to close")


def _say(found: Flattening) -> None:
    if found.waits_until:
        from desk.telling.figures import NEW_YORK

        opens = found.waits_until.astimezone(NEW_YORK)
        tell(f"the session is closed: they wait for the open, {opens:%a %d %b %H:%M} ET; stops stay until then")
    tell(f"follow them with: repeg wait {' '.join(each.signal_id for each in found.closings)}")


def resume(
    symbol: Annotated[
        str | None, typer.Option("--symbol", metavar="S", help="Lift only what was said of this symbol.")
    ] = None,
    strategy: Annotated[
        str | None, typer.Option("--strategy", metavar="N", help="Lift only this strategy's halt.")
    ] = None,
    intake: Annotated[bool, typer.Option("--intake", help="Only take signals again; what is halted stays so.")] = False,
    stack: StackName = "",
    as_json: AsJson = False,
) -> None:
    """Lift a halt. Without a symbol or strategy: that of the account, and signals are taken again, too."""
    scope, of = _scope(symbol, strategy)
    if intake and of:
        refuse("--intake: not beside --symbol or --strategy; nothing was changed")
    if intake:
        where, taken, was_paused = _taking(stack)
        if as_json:
            print_json(taken.document())
        else:
            told = "takes signals again" if was_paused else "was not paused"
            tell(f"{where} {told}; what is halted stays so")
        return
    with _switching(stack) as switch:
        in_force, untold = switch.lift(scope, of)
        left = switch.words()
    if in_force or of:
        tell(f"{of or 'the account'} {'is active again' if in_force else 'was not halted'}")
    for halt in left:
        tell(f"still in force: {halt.sentence}; {_lifted_by(halt)}")
    _say_untold(untold)
    # Last: that intake cannot be switched must not keep a halt in force, nor keep anybody from hearing that it is not.
    where, found, was_paused = ("", None, False) if of else _taking(stack, told=True)
    if found and not as_json:
        if was_paused:
            tell(f"{where} takes signals again")
        elif not in_force:
            tell(f"nothing was changed: the account was not halted, and intake of {where} not paused")
    if as_json:
        print_json((found.document() if found else {}) | {"control": _document(left)})


def control(stack: StackName = "", as_json: AsJson = False) -> None:
    """What is halted, since when and why."""
    with _switching(stack) as switch:
        words = switch.words()
    if as_json:
        print_json(_document(words))
        return
    from desk.stack.market_time import clock_of
    from desk.telling.figures import moment_of

    clock = clock_of(stack)
    for halt in words:
        since = f", since {moment_of(clock.market(halt.since))} ET" if halt.since else ""
        tell(f"{halt.sentence}{since}; {_lifted_by(halt)}")
    if not words:
        # Intake may be paused all the same, which whoever has a right to the table alone cannot see.
        tell("active: nothing is halted; repeg doctor says whether signals are taken")


def cancel(
    signal_id: Annotated[
        str, typer.Argument(help="The signal whose order, or rebalance, is taken back.", autocompletion=any_id)
    ],
    timeout: Annotated[float, typer.Option("--timeout", min=0, help="Wall seconds to wait for its end.")] = 60,
    stack: StackName = "",
    as_json: AsJson = False,
) -> None:
    """Take an order or a rebalance back: no more is sent, what rests is cancelled, what was bought is protected."""
    from desk.cli.reaching import reaching
    from desk.stack.changing import NotSent, take_back
    from desk.stack.records import records_of
    from repeg.domain.reasons import Reason
    from repeg.domain.signals.fields import SIGNAL_ID

    if not SIGNAL_ID.fullmatch(signal_id):
        refuse(f"signal_id: {signal_id!r} cannot be one; an id is 1 to 64 of A-Z a-z 0-9 _ -")
    with reaching(stack) as connection:
        try:
            asked = take_back(connection.sqs, connection.queue_url, records_of(connection), signal_id, timeout)
        except NotSent as problem:
            fail(f"the queue did not take the cancel: {problem}")
        except KeyboardInterrupt:
            fail("stopped waiting; the cancel was sent")
    if as_json:
        print_json(_answered(asked.cancel_id, asked.words, asked.answer, asked.view))
    if asked.answer is None:
        halt = "repeg halt --symbol S --cancel-open needs no queue"
        fail(f"no answer after {timeout:g} s: is intake paused (repeg doctor)? {asked.cancel_id} stays sent; {halt}")
    if not as_json:
        # How it is over is said below; of what is not over, why it is not taken back.
        over = asked.answer.reason is Reason.NOTHING_TO_CANCEL and asked.view and asked.view["completed_at"]
        tell("there is nothing left to take back" if over else asked.words)
    if not asked.over:
        fail(f"{signal_id} is not over after {timeout:g} s ({asked.view['status'] if asked.view else 'unknown'})")
    if asked.view and not as_json:
        why = f" {asked.view['reason']}" if asked.view["reason"] else ""
        print(f"{signal_id} {asked.view['status']}{why}")


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
        refuse("--strategy: not beside --symbol; one of them, then the other; nothing was changed")
    if symbol:
        return Scope.SYMBOL, symbol.upper()
    return (Scope.STRATEGY, strategy) if strategy else (Scope.ACCOUNT, "")


def _lifted_by(halt: Halt) -> str:
    from desk.stack.control import option_of

    return f"lift it with: repeg resume{option_of(halt.scope, halt.of)}"


def _say_untold(why: str | None) -> None:
    if why:
        tell(f"nobody was mailed: {why}")


@contextmanager
def _switching(stack: str, halting: bool = False) -> Iterator[Switch]:
    """The stack's kill switch; trouble with it ends the command with exit code 1.

    `halting`: what is done with it is one halt, and whether that is in force is told before what went wrong.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    from desk.cli.reaching import where_of
    from desk.stack.control import switch_of
    from repeg.errors import StoreConflict

    try:
        switch = switch_of(stack)
        # Always: a halt that was meant for the stack on AWS must not be taken for one when a local cloud is up.
        tell(f"{where_of(switch.is_local)}, stack {switch.stack}")
        yield switch
    except (BotoCoreError, ClientError) as error:
        _tell_unreached(error, halting)
    except StoreConflict as stands:
        fail(str(stands))


def _tell_unreached(error: Exception, halting: bool) -> NoReturn:
    from botocore.exceptions import EndpointConnectionError

    from desk.cli.reaching import lacking, no_local_cloud, pointed_elsewhere
    from desk.stack.control import surely_unwritten

    elsewhere = pointed_elsewhere()
    if elsewhere and isinstance(error, EndpointConnectionError):
        fail(f"{'NOT halted: ' if halting else ''}{no_local_cloud()}, and on AWS nothing was reached: {elsewhere}")
    if lacks := lacking(error):
        fail(f"{'NOT halted: ' if halting else ''}{no_local_cloud()}, and on AWS {lacks}")
    if halting and surely_unwritten(error):
        fail(f"NOT halted: the stack's table cannot be reached: {error}")
    # A write without an answer may be in force all the same.
    known = "NOT KNOWN whether it is halted, and halting again does no harm: " if halting else ""
    where = f"; {elsewhere}" if elsewhere else ""
    fail(f"{known}the stack's table cannot be reached; what is in force is shown by repeg control: {error}{where}")


def _switched(stack: str, switch: Callable[[Connection], Intake], told: bool = False) -> tuple[str, Intake]:
    """Where intake was switched, and how it stands now."""
    from desk.cli.reaching import reaching
    from desk.stack.intake import IntakeError

    with reaching(stack, told) as connection:
        try:
            found = switch(connection)
        except IntakeError as problem:
            fail(str(problem))
    return "the local cloud" if connection.is_local else f"stack {connection.stack} on AWS", found


def _taking(stack: str, told: bool = False) -> tuple[str, Intake, bool]:
    """Signals are taken: where, how intake stands now, and whether it was paused before."""
    from desk.stack.intake import resume as resume_
    from desk.stack.intake import takes_signals

    took: list[bool] = []

    def take(connection: Connection) -> Intake:
        took.append(takes_signals(connection))
        return resume_(connection)

    where, found = _switched(stack, take, told)
    return where, found, not took[0]


def _waiting(found: Intake) -> str:
    return f"{found.waiting} in the queue" if found.waiting else "nothing is in the queue"


def _answered(cancel_id: str, words: str, answer: Any, view: dict[str, Any] | None) -> dict[str, Any]:
    """What was asked and answered, and how what it names stands."""
    status, reason = (answer.status.value, answer.reason and answer.reason.value) if answer else (None, None)
    return {"cancel_id": cancel_id, "status": status, "reason": reason, "detail": words or None, "of": view}
