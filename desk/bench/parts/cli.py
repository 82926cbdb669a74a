"""How long commands take on a warm machine, beside an import of boto3 and the help."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from desk.bench.commands import REPEG, Ran, run
from desk.bench.period import period
from desk.bench.records import store
from desk.bench.report import Part, Table, Target, number, ratio
from desk.bench.stage import Stage
from desk.bench.turns import take_turns

MOST_SECONDS = 0.5
ORDERS = 100
BARE, HELP = "import boto3", "--help"
COMMANDS: Mapping[str, Sequence[int]] = {
    HELP: (0,),
    "--version": (0,),
    "orders": (0,),
    "orders --json": (0,),
    "order ord-00001": (0,),
    "positions": (0,),
    "pnl": (0,),
    "fills": (0,),
    "refused": (0,),
    "control": (0,),
    "alarms": (0,),
    "alerts": (0,),
    "metrics": (0,),
    "local status": (0,),
    "settings show": (0,),
    "targets show": (0, 1),
    "schedules": (0,),
    "rebalances": (0,),
    "buy TQQQ 1 --dry-run": (0, 1),
}
"""What only looks, with the exit codes that are no trouble: there may be no targets, and no market."""


def measure(on: Stage, folder: Path, seconds: float, say: Callable[[str], None]) -> Part:
    """Runs each command by turns with the others, for so many seconds at most, over the orders of a small account."""
    store(on.connection.dynamodb, on.connection.table, period(ORDERS))
    things = {BARE: partial(run, [sys.executable, "-c", BARE], folder)}
    things |= {name: partial(run, [*REPEG, *name.split()], folder, codes) for name, codes in COMMANDS.items()}
    for once in things.values():
        once()  # the first run compiles
    return report(
        take_turns(
            things,
            lambda ran: ran.processor,
            seconds,
            lambda nth, left: say(f"commands, round {nth}: {left} of them"),
        )
    )


def report(found: Mapping[str, Sequence[Ran]]) -> Part:
    """The findings, from the runs of each command by its name; the least of each counts, as it was disturbed least."""
    processor = {name: min(ran.processor for ran in runs) for name, runs in found.items()}
    elapsed = {name: min(ran.elapsed for ran in runs) for name, runs in found.items()}
    memory = {name: min(ran.memory for ran in runs) for name, runs in found.items()}
    rows = [
        [
            name if name == BARE else f"repeg {name}",
            number(processor[name] * 1e3),
            number(elapsed[name] * 1e3),
            number(memory[name] / 1e6),
            ratio(processor[name] / processor[BARE]),
            ratio(processor[name] / processor[HELP]),
        ]
        for name in found
    ]
    figures = {
        name: {
            "processor_s": processor[name],
            "elapsed_s": elapsed[name],
            "memory_bytes": memory[name],
            "of_boto3": round(processor[name] / processor[BARE], 3),
            "of_help": round(processor[name] / processor[HELP], 3),
        }
        for name in found
    }
    ours = [name for name in found if name != BARE]
    table = Table(
        "Commands on a warm machine, the least of several runs",
        ["command", "processor, ms", "elapsed, ms", "MB", "of boto3", "of --help"],
        rows,
        "Processor time is the command's own, without what the local cloud does for it; elapsed is all of it.",
    )
    targets = [
        Target("slowest command, processor, seconds", max(processor[name] for name in ours), MOST_SECONDS),
        Target("slowest command, elapsed, seconds", max(elapsed[name] for name in ours), MOST_SECONDS),
    ]
    return Part("cli", figures, [table], targets)
