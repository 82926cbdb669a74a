"""Cold start: how long Lambda would need before a function's first event, beside two plainer ways to deploy it."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

from desk.bench.artefacts import Artefacts
from desk.bench.report import Part, Table, Target, number, ratio
from desk.bench.runtime import ColdStart, Deployed, start_cold
from desk.bench.sample import Sample, sample

ORDER_PATH = (
    "accept_signal",
    "assess_market",
    "place_order",
    "check_fill",
    "cancel_order",
    "protect_position",
    "record_outcome",
)
_OTHERS = ("bare", "plain", "plain native", "plain on our layers")
NATIVE_ROUNDS = 3
MOST_OF_NATIVE, MOST_OF_PLAIN = 0.25, 0.65
PLAIN = (
    "import boto3\nfrom alpaca.trading.client import TradingClient\n\n\ndef handler(event, context):\n    return {}\n"
)
BARE = "def handler(event, context):\n    return {}\n"
_EVENTS = {"accept_signal": b'{"Records": []}'}
_WARM_UP = b'{"warm_up": true}'


def measure(artefacts: Artefacts, folder: Path, rounds: int, say: Callable[[str], None]) -> Part:
    """Starts everything `rounds` times, one after the other and in ever new turns, so that noise falls on all alike."""
    functions = _functions(artefacts, folder)
    for name in (*_OTHERS, f"ours {ORDER_PATH[0]}", f"native {ORDER_PATH[0]}"):
        start_cold(functions[name])  # the first start reads from the disk
    found: dict[str, list[ColdStart]] = defaultdict(list)
    for nth in range(rounds):
        say(f"cold starts, round {nth + 1} of {rounds}")
        for name, function in random.Random(nth).sample(list(functions.items()), len(functions)):
            if nth < NATIVE_ROUNDS or not name.startswith("native"):
                found[name].append(start_cold(function))
    return report(found)


def report(found: dict[str, list[ColdStart]]) -> Part:
    """The findings, from the starts of each function by name (`ours X`, `native X`, `plain ...`, `bare`)."""
    inits = {name: sample(start.init_ms for start in starts) for name, starts in found.items()}
    calls = {name: sample(start.call_ms for start in starts) for name, starts in found.items()}
    cpu = {name: sample(start.cpu_ms for start in starts) for name, starts in found.items()}
    plain, plain_native = inits["plain"], inits["plain native"]
    rows, figures = [], {}
    for name in ORDER_PATH:
        ours, native = inits[f"ours {name}"], inits[f"native {name}"]
        rows.append([name, *_cells(ours), *_cells(native), ratio(ours.to(native)), ratio(ours.to(plain))])
        rows[-1] += [ratio(ours.to(plain_native)), number(calls[f"ours {name}"].median)]
        rows[-1] += [number(cpu[f"ours {name}"].median), ratio(cpu[f"ours {name}"].to(cpu["plain"]))]
        figures[name] = {
            "init_ms": ours.document(),
            "first_call_ms": calls[f"ours {name}"].document(),
            "native_init_ms": native.document(),
            "of_native": round(ours.to(native), 3),
            "of_plain": round(ours.to(plain), 3),
            "of_plain_native": round(ours.to(plain_native), 3),
            "cpu_ms": cpu[f"ours {name}"].document(),
            "cpu_of_native": round(cpu[f"ours {name}"].to(cpu[f"native {name}"]), 3),
            "cpu_of_plain": round(cpu[f"ours {name}"].to(cpu["plain"]), 3),
        }
    others = {name: inits[name] for name in _OTHERS}
    baselines = [
        [name, *_cells(each), str(each.n), ratio(each.to(plain)), number(cpu[name].median)]
        for name, each in others.items()
    ]
    fastest = {name: each.low for name, each in inits.items()}
    worst = max(fastest[f"ours {name}"] for name in ORDER_PATH)
    worst_native = max(fastest[f"ours {name}"] / fastest[f"native {name}"] for name in ORDER_PATH)
    return Part(
        "cold",
        {"functions": figures, "baselines": {name: each.document() for name, each in others.items()}},
        [
            Table(
                f"Cold start: init phase in ms, median of {plain.n} (lowest to highest; native of {NATIVE_ROUNDS})",
                [
                    "function",
                    "ours",
                    "",
                    "native",
                    "",
                    "of native",
                    "of plain",
                    "of p. native",
                    "1st call",
                    "CPU",
                    "of plain",
                ],
                rows,
                "native: the same function on the layers as a plain install leaves them (pandas, no byte code).\n"
                "CPU: ms of processor until the first call is answered; other work on the machine changes it least.",
            ),
            Table(
                "Baselines of the cold start: init phase in ms",
                ["handler", "median", "", "n", "of plain", "CPU"],
                baselines,
                "plain: imports alpaca.trading.client and boto3, on a plain install with byte code like ours;\n"
                "plain native: the same without byte code, as sam build leaves it. bare: imports nothing.",
            ),
        ],
        [
            # What else runs only ever adds to a start, so the fastest ones compare best.
            Target("cold start, slowest function, of the same on native layers", worst_native, MOST_OF_NATIVE),
            Target(
                "cold start, slowest function, of a plain handler on native layers",
                worst / fastest["plain native"],
                MOST_OF_NATIVE,
            ),
            Target(
                "cold start, slowest function, of a plain import with equal byte code",
                worst / fastest["plain"],
                MOST_OF_PLAIN,
            ),
        ],
    )


def _cells(each: Sample) -> list[str]:
    return [number(each.median), f"({each.low:.0f} to {each.high:.0f})"]


def _functions(artefacts: Artefacts, folder: Path) -> dict[str, Deployed]:
    plain, bare = _write(folder / "plain", PLAIN), _write(folder / "bare", BARE)
    functions = {
        "bare": Deployed(bare, artefacts.ours),
        "plain": Deployed(plain, artefacts.compiled),
        "plain native": Deployed(plain, artefacts.native),
        "plain on our layers": Deployed(plain, artefacts.ours),
    }
    for name in ORDER_PATH:
        code, event = artefacts.functions[name], _EVENTS.get(name, _WARM_UP)
        functions[f"ours {name}"] = Deployed(code, artefacts.ours, event)
        functions[f"native {name}"] = Deployed(code, artefacts.native, event)
    return functions


def _write(folder: Path, code: str) -> Path:
    folder.mkdir()
    (folder / "app.py").write_text(code)
    return folder
