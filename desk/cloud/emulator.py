"""Runs the AWS emulator with six changes, all about the functions that it runs and what calls them.

AWS runs fifty functions at once without a thought. The emulator gives each concurrent invocation a process of its own,
60 MB each, and past a cap fails the task as ``Lambda.Unknown``. Here the tasks of the state machines queue, in order,
for a few workers of each function.

It also unpacks every layer for every worker, a second of CPU in the one process that serves everything. Here equal
archives are unpacked once and shared, as ``/opt`` is on AWS.

It sleeps 150 ms before the first state of every execution, and 50 ms after a look into the queues that found nothing,
such as while a batch is still being worked. Here it does not, and hardly.

After every invocation it listens up to 50 ms for lines that the function may still have to log. Here a worker marks the
end of what an invocation wrote, so that nothing is waited for, and each line is told to the invocation that wrote it.

It fires the rules that have a schedule by the wall's clock. Here the local cloud does, by the market's: schedules.py.

A script, run by the emulator's own interpreter: ``emulator.py WORKERS CACHE``, all else by environment variables.
"""

from __future__ import annotations

import hashlib
import inspect
import os
import queue
import runpy
import sys
import threading
import types
import zipfile
from collections import defaultdict
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from time import monotonic
from types import FunctionType
from typing import Any

EMULATOR_VERSION = "1.5.33"
START_PAUSE_S = 0.15
QUEUE_PAUSE_S, SHORT_QUEUE_PAUSE_S = 0.05, 0.002
# A worker that died leaves no mark.
UNMARKED_LOG_S = 0.25
END_OF_LOG = "\x1eend of log"
_ANSWER_IS_OUT = "        _real_stdout.flush()\n\nrun()"

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


def without_pause(function: FunctionType) -> None:
    """Turns the one pause in the emulator's function that walks an execution into none."""
    code = function.__code__
    constants = tuple(0 if constant == START_PAUSE_S else constant for constant in code.co_consts)
    function.__code__ = code.replace(co_consts=constants)


def marking(script: str) -> str:
    """The workers' script, changed to end each invocation's log by its mark, just before the answer goes out."""
    mark = f"{END_OF_LOG!r} + _ms_ctx.get('request_id', '') + chr(10)"
    return script.replace(
        _ANSWER_IS_OUT, f"        print({mark}, end='', file=sys.__stderr__, flush=True)\n{_ANSWER_IS_OUT}"
    )


def log_until(mark: str, lines: queue.Queue[str], patience_s: float = UNMARKED_LOG_S) -> str:
    """What a worker logged before a mark; without one, what came in ``patience_s`` seconds (the next has the rest)."""
    logged: list[str] = []
    deadline = monotonic() + patience_s
    while True:
        try:
            line = lines.get(timeout=max(0.0, deadline - monotonic()))
        except queue.Empty:
            return "\n".join(logged)
        text, end, request_id = line.partition(END_OF_LOG)
        if text or not end:
            logged.append(text)
        if end + request_id == mark:
            return "\n".join(logged)


def mark_logs(runtime: Any) -> None:
    """Lets the workers of the emulator's runtime tell where an invocation's log ends."""
    invoke = runtime.Worker.invoke

    def invoke_marked(worker: Any, event: Any, request_id: str, **more: Any) -> Any:
        worker.mark = END_OF_LOG + request_id
        return invoke(worker, event, request_id, **more)

    runtime._PYTHON_WORKER_SCRIPT = marking(runtime._PYTHON_WORKER_SCRIPT)
    runtime.Worker.invoke = invoke_marked
    runtime.Worker._drain_stderr_bounded = lambda worker: log_until(worker.mark, worker._stderr_queue)


def change(workers: int, cache: Path) -> None:
    """Applies all changes; an emulator that is not the known one is refused."""
    from ministack.core import lambda_runtime
    from ministack.services import eventbridge, lambda_svc, stepfunctions

    found = version("ministack")
    calls = inspect.signature(stepfunctions._call_lambda).parameters
    spawning = inspect.getsource(lambda_runtime.Worker._spawn)
    known = [
        found == EMULATOR_VERSION,
        list(calls) == ["func_ref", "event"],
        spawning.count("extractall(") == spawning.count("zipfile.ZipFile(") == 2,
        stepfunctions._run_execution.__code__.co_consts.count(START_PAUSE_S) == 1,
        lambda_svc._ESM_IDLE_WAKE_GAP_SECONDS == QUEUE_PAUSE_S,
        lambda_runtime._PYTHON_WORKER_SCRIPT.count(_ANSWER_IS_OUT) == 1,
        inspect.getsource(lambda_runtime.Worker.invoke).count("self._drain_stderr_bounded()") == 1,
        inspect.getsource(eventbridge._scheduler_loop).count("_tick_scheduled_rules()") == 1,
    ]
    if not all(known):
        raise SystemExit(f"ministack {found} is not {EMULATOR_VERSION}, for which these changes were written")
    stepfunctions._call_lambda = limited(stepfunctions._call_lambda, workers)
    shared = {**vars(zipfile), "ZipFile": shared_archives(cache)}
    lambda_runtime.zipfile = types.SimpleNamespace(**shared)
    without_pause(stepfunctions._run_execution)
    lambda_svc._ESM_IDLE_WAKE_GAP_SECONDS = SHORT_QUEUE_PAUSE_S
    mark_logs(lambda_runtime)
    eventbridge._tick_scheduled_rules = lambda: None


if __name__ == "__main__":
    change(int(sys.argv[1]), Path(sys.argv[2]))
    sys.argv = sys.argv[:1]
    runpy.run_module("ministack", run_name="__main__")
