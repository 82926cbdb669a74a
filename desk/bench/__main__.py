"""`python -m desk.bench`: measures everything, or the parts asked for, and prints tables or one JSON document."""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from desk.bench.errors import BenchError
from desk.bench.report import Part, Report, show
from desk.cloud.errors import CloudError

if TYPE_CHECKING:
    from desk.bench.artefacts import Artefacts

ON_ARTEFACTS = ("cold", "size")
ON_CLOUD = ("first", "cost", "latency", "burst", "rebalance", "memory", "cli", "blotter", "report")
PARTS = (*ON_ARTEFACTS, "exchange", *ON_CLOUD)
_NARROWEST = 140
_INTERRUPTED, _ENDED = 130, 143
COLD_SECONDS, FIRST_SECONDS, CLI_SECONDS = 50, 30, 30
COST_ROUNDS, LATENCY_ROUNDS = 3, 30

Say = Callable[[str], None]


def main(arguments: Sequence[str] | None = None) -> int:
    """0; with `--strict`, 1 when a target does not hold; 1 when something cannot be measured; 2 for bad arguments."""
    options = _options(arguments)
    console = Console(stderr=True, highlight=False)
    started = time.monotonic()
    report = Report(_machine())
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(_ENDED))  # unwinds, and so stops what was started
    try:
        with tempfile.TemporaryDirectory(prefix="repeg-bench-") as folder:
            _run(report, options.only, Path(folder).resolve(), lambda line: _say(console, started, line))
    except (BenchError, CloudError) as problem:
        console.print(str(problem), style="red", markup=False)
        return 1
    except KeyboardInterrupt:
        return _INTERRUPTED
    report.seconds = time.monotonic() - started
    if options.json:
        print(json.dumps(report.document(), indent=2))
    else:
        out = Console(highlight=False)
        show(report, out if out.is_terminal else Console(highlight=False, width=_NARROWEST))
    return 1 if options.strict and not report.ok else 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--only", type=_parts, default=PARTS, metavar="PART,...", help=f"of {', '.join(PARTS)}")
    parser.add_argument("--strict", action="store_true", help="exit with 1 when a target does not hold")
    return parser.parse_args(arguments)


def _parts(text: str) -> tuple[str, ...]:
    wanted = text.split(",")
    unknown = [name for name in wanted if name not in PARTS]
    if unknown:
        raise argparse.ArgumentTypeError(f"{unknown[0]!r} is none of {', '.join(PARTS)}")
    return tuple(name for name in PARTS if name in wanted)


def _run(report: Report, wanted: Sequence[str], folder: Path, say: Say) -> None:
    artefacts = None
    if any(name in wanted for name in (*ON_ARTEFACTS, "first")):
        artefacts = _artefacts(folder, say)
        report.parts += _on_artefacts(wanted, artefacts, folder, say)
    if "exchange" in wanted:
        report.parts.append(_on_exchange(say))
    if any(name in wanted for name in ON_CLOUD):
        report.parts += _on_cloud(wanted, artefacts, folder, say)


def _artefacts(folder: Path, say: Say) -> Artefacts:
    from desk.bench.artefacts import gather
    from desk.bench.parts import cold

    say("building, and laying a plain install beside it")
    return gather(folder, cold.ORDER_PATH)


def _on_artefacts(wanted: Sequence[str], artefacts: Artefacts, folder: Path, say: Say) -> list[Part]:
    from desk.bench.parts import cold, size

    parts = [cold.measure(artefacts, folder, COLD_SECONDS, say)] if "cold" in wanted else []
    if "size" in wanted:
        say("packing the layers")
        parts.append(size.measure(artefacts, folder))
    return parts


def _on_exchange(say: Say) -> Part:
    from desk.bench.parts import exchange

    return exchange.measure(say)


def _on_cloud(wanted: Sequence[str], artefacts: Artefacts | None, folder: Path, say: Say) -> list[Part]:
    from desk.bench.parts import blotter, burst, cli, cost, first, latency, memory, rebalance
    from desk.bench.parts import report as reported
    from desk.bench.stage import stage

    parts = []
    with stage(folder / "cloud", say) as on:
        watch = memory.MemoryWatch(on.processes())
        try:
            if artefacts and "first" in wanted:
                parts.append(first.measure(on, artefacts, folder, FIRST_SECONDS, say))
            if "cost" in wanted:
                parts.append(cost.measure(on, COST_ROUNDS, say))
            if "latency" in wanted:
                parts.append(latency.measure(on, LATENCY_ROUNDS, say))
            if "burst" in wanted:
                parts.append(burst.measure(on, say))
            if "rebalance" in wanted:
                parts.append(rebalance.measure(on, say))
        finally:
            watch.stop()
        if "memory" in wanted:
            now = watch.now()
            parts.append(memory.report(watch.first, max(watch.highest, now), now))
        if "cli" in wanted:
            parts.append(cli.measure(on, folder, CLI_SECONDS, say))
        # Last: their orders are nobody's, and would be in the way of all else.
        if "blotter" in wanted:
            reason = blotter.missing()
            if reason and len(wanted) > 1:
                say(f"NOT MEASURED: {reason}")
            else:
                parts.append(blotter.measure(on, say))
        if "report" in wanted:
            parts.append(reported.measure(on, folder, say))
        say("stopping the local cloud")
    return parts


def _machine() -> dict[str, Any]:
    return {
        "system": platform.system(),
        "architecture": platform.machine(),
        "python": platform.python_version(),
        "processors": os.cpu_count(),
        "load": os.getloadavg()[0],
    }


def _say(console: Console, started: float, line: str) -> None:
    console.print(f"{time.monotonic() - started:5.0f} s  {line}", style="dim", markup=False)


if __name__ == "__main__":
    sys.exit(main())
