"""A Lambda runtime on this machine: the runtime interface emulator of the SAM CLI around AWS's own Python client."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import ProxyHandler, Request, build_opener

from desk.bench.errors import BenchError
from desk.cloud.tools import ARCH
from desk.stack.place import PROJECT

PYTHON = PROJECT / ".tools/bench/bin/python"
_START_S, _ANSWER_S = 10.0, 60.0
_PRIORITY = -15
_INIT = re.compile(r"INIT REPORT\(durationMs: ([\d.]+)")
_CALL = re.compile(r"INVOKE RTDONE\(status: success.*duration: ([\d.]+)ms")
_DIRECT = build_opener(ProxyHandler({}))
# What a handler and its clients need to be built; nothing is called.
_ENVIRONMENT = {
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "local",
    "AWS_SECRET_ACCESS_KEY": "local",
    "AWS_LAMBDA_FUNCTION_NAME": "bench",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
    "AWS_LAMBDA_FUNCTION_TIMEOUT": "30",
    "POWERTOOLS_SERVICE_NAME": "repeg",
    "LOG_LEVEL": "INFO",
    "TABLE_NAME": "repeg",
    "DLQ_URL": "http://127.0.0.1:9/dlq",
    "EVENT_BUS_NAME": "repeg-events",
    "STATE_MACHINE_ARN": "arn:aws:states:us-east-1:000000000000:stateMachine:repeg-execute-order",
    "REBALANCE_MACHINE_ARN": "arn:aws:states:us-east-1:000000000000:stateMachine:repeg-rebalance-portfolio",
}


@dataclass(frozen=True)
class ColdStart:
    """Milliseconds: of the init phase, of the first call after it, and of processors that both took."""

    init_ms: float
    call_ms: float
    cpu_ms: float
    answer: str = ""


@dataclass(frozen=True)
class Deployed:
    """A function as it lies in Lambda: its own code, the folders on the path behind it, and its environment."""

    code: Path
    layers: Sequence[Path]
    event: bytes = b"{}"
    environment: Mapping[str, str] = field(default_factory=dict)


def emulator() -> Path:
    """The runtime interface emulator.

    Raises:
        BenchError: there is none for this system.
    """
    found = list((PROJECT / ".tools/sam/lib").glob(f"python*/site-packages/samcli/local/rapid/aws-lambda-rie-{ARCH}"))
    if sys.platform != "linux" or not found:
        raise BenchError("cold: the runtime interface emulator runs on Linux only")
    return found[0]


def start_cold(function: Deployed) -> ColdStart:
    """Starts the function once in a process of its own, calls it, and ends it.

    Raises:
        BenchError: it does not start or the handler fails.
    """
    ports = _two_ports()
    command = [str(emulator()), "--runtime-interface-emulator-address", f"127.0.0.1:{ports[0]}"]
    command += ["--runtime-api-address", f"127.0.0.1:{ports[1]}", str(PYTHON), "-m", "awslambdaric", "app.handler"]
    process = subprocess.Popen(
        command,
        cwd=function.code,
        env=_environment(function),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    # What waits for a processor that others have is no slower to start: where it is allowed, they wait instead.
    with suppress(PermissionError, ProcessLookupError):
        os.setpriority(os.PRIO_PGRP, process.pid, _PRIORITY)
    try:
        answer = _call(f"http://127.0.0.1:{ports[0]}/2015-03-31/functions/function/invocations", function.event)
    finally:
        said, cpu_ms = _end(process)
    init, call = _INIT.search(said), _CALL.search(said)
    if not init or not call or "errorType" in answer:
        raise BenchError(f"cold: {function.code.name} does not start: {answer[:500]} {said[-500:]}")
    return ColdStart(float(init[1]), float(call[1]), cpu_ms, answer)


def _end(process: subprocess.Popen[str]) -> tuple[str, float]:
    """Ends the emulator, which waits for the runtime; returns what they said and the milliseconds they computed."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    assert process.stdout
    with process.stdout:
        said = process.stdout.read()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    return said, (used.ru_utime + used.ru_stime) * 1000


def _environment(function: Deployed) -> dict[str, str]:
    """Layers are read-only in Lambda: nothing that is compiled here stays for the next start."""
    path = os.pathsep.join(map(str, [function.code, *function.layers]))
    where = {"LAMBDA_TASK_ROOT": str(function.code), "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}
    return {"PATH": os.defpath, "HOME": str(function.code), **_ENVIRONMENT, **function.environment, **where}


def _call(url: str, event: bytes) -> str:
    deadline = time.monotonic() + _START_S
    while True:
        try:
            with _DIRECT.open(Request(url, data=event), timeout=_ANSWER_S) as answer:
                return str(answer.read().decode())
        except HTTPError as problem:
            return f"errorType {problem.code} {problem.read().decode(errors='replace')}"
        except (URLError, ConnectionError) as problem:
            if time.monotonic() > deadline:
                raise BenchError(f"cold: the runtime does not listen: {problem}") from None
            time.sleep(0.01)


def _two_ports() -> tuple[int, int]:
    with socket.socket() as one, socket.socket() as two:
        for probe in (one, two):
            probe.bind(("127.0.0.1", 0))
        return one.getsockname()[1], two.getsockname()[1]
