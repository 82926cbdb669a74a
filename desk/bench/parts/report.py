"""The execution report over ten thousand orders, as a document and as a page."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from desk.bench.commands import REPEG, Ran, run
from desk.bench.period import period
from desk.bench.records import store
from desk.bench.report import Part, Table, Target, number, ratio
from desk.bench.stage import Stage

ORDERS = 10_000
MOST_SECONDS, MOST_MEGABYTES = 10, 500
EMPTY, DOCUMENT, PAGE = "no orders", "--json", "--html"
_MEGABYTE = 1_000_000
_NEVER = ("--since", "2031-01-01", "--json")


def measure(on: Stage, folder: Path, say: Callable[[str], None], orders: int = ORDERS) -> Part:
    """Puts the records of a made up period into the table, and runs `repeg report` over them."""
    say(f"writing {orders} orders")
    store(on.connection.dynamodb, on.connection.table, period(orders))
    asked = {EMPTY: _NEVER, DOCUMENT: ("--json",), PAGE: ("--html", str(folder / "report.html"))}
    ran = {}
    for name, options in asked.items():
        say(f"repeg report, {name}")
        # Once over no orders: byte code is compiled.
        run([*REPEG, "report", *options, *(() if name is EMPTY else _NEVER[:2])], folder)
        ran[name] = run([*REPEG, "report", *options], folder)
    return report(orders, ran)


def report(orders: int, ran: Mapping[str, Ran]) -> Part:
    """The findings, from a run over no orders, one that ends in a document, and one that ends in a page."""
    empty = ran[EMPTY]
    rows = [
        [
            name if name is EMPTY else f"{orders:,} orders, {name}",
            number(each.processor, "s"),
            number(each.elapsed, "s"),
            number(each.memory / _MEGABYTE, "MB"),
            ratio(each.processor / empty.processor),
        ]
        for name, each in ran.items()
    ]
    figures = {
        name.strip("-").replace(" ", "_"): {
            "processor_s": each.processor,
            "elapsed_s": each.elapsed,
            "memory_bytes": each.memory,
        }
        for name, each in ran.items()
    }
    table = Table(
        "The execution report",
        ["over", "processor", "elapsed", "memory", "of none"],
        rows,
        "From the local cloud's table to the end of the command. Elapsed includes what the local cloud takes.",
    )
    over = [each for name, each in ran.items() if name is not EMPTY]
    targets = [
        Target(
            f"report over {orders:,} orders, processor, seconds", max(each.processor for each in over), MOST_SECONDS
        ),
        Target(f"report over {orders:,} orders, elapsed, seconds", max(each.elapsed for each in over), MOST_SECONDS),
        Target(f"report over {orders:,} orders, MB", max(each.memory for each in over) / _MEGABYTE, MOST_MEGABYTES),
    ]
    return Part("report", figures | {"orders": orders}, [table], targets)
