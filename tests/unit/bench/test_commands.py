"""The parts of the benchmark that run commands: what they make of the runs."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from desk.bench.commands import Ran, run
from desk.bench.errors import BenchError
from desk.bench.parts.cli import BARE, COMMANDS, HELP
from desk.bench.parts.cli import report as cli_report
from desk.bench.parts.report import DOCUMENT, EMPTY, PAGE
from desk.bench.parts.report import report as report_report
from desk.cli.main import COMMANDS as KNOWN


def test_a_run_is_told_in_processor_time_and_memory_of_its_own(tmp_path: Path) -> None:
    ran = run([sys.executable, "-S", "-c", "bytearray(64 * 1024**2)"], tmp_path)
    assert 0 < ran.processor < 60 and ran.elapsed > 0
    assert 64 * 1024**2 < ran.memory < 128 * 1024**2
    with pytest.raises(BenchError, match="exit code 3: of no use"):
        run([sys.executable, "-S", "-c", "import sys; print('of no use', file=sys.stderr); sys.exit(3)"], tmp_path)


def test_every_command_is_one_that_there_is() -> None:
    names = {entry.partition("=")[0] for entries in KNOWN.values() for entry in entries}
    assert {name.split()[0] for name in COMMANDS if not name.startswith("-")} <= names


def test_the_slowest_command_decides_by_its_least_disturbed_run() -> None:
    found = {BARE: [Ran(0.1, 0.1, 10**7)], HELP: [Ran(0.2, 0.3, 10**7)]}
    found["orders"] = [Ran(0.9, 2.0, 10**7), Ran(0.4, 0.6, 10**7)]
    part = cli_report(found)
    assert part.figures["orders"]["of_boto3"] == 4 and part.figures["orders"]["of_help"] == 2
    assert [row[0] for row in part.tables[0].rows] == [BARE, "repeg --help", "repeg orders"]
    assert {target.name: target.ok for target in part.targets} == {
        "slowest command, processor, seconds": True,
        "slowest command, elapsed, seconds": False,
    }


def test_a_report_is_held_to_its_time_and_its_memory() -> None:
    runs = {EMPTY: Ran(0.5, 0.6, 6 * 10**7), DOCUMENT: Ran(5, 8, 2 * 10**8), PAGE: Ran(6, 11, 6 * 10**8)}
    part = report_report(10_000, runs)
    assert part.figures["html"]["processor_s"] == 6
    assert [(target.name, target.ok) for target in part.targets] == [
        ("report over 10,000 orders, processor, seconds", True),
        ("report over 10,000 orders, elapsed, seconds", False),
        ("report over 10,000 orders, MB", False),
    ]
    assert part.tables[0].rows[1] == ["10,000 orders, --json", "5 s", "8 s", "200 MB", "10.00x"]
