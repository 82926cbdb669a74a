"""Ending what is ours, and only that."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from desk.stack.processes import end, is_ours, until
from tests.support.children import running

SLEEP = "import time; print('on', flush=True); time.sleep(60)"
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('on', flush=True); time.sleep(60)"


def started(code: str, mark: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", code, mark], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stdout and process.stdout.readline() == "on\n"
    return process


@pytest.mark.parametrize("code", [SLEEP, STUBBORN])
def test_a_process_of_ours_is_ended(code: str, tmp_path: Path) -> None:
    with started(code, str(tmp_path)) as process:
        assert is_ours(process.pid, str(tmp_path))
        end(process.pid, str(tmp_path), patience=0.3)
        assert process.wait(60) < 0
        assert not is_ours(process.pid, str(tmp_path))


def test_a_process_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    with started(SLEEP, "somebody-else") as process:
        end(process.pid, str(tmp_path))
        assert process.poll() is None
        process.kill()


def test_what_a_server_left_running_is_ended_with_it(tmp_path: Path) -> None:
    left = "import subprocess, sys; c = subprocess.Popen([sys.executable, '-c', sys.argv[1]], stdout=subprocess.PIPE); "
    left += "c.stdout.readline(); print(c.pid, flush=True); c.wait()"
    with running(
        [sys.executable, "-c", left, STUBBORN, str(tmp_path)], stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as server:
        assert server.stdout
        worker = int(server.stdout.readline())
        assert is_ours(worker, STUBBORN)
        end(server.pid, str(tmp_path))
        assert until(lambda: not is_ours(worker, STUBBORN), 60)


def test_a_process_that_is_gone_is_nobodys() -> None:
    with running([sys.executable, "-c", ""]) as process:
        process.wait(60)
    assert not is_ours(process.pid, "python")


def test_until_gives_up_after_its_patience() -> None:
    assert until(lambda: True, 0)
    assert not until(lambda: False, 0.01)
