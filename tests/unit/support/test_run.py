"""The run itself: what hangs is ended, and children can be interrupted even where the run ignores the keyboard."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[3]
IN_THE_BACKGROUND = "trap '' INT QUIT; exec \"$@\""

INTERRUPTS = """
import signal, subprocess, sys
from tests.support.children import running

def test_a_child_is_interrupted():
    program = "import time; print('up', flush=True); time.sleep(60)"
    with running([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as child:
        child.stdout.readline()
        child.send_signal(signal.{name})
        assert child.wait(30) == -signal.{name}
"""
HANGS = """
import subprocess, sys, time

def test_it_hangs():
    time.sleep(60)

def test_its_child_hangs():
    subprocess.run([sys.executable, "-c", "import time; time.sleep(60)"])

def test_its_end_hangs():
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(10)"]):
        time.sleep(60)
"""


def ran(folder: Path, text: str, *options: str) -> subprocess.CompletedProcess[str]:
    """A run of its own with such a test, started as a shell starts what shall go on in the background."""
    (folder / "test_it.py").write_text(text)
    arguments = ["-q", "-p", "no:cacheprovider", "-c", str(PROJECT / "pyproject.toml"), f"--rootdir={PROJECT}"]
    pytest_ = [sys.executable, "-m", "pytest", *arguments, f"--confcutdir={PROJECT}", "-p", "tests.conftest", *options]
    return subprocess.run(
        ["bash", "-c", IN_THE_BACKGROUND, "bash", *pytest_, str(folder / "test_it.py")],
        cwd=PROJECT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )


@pytest.mark.parametrize("name", [signal.SIGINT.name, signal.SIGQUIT.name])
def test_children_are_interrupted_though_the_run_is_not(tmp_path: Path, name: str) -> None:
    said = ran(tmp_path, INTERRUPTS.replace("{name}", name))
    assert said.returncode == 0, said.stdout


def test_whatever_hangs_is_ended_and_named(tmp_path: Path) -> None:
    said = ran(tmp_path, HANGS, "-o", "timeout=1", "-o", "faulthandler_timeout=4", "-vv")
    assert said.returncode not in (0, 5)
    for name in ("test_it_hangs", "test_its_child_hangs"):
        assert f"{name} FAILED" in said.stdout
    assert "test_its_end_hangs" in said.stdout + said.stderr
