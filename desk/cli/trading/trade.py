"""`repeg buy`, `sell`, `close`, `bracket`, `adjust`: each makes one signal, in plain words, and sends it as any."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from desk.cli.options import AsJson, StackName
from desk.cli.output import FAILED, fail, print_json, refuse, tell

if TYPE_CHECKING:
    from desk.stack.connection import Connection
    from desk.stack.moving import Answer
    from repeg.domain.signals.outgoing import OutgoingSignal

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
Stop = Annotated[str, typer.Option("--stop", metavar="S", help="Where the loss is taken.")]
Target = Annotated[str, typer.Option("--target", metavar="T", help="Where the gain is taken.")]
Short = Annotated[bool, typer.Option("--short", help="Sell short.")]
Strategy = Annotated[str | None, typer.Option("--strategy", metavar="N", help="Label that it is counted under.")]
NextOpen = Annotated[bool, typer.Option("--next-open", help="With the market closed: wait for its open.")]
Wait = Annotated[bool, typer.Option("--wait", help="Until it is over; exit code 1 unless it was filled.")]
Timeout = Annotated[float, typer.Option("--timeout", min=0, help="Wall seconds that --wait waits at most.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what it would come to now; send nothing.")]
Id = Annotated[str | None, typer.Option("--id", metavar="ID", help="Its signal id, which counts once. Default: made.")]


@dataclass(frozen=True)
class _Manner:
    """How it is sent, and what is told of it."""

    stack: str
    wait: bool
    timeout: float
    dry_run: bool
    as_json: bool


def buy(
    symbol: Symbol,
    qty: Qty,
    notional: Notional = False,
    cap: Cap = None,
    ladder: Ladder = None,
    must: Must = False,
    strategy: Strategy = None,
    next_open: NextOpen = False,
    wait: Wait = False,
    timeout: Timeout = 300,
    dry_run: DryRun = False,
    id_: Id = None,
    stack: StackName = "",
    as_json: AsJson = False,
) -> None:
    """Buy shares, or for dollars, by the ladder of their class."""
    body = _order("buy", symbol, qty, notional, cap, ladder, must) | _common(strategy, next_open)
    _trade("buy", body, id_, _Manner(stack, wait, timeout, dry_run, as_json))


def sell(
    symbol: Symbol,
    qty: Qty,
    notional: Notional = False,
    cap: Cap = None,
    ladder: Ladder = None,
    must: Must = False,
    strategy: Strategy = None,
    next_open: NextOpen = False,
    wait: Wait = False,
    timeout: Timeout = 300,
    dry_run: DryRun = False,
    id_: Id = None,
    stack: StackName = "",
    as_json: AsJson = False,
) -> None:
    """Sell free shares; opens no short, and leaves what a stop protects (repeg close sells that)."""
    body = _order("sell", symbol, qty, notional, cap, ladder, must) | _common(strategy, next_open)
    _trade("sell", body, id_, _Manner(stack, wait, timeout, dry_run, as_json))


def close(
    symbol: Symbol,
    qty: Annotated[str | None, typer.Argument(metavar="[QTY]", help="Shares. Default: all.")] = None,
    strategy: Strategy = None,
    next_open: NextOpen = False,
    wait: Wait = False,
    timeout: Timeout = 300,
    dry_run: DryRun = False,
    id_: Id = None,
    stack: StackName = "",
    as_json: AsJson = False,
) -> None:
    """Exit a position, whole or in part: its stop and target come down, and it is sold without a cap."""
    body = {"kind": "close", "symbol": symbol.upper(), "qty": qty} | _common(strategy, next_open)
    _trade("close", body, id_, _Manner(stack, wait, timeout, dry_run, as_json))


def bracket(
    symbol: Symbol,
    qty: Qty,
    at: At,
    stop: Stop,
    target: Target,
    short: Short = False,
    notional: Notional = False,
    strategy: Strategy = None,
    next_open: NextOpen = False,
    wait: Wait = False,
    timeout: Timeout = 300,
    dry_run: DryRun = False,
    id_: Id = None,
    stack: StackName = "",
    as_json: AsJson = False,
) -> None:
    """Enter near a price, and hold between a stop and a target."""
    body = {"kind": "bracket", "side": "sell" if short else "buy", "symbol": symbol.upper()}
    body |= {"notional" if notional else "qty": qty, "signal_price": at, "stop_loss": stop, "take_profit": target}
    _trade("bracket", body | _common(strategy, next_open), id_, _Manner(stack, wait, timeout, dry_run, as_json))


def _order(
    side: str, symbol: str, qty: str, notional: bool, cap: str | None, ladder: str | None, must: bool
) -> dict[str, Any]:
    if must and cap is not None:
        refuse("--cap: not beside --must, which has no cap; nothing was sent")
    return {
        "kind": "order",
        "side": side,
        "symbol": symbol.upper(),
        "notional" if notional else "qty": qty,
        "max_slippage_bps": cap,
        "ladder": ladder,
        "completion": "must" if must else None,
    }


def _common(strategy: str | None, next_open: bool) -> dict[str, Any]:
    return {"strategy": strategy, "when_closed": "next_open" if next_open else None}


def _trade(verb: str, body: dict[str, Any], id_: str | None, manner: _Manner) -> None:
    from desk.stack.ordering import checked, made_id
    from desk.stack.signal_files import BadSignals

    named = id_ if id_ is not None else made_id(verb, body["symbol"], datetime.now(UTC))
    try:
        signal = checked(body | {"signal_id": named})
    except BadSignals as problem:
        refuse(f"{problem}; nothing was sent")
    if manner.dry_run:
        _show_dry_run(signal, manner)
    else:
        _send(signal, known=id_ is not None, manner=manner)


def _send(signal: OutgoingSignal, known: bool, manner: _Manner) -> None:
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


def _wait(connection: Connection, signal: OutgoingSignal, manner: _Manner) -> None:
    from desk.stack.following import wait_for
    from desk.stack.records import records_of

    try:
        waited = wait_for(records_of(connection), [signal.signal_id], manner.timeout)
    except KeyboardInterrupt:
        fail(f"stopped waiting; the order goes on: repeg wait {signal.signal_id}")
    view = waited.orders[0] if waited.orders else {}
    if manner.as_json:
        print_json(_document(signal, sent=True) | view)
    elif view:
        from desk.telling.render import console, order_headline

        console().print(order_headline(view))
    if waited.unfinished:
        fail(
            f"not over after {manner.timeout:g} s ({view.get('status', 'no order yet')}): repeg wait {signal.signal_id}"
        )
    if view["status"] != "filled":
        raise typer.Exit(FAILED)


def _show_dry_run(signal: OutgoingSignal, manner: _Manner) -> None:
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
    from desk.doctor import reach
    from desk.doctor.findings import Trouble
    from desk.doctor.meter import Meter
    from desk.positions.dry_run import dry_run
    from desk.stack.market_time import wall_clock
    from repeg.domain.signals.parsing import BracketSignal, CloseSignal, OrderSignal, parse_signal, read_json
    from repeg.errors import RepegError

    request = parse_signal(read_json(signal.body))
    assert isinstance(request, OrderSignal | BracketSignal | CloseSignal)
    try:
        return dry_run(reach.reach(stack, Meter(), wall_clock, ()), request)
    except (Trouble, RepegError) as problem:
        return {"would": None, "reason": None, "detail": str(problem)}


def _document(signal: OutgoingSignal, sent: bool) -> dict[str, Any]:
    import json

    return {"signal_id": signal.signal_id, "sent": sent, "signal": json.loads(signal.body)}


def adjust(
    signal_id: Annotated[str, typer.Argument(metavar="SIGNAL_ID", help="The bracket's signal.")],
    stop: Annotated[
        str | None, typer.Option("--stop", metavar="S", help="Where the loss is taken from now on.")
    ] = None,
    target: Annotated[str | None, typer.Option("--target", metavar="T", help="Where the gain is taken.")] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Though the market has passed it (it is sold then), or cannot be seen.")
    ] = False,
    next_open: Annotated[bool, typer.Option("--next-open", help="With the market closed: wait for its open.")] = False,
    timeout: Annotated[float, typer.Option("--timeout", min=0, help="Wall seconds to wait for the answer.")] = 60,
    id_: Annotated[
        str | None, typer.Option("--id", metavar="ID", help="Its signal id, which counts once. Default: made.")
    ] = None,
    stack: StackName = "",
    as_json: AsJson = False,
) -> None:
    """Move the stop, the target, or both of a bracket; the old ones stay if the new ones are refused."""
    from desk.stack import moving
    from desk.stack.ordering import made_id
    from desk.stack.signal_files import BadSignals

    if stop is None and target is None:
        refuse("--stop: is missing; give --stop, --target, or both; nothing was sent")
    named = id_ if id_ is not None else made_id("adjust", signal_id, datetime.now(UTC))
    try:
        signal = moving.adjust(named, signal_id, stop, target, force=force, next_open=next_open)
    except BadSignals as problem:
        refuse(f"{problem}; nothing was sent")
    answer = _answer_to(signal, stack, timeout)
    if as_json:
        print_json(_document(signal, sent=True) | answer.view)
    if not answer.over:
        fail(f"no answer after {timeout:g} s ({answer.words}); it stays sent: repeg wait {signal.signal_id}")
    if not as_json:
        tell(answer.words)
    if not answer.done:
        raise typer.Exit(FAILED)


def _answer_to(signal: OutgoingSignal, stack: str, timeout: float) -> Answer:
    from botocore.exceptions import BotoCoreError, ClientError

    from desk.cli.reaching import reaching
    from desk.stack import moving
    from desk.stack.records import records_of
    from desk.stack.taking_back import NotSent

    with reaching(stack) as connection:
        try:
            moving.send(connection.sqs, connection.queue_url, signal)
        except (BotoCoreError, ClientError) as error:
            fail(f"the queue gave no answer: {error}; again under the same id it counts once: --id {signal.signal_id}")
        except NotSent as problem:
            fail(f"the queue did not take it: {problem}")
        try:
            return moving.answer(records_of(connection), signal.signal_id, timeout)
        except KeyboardInterrupt:
            fail(f"stopped waiting; it was sent: repeg wait {signal.signal_id}")
