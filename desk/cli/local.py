"""`repeg local`: the local cloud; and `repeg demo`: the stories on one of their own."""

from __future__ import annotations

import os
import shlex
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from desk.cli.options import AsJson
from desk.cli.output import FAILED, end_as_by_ctrl_c, fail, print_json, refuse, tell, trouble_told

app = typer.Typer(help="Start and stop the local cloud.", no_args_is_help=True)

SLOWEST, FASTEST = 1.0, 20.0
FASTEST_DEMO = 10.0
Speed = Annotated[
    float | None, typer.Option("--speed", metavar="X", help="Run the market and the machines' waits X times faster.")
]
Start = Annotated[
    str | None,
    typer.Option("--start", metavar="TIME", help="Market time when ready, as 2026-11-20T09:25:00-05:00."),
]


EnforceRoles = Annotated[
    bool, typer.Option("--enforce-roles", help="Refuse what the functions' roles do not allow, as AWS does.")
]


Schedules = Annotated[bool, typer.Option("--schedules", help="Turn all schedules on; they fire on market time.")]


Keep = Annotated[
    bool,
    typer.Option("--keep", help="Keep orders, positions and prices over a stop; go on with what the last --keep held."),
]


@app.command()
def up(
    speed: Speed = None,
    start: Start = None,
    enforce_roles: EnforceRoles = False,
    schedules: Schedules = False,
    keep: Keep = False,
    as_json: AsJson = False,
) -> None:
    """Start the local cloud and leave it running."""
    from desk.cloud import local
    from desk.stack import place

    _check(speed, start)
    end_as_by_ctrl_c()
    was_up = place.status().up
    with trouble_told():
        ready = local.up(
            speed=speed, start=start, enforce_roles=enforce_roles, schedules=schedules, kept=keep, step=told
        )
    if as_json:
        print_json(ready.document())
        return
    word = "up already" if was_up else "ready"
    tell(f"{word}: endpoint {ready.endpoint_url}, exchange {ready.exchange_url}, speed {ready.speed:g}")
    if not was_up:
        tell(f"prices stand still until you set them; {_quoted(ready.exchange_url)}")
    tell('point other programs at it: source .venv/bin/activate; eval "$(repeg local env)"')
    keeps = local.keeps()
    then = "keeps its orders and positions for the next --keep" if keeps else "forgets its orders and positions"
    tell(f"next: .venv/bin/repeg buy AAPL 5 --wait; make down stops it, and {then}")


@app.command()
def down(
    forget: Annotated[bool, typer.Option("--forget", help="Keep nothing of it, nor what was kept before.")] = False,
) -> None:
    """Stop the local cloud; one that was started with --keep keeps what it holds."""
    from desk.cloud import local

    keeps = local.keeps() and not forget
    tell("the local cloud is stopped" if local.down(forget) else "the local cloud is not up")
    if forget:
        tell("all is forgotten: what it held, and what was kept before")
    if keeps:
        tell("what it held is kept; to go on with it: make local ARGS=--keep")
    if os.environ.get("REPEG_EXCHANGE_URL"):
        tell('this shell still points at it: eval "$(repeg local env --unset)"')


@app.command()
def status(as_json: AsJson = False) -> None:
    """Say whether the local cloud is up, and where; exit code 1 if it is down (with --json the document says it)."""
    from desk.stack import place

    found = place.status()
    if as_json:
        print_json(found.document())
    elif not found.up:
        from desk.doctor.reach import local_end

        print("down")
        # The doctor's words: a cloud that died and one that was never started are two stories.
        fail(f"{local_end() or 'no local cloud is up'}; make local starts one")
    else:
        print(f"up: endpoint {found.endpoint_url}, exchange {found.exchange_url}, speed {found.speed:g}")


@app.command()
def env(
    unset: Annotated[bool, typer.Option("--unset", help="Print the lines that take all of it back.")] = False,
) -> None:
    """Print shell lines that point AWS and Alpaca clients at the local cloud, for: eval "$(repeg local env)"."""
    from desk.stack import place
    from desk.stack.connection import client_environment

    found = place.status()
    if not found.up and not unset:
        fail("the local cloud is not up; make local starts it")
    for name, value in client_environment(found).items():
        print(f"export {name}={shlex.quote(value)}" if value and not unset else f"unset {name}")


def _quoted(exchange_url: str | None) -> str:
    """What there are quotes of: a market that was kept has those that were set in it, too."""
    from desk.exchange.client import ExchangeControl

    try:
        symbols = ExchangeControl(exchange_url or "").quotes()
    except (OSError, ValueError):
        return "repeg exchange symbols lists what there are quotes of"
    return f"there are quotes of {', '.join(symbols)}"


def _check(speed: float | None, start: str | None) -> None:
    from desk.exchange.market.moments import parse_instant
    from desk.exchange.market.sessions import covers

    if speed is not None and not SLOWEST <= speed <= FASTEST:
        refuse(f"--speed: {speed:g} is not within {SLOWEST:g} to {FASTEST:g}")
    if start is not None:
        try:
            known = covers(parse_instant(start if ":" in start else ""))
        except ValueError:
            refuse(f"--start: {start} is not a time such as 2026-11-20T09:25:00-05:00")
        if not known:
            refuse(f"--start: {start} is outside the simulated exchange's calendar")


@contextmanager
def told(what: str) -> Iterator[None]:
    """Shows a step while it lasts, and how long it took."""
    from rich.console import Console

    console = Console(stderr=True, highlight=False)
    started = time.monotonic()
    with console.status(what):
        yield
    console.print(f"[green]done[/] {what} [dim]{time.monotonic() - started:.1f} s[/]")


def demo(
    speed: Annotated[float, typer.Option("--speed", metavar="X", help="Run the market X times faster (1 to 10).")] = 5,
    as_json: AsJson = False,
) -> None:
    """Watch sample signals become orders, each with its expected outcome; exit code 1 if one differs."""
    from desk.cloud.errors import CloudError
    from desk.demo.run import Demo
    from desk.stack.place import PROJECT
    from desk.telling.render import console

    if not SLOWEST <= speed <= FASTEST_DEMO:
        refuse(f"--speed: {speed:g} is not within {SLOWEST:g} to {FASTEST_DEMO:g}")
    # A cloud of the user's own may be up in the usual folder, and must not be disturbed.
    os.environ["REPEG_LOCAL_DIR"] = str(PROJECT / ".local" / "demo")
    end_as_by_ctrl_c()
    try:
        told = Demo(console(stderr=as_json), speed).run()
    except CloudError as problem:
        fail(str(problem))
    if as_json:
        print_json(told.document())
    if not told.ok:
        raise typer.Exit(FAILED)
