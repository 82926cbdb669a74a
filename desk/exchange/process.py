"""Starting the exchange as a process of its own, for the local cloud, demos and tests."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from desk.exchange.client import ExchangeControl

_POLL_S = 0.02
# Time to write its state; an exchange that hangs must not hang whoever stops it.
_STOP_S = 5.0


@dataclass(frozen=True)
class ExchangeProcess:
    """A running exchange: its base URL, its control client and its process."""

    url: str
    control: ExchangeControl
    process: subprocess.Popen[bytes]


def launch(
    port_file: Path,
    *,
    port: int = 0,
    speed: float | str = 1,
    start: str | None = None,
    clock_file: Path | None = None,
    state_file: Path | None = None,
    log: IO[bytes] | None = None,
    detached: bool = False,
    timeout: float = 60.0,
) -> ExchangeProcess:
    """Start an exchange and return once it listens; the caller ends it.

    `start` is an RFC 3339 market time, `timeout` wall seconds; `detached` lets it outlive its parent; `clock_file` will
    say how its clock runs. With `state_file` it begins with what is in it, and writes the same, `.new`, as it ends.
    Raises RuntimeError if it does not come up.
    """
    # One from an earlier run would be taken for this one's.
    port_file.unlink(missing_ok=True)
    # The same Python, with what it has installed: `python` on the path may be another.
    command = [sys.executable, "-m", "desk.exchange", "--port", str(port), "--speed", str(speed)]
    command += ["--port-file", str(port_file), *(["--start", start] if start else [])]
    command += ["--clock-file", str(clock_file)] if clock_file else []
    command += ["--state-file", str(state_file)] if state_file else []
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=log, start_new_session=detached)
    deadline = time.monotonic() + timeout
    while not port_file.exists():
        if process.poll() is not None:
            raise RuntimeError(f"the exchange ended with exit code {process.returncode}")
        if time.monotonic() > deadline:
            stop(process)
            raise RuntimeError(f"the exchange did not listen within {timeout} s")
        time.sleep(_POLL_S)
    url = f"http://127.0.0.1:{port_file.read_text().strip()}"
    return ExchangeProcess(url, ExchangeControl(url), process)


def stop(process: subprocess.Popen[bytes]) -> int:
    """End the process (SIGTERM, then kill); returns its exit code."""
    process.terminate()
    try:
        return process.wait(_STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


@contextmanager
def start_exchange(*, speed: float | str = 1, start: str | None = None, port: int = 0) -> Iterator[ExchangeProcess]:
    """An exchange for the length of a with-block."""
    with tempfile.TemporaryDirectory() as folder:
        running = launch(Path(folder) / "port", port=port, speed=speed, start=start)
        try:
            yield running
        finally:
            stop(running.process)
