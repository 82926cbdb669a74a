"""Processes that outlive the command that started them, known again by their command line."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

_POLL_S = 0.02


def is_ours(pid: int, mark: str) -> bool:
    """Whether the process is alive and carries the mark in its command line (process ids are used again)."""
    return mark in _command(pid)


def end(pid: int, mark: str, patience: float = 10.0) -> None:
    """Ends a process of ours and what it left in its group: SIGTERM, then SIGKILL after so many seconds."""
    if not is_ours(pid, mark):
        return
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    if not until(lambda: not is_ours(pid, mark), patience):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        until(lambda: not is_ours(pid, mark), patience)
    # Every process of ours leads a group of its own: workers that outlived their server are in it.
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def until(condition: Callable[[], bool], patience: float) -> bool:
    """Waits for a condition, at most so many seconds; returns whether it came true."""
    deadline = time.monotonic() + patience
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_S)
    return True


def _command(pid: int) -> str:
    proc = Path("/proc")
    if (proc / "self").exists():
        try:
            state = (proc / str(pid) / "stat").read_text().rpartition(")")[2].split()[0]
            command = (proc / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except (OSError, IndexError):
            return ""
        return "" if state == "Z" else command
    listed = subprocess.run(["ps", "-p", str(pid), "-o", "command="], capture_output=True, text=True, check=False)
    return listed.stdout
