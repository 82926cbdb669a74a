"""Runs the AWS emulator with two changes, both about the processes that it starts to run functions in.

AWS runs fifty functions at once without a thought. The emulator gives each concurrent invocation a process of its own,
60 MB each, and past a cap fails the task as ``Lambda.Unknown``. Here the tasks of the state machines queue, in order,
for a few workers of each function.

It also unpacks every layer for every worker, a second of CPU in the one process that serves everything. Here equal
archives are unpacked once and shared, as ``/opt`` is on AWS.

A script, run by the emulator's own interpreter: ``emulator.py WORKERS CACHE``, all else by environment variables.
"""

from __future__ import annotations

import hashlib
import inspect
import os
import runpy
import sys
import threading
import types
import zipfile
from collections import defaultdict
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

EMULATOR_VERSION = "1.5.33"

Call = Callable[[str, Any], Any]


def limited(call: Call, workers: int) -> Call:
    """The same call, at most ``workers`` at a time for each function; the others wait their turn."""
    turns: defaultdict[str, threading.Semaphore] = defaultdict(lambda: threading.Semaphore(workers))
    opening = threading.Lock()

    def call_in_turn(func_ref: str, event: Any) -> Any:
        with opening:
            turn = turns[func_ref]
        with turn:
            return call(func_ref, event)

    return call_in_turn


def shared_archives(cache: Path) -> type[zipfile.ZipFile]:
    """A ``ZipFile`` that unpacks equal archives once, into ``cache``, and only links to them from then on."""
    unpacking = threading.Lock()

    class SharedZipFile(zipfile.ZipFile):
        def namelist(self) -> list[str]:
            """Nothing once unpacked: the caller's check of every name has passed before."""
            return [] if self._unpacked().exists() else super().namelist()

        def extractall(self, path: Any = None, members: Any = None, pwd: Any = None) -> None:
            target = self._unpacked()
            with unpacking:
                if not target.exists():
                    part = target.with_suffix(".part")
                    super().extractall(part, members, pwd)
                    part.rename(target)
            os.rmdir(path)
            os.symlink(target, path)

        def _unpacked(self) -> Path:
            contents = repr([(entry.filename, entry.CRC, entry.file_size) for entry in self.infolist()])
            return cache / hashlib.sha256(contents.encode()).hexdigest()

    return SharedZipFile


def change(workers: int, cache: Path) -> None:
    """Applies both changes; an emulator that is not the known one is refused."""
    from ministack.core import lambda_runtime
    from ministack.services import stepfunctions

    found = version("ministack")
    calls = inspect.signature(stepfunctions._call_lambda).parameters
    spawning = inspect.getsource(lambda_runtime.Worker._spawn)
    known = found == EMULATOR_VERSION and list(calls) == ["func_ref", "event"]
    if not known or spawning.count("extractall(") != 2 or spawning.count("zipfile.ZipFile(") != 2:
        raise SystemExit(f"ministack {found} is not {EMULATOR_VERSION}, for which these changes were written")
    stepfunctions._call_lambda = limited(stepfunctions._call_lambda, workers)
    shared = {**vars(zipfile), "ZipFile": shared_archives(cache)}
    lambda_runtime.zipfile = types.SimpleNamespace(**shared)


if __name__ == "__main__":
    change(int(sys.argv[1]), Path(sys.argv[2]))
    sys.argv = sys.argv[:1]
    runpy.run_module("ministack", run_name="__main__")
