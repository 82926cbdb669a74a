"""`repeg buy`, `sell`, `close`, `bracket`, `adjust`: each makes one signal, in plain words, and sends it as any."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from desk.cli.options import AsJson, StackName, spread
from desk.cli.output import FAILED, fail, print_json, refuse, tell
from desk.cli.trading.completing import bracket_id

if TYPE_CHECKING:
    from desk.stack.changing import Answer
    from desk.stack.connection import Connection
    from desk.stack.records import Records
    from repeg.domain.signals.outgoing import OutgoingSignal

_STOP = typer.Option("--stop", metavar="S", help="Where the loss is taken.")
_TARGET = typer.Option("--target", metavar="T", help="Where the gain is taken.")
Symbol = Annotated[str, typer.Argument(metavar="SYMBOL", help="In either case.")]
Qty = Annotated[str, typer.Argument(metavar="QTY", help="Shares.")]
Notional = Annotated[bool, typer.Option("--notional", help="QTY is dollars, not shares.")]
Cap = Annotated[
    str | None, typer.Option("--cap", metavar="BPS", help="Most slippage, in bps of the mid. Default: by class.")
]
Ladder = Annotated[
    str | None,
    typer.Option("--ladder", metavar="L", help="better_orders, standard or market. Default: by class."),
]
Must = Annotated[bool, typer.Option("--must", help="No cap: complete it at any price, within 120 s.")]
At = Annotated[str, typer.Option("--at", metavar="P", help="The price that the idea was formed at.")]
Stop = Annotated[str, _STOP]
Target = Annotated[str, _TARGET]
NewStop = Annotated[str | None, _STOP]
NewTarget = Annotated[str | None, _TARGET]
Short = Annotated[bool, typer.Option("--short", help="Sell short.")]
Strategy = Annotated[str | None, typer.Option("--strategy", metavar="N", help="Label that it is counted under.")]
NextOpen = Annotated[bool, typer.Option("--next-open", help="With the market closed: wait for its open.")]
Wait = Annotated[bool, typer.Option("--wait", help="Until it is over; exit code 1 unless it was filled.")]
Timeout = Annotated[float, typer.Option("--timeout", min=0, help="Wall seconds to wait at most.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what it would come to now; send nothing.")]
Id = Annotated[str | None, typer.Option("--id", metavar="ID", help="Its signal id, which counts once. Default: made.")]


@dataclass(frozen=True)
class Terms:
    """What an order that is no exit is worked by."""

    notional: Notional = False
    cap: Cap = None
    ladder: Ladder = None
    must: Must = False


@dataclass(frozen=True)
class Manner:
    """How a signal is sent, and what is told of it."""

    strategy: Strategy = None
    next_open: NextOpen = False
    wait: Wait = False
    timeout: Timeout = 300
    dry_run: DryRun = False
    id_: Id = None
    stack: StackName = ""
    as_json: AsJson = False


@spread
def buy(symbol: Symbol, qty: Qty, terms: Terms, manner: Manner) -> None:
    """Buy shares, or for dollars, by the ladder of their class."""
    _trade("buy", _order("buy", symbol, qty, terms), manner)


@spread
def sell(symbol: Symbol, qty: Qty, terms: Terms, manner: Manner) -> None:
    """Sell free shares; opens no short, and leaves what a stop protects (repeg close sells that)."""
    _trade("sell", _order("sell", symbol, qty, terms), manner)


@spread
def close(
    symbol: Symbol,
    manner: Manner,
    qty: Annotated[str | None, typer.Argument(metavar="[QTY]", help="Shares. Default: all.")] = None,
) -> None:
    """Exit a position, whole or in part: its stop and target come down, and it is sold without a cap."""
    # ALL is a ticker, of a company that few hold: whoever means everything would be told of a close that sold nothing.
    if symbol.upper() == "ALL" != symbol:
        refuse(f"SYMBOL: {symbol} is no symbol; repeg halt --flatten closes everything (ALL, in capitals, is Allstate)")
    _trade("close", {"kind": "close", "symbol": symbol.upper(), "qty": qty}, manner)


@spread
def bracket(
    symbol: Symbol,
    qty: Qty,
    at: At,
    stop: Stop,
    target: Target,
    manner: Manner,
    short: Short = False,
    notional: Notional = False,
) -> None:
    """Enter near a price, and hold between a stop and a target."""
    body = {"kind": "bracket", "side": "sell" if short else "buy", "symbol": symbol.upper()}
    body |= {"notional" if notional else "qty": qty, "signal_price": at, "stop_loss": stop, "take_profit": target}
    _trade("bracket", body, manner)


def _order(side: str, symbol: str, qty: str, terms: Terms) -> dict[str, Any]:
    if terms.must and terms.cap is not None:
        refuse("--cap: not beside --must, which has no cap; nothing was sent")
    return {
        "kind": "order",
        "side": side,
        "symbol": symbol.upper(),
        "notional" if terms.notional else "qty": qty,
        "max_slippage_bps": terms.cap,
        "ladder": terms.ladder,
        "completion": "must" if terms.must else None,
    }


def _when_closed(next_open: bool) -> str | None:
    return "next_open" if next_open else None


def _trade(verb: str, body: dict[str, Any], manner: Manner) -> None:
    said = {"strategy": manner.strategy, "when_closed": _when_closed(manner.next_open)}
    signal = _checked(verb, body["symbol"], manner.id_, body | said)
    if manner.dry_run:
        _show_dry_run(signal, manner)
    else:
        _send(signal, known=manner.id_ is not None, manner=manner)


def _checked(verb: str, about: str, id_: str | None, body: dict[str, Any]) -> OutgoingSignal:
    """A signal ready for the queue; what is wrong with it ends the command."""
    from desk.stack.ordering import checked, made_id
    from desk.stack.signal_files import BadSignals

    named = id_ if id_ is not None else made_id(verb, about, datetime.now(UTC))
    try:
        return checked(body | {"signal_id": named})
    except BadSignals as problem:
        refuse(f"{problem}; nothing was sent")


def _send(signal: OutgoingSignal, known: bool, manner: Manner) -> None:
    from desk.cli.reaching import reaching
    from desk.stack.sending import sent_before
    from repeg.store.orders import OrderStore

    with reaching(manner.stack) as connection:
        if known:
            remarks, conflicts = sent_before(OrderStore(connection.dynamodb, connection.table), [signal])
            if conflicts:
                fail(f"{conflicts[0]}; nothing was sent")
            for remark in remarks if not manner.as_json else ():
                tell(remark)
        _put(connection, signal)
        if not manner.as_json:
            print(signal.signal_id, flush=True)
        if manner.wait:
            _wait(connection, signal, manner)
            return
    if manner.as_json:
        print_json(_document(signal, sent=True))
    else:
        tell(f"sent; follow it: repeg wait {signal.signal_id} && repeg order {signal.signal_id}")


def _put(connection: Connection, signal: OutgoingSignal) -> None:
    """Into the queue. A queue that did not answer may have it all the same: only its id makes another try safe."""
    from botocore.exceptions import BotoCoreError, ClientError

    from desk.stack.sending import send_all

    again = f"it may have arrived all the same; again under the same id it counts once: --id {signal.signal_id}"
    try:
        refused = send_all(connection.sqs, connection.queue_url, [signal])
    except (BotoCoreError, ClientError) as error:
        fail(f"the queue gave no answer: {error}; {again}")
    if refused:
        fail(f"the queue did not take it: {refused[signal.signal_id]}; {again}")


def _wait(connection: Connection, signal: OutgoingSignal, manner: Manner) -> None:
    from desk.stack.following import wait_for
    from desk.stack.records import records_of

    records = records_of(connection)
    try:
        if not manner.as_json and (why := _untaken(connection, records, signal)):
            tell(why)
        waited = wait_for(records, [signal.signal_id], manner.timeout)
    except KeyboardInterrupt:
        why = _untaken(connection, records, signal) or f"the order goes on: repeg wait {signal.signal_id}"
        fail(f"stopped waiting; {why}")
    view = waited.orders[0] if waited.orders else {}
    if manner.as_json:
        print_json(_document(signal, sent=True) | view)
    elif view:
        from desk.telling.render import console, order_headline

        console().print(order_headline(view))
    if waited.unfinished:
        why = "" if view else _untaken(connection, records, signal)
        stands = f"no order yet; {why}" if why else view.get("status", "no order yet")
        fail(f"not over after {manner.timeout:g} s ({stands}): repeg wait {signal.signal_id}")
    if view["status"] != "filled":
        raise typer.Exit(FAILED)


def _untaken(connection: Connection, records: Records, signal: OutgoingSignal) -> str:
    """Why there is no order of it yet, in words; empty where there is one, or it can come at any moment."""
    from desk.stack.intake import why_it_waits

    return "" if records.find(signal.signal_id) else why_it_waits(connection)


def _show_dry_run(signal: OutgoingSignal, manner: Manner) -> None:
    view = _document(signal, sent=False) | _looked_at(signal, manner.stack)
    if manner.as_json:
        print_json(view)
    else:
        from desk.telling.dry_runs import dry_run_page, remark
        from desk.telling.render import console

        console().print(dry_run_page(view))
        tell(f"{remark(view)}; nothing was sent")
    if view["would"] == "refuse":
        raise typer.Exit(FAILED)


def _looked_at(signal: OutgoingSignal, stack: str) -> dict[str, Any]:
    """What it would come to; where stack or broker cannot be asked, that: the signal is valid all the same."""
    from desk.cli.reaching import tell_where
    from desk.doctor.findings import Trouble
    from desk.doctor.reach import case_at
    from desk.positions.dry_run import dry_run
    from repeg.domain.signals.parsing import BracketSignal, CloseSignal, OrderSignal, parse_signal, read_json
    from repeg.errors import RepegError

    request = parse_signal(read_json(signal.body))
    assert isinstance(request, OrderSignal | BracketSignal | CloseSignal)
    try:
        case = case_at(stack)
        tell_where(case.connection, stack)
        return dry_run(case, request)
    except (Trouble, RepegError) as problem:
        return {"would": None, "reason": None, "detail": str(problem)}


def _document(signal: OutgoingSignal, sent: bool) -> dict[str, Any]:
    import json

    return {"signal_id": signal.signal_id, "sent": sent, "signal": json.loads(signal.body)}


def adjust(
    signal_id: Annotated[
        str, typer.Argument(metavar="SIGNAL_ID", help="The bracket's signal.", autocompletion=bracket_id)
    ],
    stop: NewStop = None,
    target: NewTarget = None,
    force: Annotated[
        bool, typer.Option("--force", help="Though the market has passed it (it is sold then), or cannot be seen.")
    ] = False,
    next_open: NextOpen = False,
    timeout: Timeout = 60,
    id_: Id = None,
    stack: StackName = "",
    as_json: AsJson = False,
) -> None:
    """Move the stop, the target, or both of a bracket; the old ones stay if the new ones are refused."""
    from desk.stack import changing
    from desk.stack.ordering import as_typed, made_id
    from desk.stack.signal_files import BadSignals

    if stop is None and target is None:
        refuse("--stop: is missing; give --stop, --target, or both; nothing was sent")
    named = id_ if id_ is not None else made_id("adjust", signal_id, datetime.now(UTC))
    try:
        signal = changing.adjust(named, signal_id, stop, target, force=force, next_open=next_open)
    except BadSignals as problem:
        refuse(f"{problem}; nothing was sent")
    answer = _answer_to(signal, stack, timeout)
    if as_json:
        print_json(_document(signal, sent=True) | answer.view)
    if not answer.over:
        fail(f"no answer after {timeout:g} s ({answer.words}); it stays sent: repeg wait {signal.signal_id}")
    if not as_json:
        tell(as_typed(answer.words))
    if not answer.done:
        raise typer.Exit(FAILED)


def _answer_to(signal: OutgoingSignal, stack: str, timeout: float) -> Answer:
    from botocore.exceptions import BotoCoreError, ClientError

    from desk.cli.reaching import reaching
    from desk.stack import changing
    from desk.stack.records import records_of

    with reaching(stack) as connection:
        try:
            changing.send(connection.sqs, connection.queue_url, signal)
        except (BotoCoreError, ClientError) as error:
            fail(f"the queue gave no answer: {error}; again under the same id it counts once: --id {signal.signal_id}")
        except changing.NotSent as problem:
            fail(f"the queue did not take it: {problem}")
        try:
            return changing.answer(records_of(connection), signal.signal_id, timeout)
        except KeyboardInterrupt:
            fail(f"stopped waiting; it was sent: repeg wait {signal.signal_id}")
