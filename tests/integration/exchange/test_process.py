"""The process: arguments, port file, start and end."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from desk.exchange.process import launch, stop


def test_it_starts_at_the_given_time_and_speed_and_ends_cleanly(tmp_path: Path) -> None:
    running = launch(tmp_path / "port", speed=20, start="2026-11-27T12:59:00-05:00")
    try:
        assert running.control.health()
        reading = running.control.clock()
        assert reading.speed == 20
        assert "2026-11-27T17:59:00" <= reading.now < "2026-11-27T18:01:00"
    finally:
        code = stop(running.process)
    assert code == 0
    assert not running.control.health()


@pytest.mark.parametrize(
    ("arguments", "named"),
    [(["--start", "noon"], "--start"), (["--start", "2031-01-01T00:00:00Z"], "--start"), (["--speed", "0"], "--speed")],
)
def test_bad_arguments(arguments: list[str], named: str) -> None:
    command = [sys.executable, "-m", "desk.exchange", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert named in done.stderr
