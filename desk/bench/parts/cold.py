"""Cold start: how long Lambda would need before a function's first event, beside two plainer ways to deploy it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from desk.bench.artefacts import Artefacts
from desk.bench.report import Part, Table, Target, number, ratio, span
from desk.bench.runtime import ColdStart, Deployed, start_cold
from desk.bench.sample import Sample, average, sample
from desk.bench.turns import take_turns

ORDER_PATH = (
    "accept_signal",
    "assess_market",
    "place_order",
    "check_fill",
    "cancel_order",
    "protect_position",
    "release_protection",
    "unwind_position",
    "secure_position",
    "record_outcome",
)
_OTHERS = ("bare", "plain", "plain native")
_AVERAGE = "average"
MOST_OF_NATIVE, MOST_OF_PLAIN = 0.25, 0.50
SLOWEST_OF_PLAIN = 0.55
"""AcceptSignal reads what strangers send, and pays for what checks it."""
PLAIN = (
    "import boto3\nfrom alpaca.trading.client import TradingClient\n\n\ndef handler(event, context):\n    return {}\n"
)
BARE = "def handler(event, context):\n    return {}\n"
_EVENTS = {"accept_signal": b'{"Records": []}'}
_WARM_UP = b'{"warm_up": true}'


def measure(artefacts: Artefacts, folder: Path, seconds: float, say: Callable[[str], None]) -> Part:
    """Starts everything by turns, so that noise falls on all alike, for so many seconds at most."""
    functions = _functions(artefacts, folder)
    for name in (*_OTHERS, f"ours {ORDER_PATH[0]}", f"native {ORDER_PATH[0]}"):
        start_cold(functions[name])  # the first start reads from the disk
    return report(
        take_turns(
            {name: partial(start_cold, function) for name, function in functions.items()},
            lambda start: start.init_ms,
            seconds,
            lambda nth, left: say(f"cold starts, round {nth}: {left} handlers"),
            often=("plain",),
        )
    )


def report(found: Mapping[str, Sequence[ColdStart]]) -> Part:
    """The findings, from the starts of each function by name (`ours X`, `native X`, `plain ...`, `bare`)."""
    inits = {name: sample(start.init_ms for start in starts) for name, starts in found.items()}
    cpu = {name: sample(start.cpu_ms for start in starts) for name, starts in found.items()}
    for way in ("ours", "native"):
        for samples in (inits, cpu):
            samples[f"{way} {_AVERAGE}"] = average(samples[f"{way} {name}"] for name in ORDER_PATH)
    rows, figures = [], {}
    for name in (*ORDER_PATH, _AVERAGE):
        ours, native = f"ours {name}", f"native {name}"
        beside = {"native": native, "plain": "plain", "plain_native": "plain native"}
        of = {f"of_{way}": fastest_ratio(inits[ours], inits[other]) for way, other in beside.items()}
        cpu_of = {f"cpu_of_{way}": fastest_ratio(cpu[ours], cpu[other]) for way, other in beside.items()}
        rows.append([name, *_cells(inits[ours]), *_cells(inits[native]), *map(ratio, of.values())])
        rows[-1] += [number(cpu[ours].median), *map(ratio, cpu_of.values())]
        figures[name] = {
            "init_ms": inits[ours].document(),
            "native_init_ms": inits[native].document(),
            "cpu_ms": cpu[ours].document(),
            "native_cpu_ms": cpu[native].document(),
            **{way: round(value, 3) for way, value in (of | cpu_of).items()},
        }
    others = {name: {"init_ms": inits[name].document(), "cpu_ms": cpu[name].document()} for name in _OTHERS}
    baselines = []
    for name in _OTHERS:
        baselines.append([name, *_cells(inits[name]), str(inits[name].n)])
        baselines[-1].append(ratio(fastest_ratio(inits[name], inits["plain"])))
        baselines[-1] += [number(cpu[name].median), ratio(fastest_ratio(cpu[name], cpu["plain"]))]
    tables = [_functions_table(rows, inits), _baselines_table(baselines)]
    return Part("cold", {"functions": figures, "baselines": others}, tables, _targets(figures))


def fastest_ratio(ours: Sample, other: Sample) -> float:
    """By the fastest: whatever else the machine does only ever adds to a start."""
    return ours.low / other.low


def _functions_table(rows: list[list[str]], inits: dict[str, Sample]) -> Table:
    return Table(
        f"Cold start: init phase in ms, median of {span(each.n for each in inits.values())} (lowest to highest)",
        [
            "function",
            "ours",
            "",
            "native",
            "",
            "of native",
            "of plain",
            "of p. native",
            "CPU",
            "native",
            "plain",
            "p. nat.",
        ],
        rows,
        "native: the same function on a plain install (everything whole, no byte code, alpaca-py beside it).\n"
        "plain, p. native: the handlers of the next table. Ratios compare the fastest starts; each handler is started\n"
        "until its two fastest agree. CPU: ms of processor until a call that does nothing is answered, and its\n"
        "ratios: other work on the machine changes these least; while there is any, they are the ones to believe.",
    )


def _baselines_table(rows: list[list[str]]) -> Table:
    return Table(
        "Baselines of the cold start: init phase in ms",
        ["handler", "median", "", "n", "of plain", "CPU", "of plain"],
        rows,
        "plain: imports alpaca.trading.client and boto3, on a plain install with byte code like ours;\n"
        "plain native: the same without byte code, as sam build leaves it. bare: imports nothing.",
    )


def _targets(figures: dict[str, dict[str, Any]]) -> list[Target]:
    found = []
    for which in ("slowest function", "average function"):
        slowest = which == "slowest function"
        each, plain = (list(figures.values()), SLOWEST_OF_PLAIN) if slowest else ([figures[_AVERAGE]], MOST_OF_PLAIN)
        for of, beside, most in (
            ("of_native", "the same on native layers", MOST_OF_NATIVE),
            ("of_plain_native", "a plain handler on native layers", MOST_OF_NATIVE),
            ("of_plain", "a plain import with equal byte code", plain),
        ):
            found.append(Target(f"cold start, {which}, of {beside}", max(figure[of] for figure in each), most))
    return found


def _cells(each: Sample) -> list[str]:
    return [number(each.median), f"({each.low:.0f} to {each.high:.0f})"]


def plain_handlers(artefacts: Artefacts, folder: Path) -> dict[str, Deployed]:
    """The handlers that are no function of ours."""
    plain, bare = _write(folder / "plain", PLAIN), _write(folder / "bare", BARE)
    return {
        "bare": Deployed(bare, artefacts.ours),
        "plain": Deployed(plain, artefacts.compiled),
        "plain native": Deployed(plain, artefacts.native),
    }


def _functions(artefacts: Artefacts, folder: Path) -> dict[str, Deployed]:
    functions = plain_handlers(artefacts, folder)
    for name in ORDER_PATH:
        code, event = artefacts.functions[name], _EVENTS.get(name, _WARM_UP)
        functions[f"ours {name}"] = Deployed(code, artefacts.ours, event)
        functions[f"native {name}"] = Deployed(code, artefacts.native, event)
    return functions


def _write(folder: Path, code: str) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "app.py").write_text(code)
    return folder
