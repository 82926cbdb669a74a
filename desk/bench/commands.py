"""Commands run as a user runs them: what each takes of a processor, of time and of memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from desk.bench.errors import BenchError

REPEG = (sys.executable, "-c", "from desk.cli.main import main; main()")
# A process of its own starts it: what it inherits of memory would count as its own.
_LAUNCHER = """
import json, resource, subprocess, sys, time
started = time.perf_counter()
code = subprocess.run(sys.argv[1:], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL).returncode
seconds, used = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps([code, used.ru_utime + used.ru_stime, seconds, used.ru_maxrss]))
"""
_LONGEST_S = 120


@dataclass(frozen=True)
class Ran:
    """One run. Processor time, user's and system's, and time elapsed in seconds; memory at its highest in bytes."""

    processor: float
    elapsed: float
    memory: int


def run(command: Sequence[str], folder: Path, codes: Sequence[int] = (0,)) -> Ran:
    """Runs a command with byte code of its own in `folder`, as on a machine where it was run before.

    Raises:
        BenchError: it ended with another exit code than those.
    """
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPYCACHEPREFIX"] = str(folder / "byte-code")
    launched = subprocess.run(
        [sys.executable, "-c", _LAUNCHER, *command],
        env=environment,
        capture_output=True,
        text=True,
        timeout=_LONGEST_S,
        check=True,
    )
    code, processor, elapsed, memory = json.loads(launched.stdout)
    if code not in codes:
        raise BenchError(f"{' '.join(command[-3:])}: ended with exit code {code}: {launched.stderr.strip()[-300:]}")
    # Linux tells kilobytes, macOS bytes.
    return Ran(processor, elapsed, memory if sys.platform == "darwin" else memory * 1024)
