"""The process that holds a local cloud together: it starts emulator and exchange, and stops both.

In between it fires the schedules, and keeps watch over metrics and alarms.

``python -m desk.cloud.supervisor FOLDER ENDPOINT_PORT EXCHANGE_PORT SPEED START ROLES KEEPING``. It restarts nothing:
when one of the two ends, the other is ended, the log says so, and the cloud is down.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from desk.cloud.keeping import close_intake, keep
from desk.cloud.schedules import Schedules
from desk.cloud.tools import Tools, find_tools
from desk.cloud.watch.watch import keep_watch
from desk.exchange.process import ExchangeProcess, launch
from desk.stack.connection import connect_local
from desk.stack.place import Place, Processes
from desk.stack.processes import end, until

# Of each function; 60 MB each: fifty orders at once stay well below 2.5 GB, and two cores can breathe.
WORKERS = 4
ENFORCED = "enforced"
KEPT = "kept"
_START_S = 30.0
_EMULATOR = Path(__file__).with_name("emulator.py")


def main() -> int:
    """Runs until SIGTERM (exit code 0), or until the emulator or the exchange ends (1)."""
    folder, endpoint_port, exchange_port, speed, start, roles, keeping = sys.argv[1:]
    keeps = keeping == KEPT
    stop = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stop.set())
    # Started by a shell's background job, we would ignore it, and so would all that we start.
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)
    place = Place(Path(folder))
    place.forget()
    place.scratch.mkdir(parents=True)
    exchange = _start_exchange(place, int(exchange_port), speed, start, keeps)
    emulator = start_emulator(place, find_tools(), int(endpoint_port), float(speed), roles)
    try:
        return _run(place, emulator, exchange, f"http://127.0.0.1:{endpoint_port}", float(speed), stop, keeps)
    finally:
        _stop(place, emulator, exchange, keeps)
        shutil.rmtree(place.scratch, ignore_errors=True)


def _stop(place: Place, emulator: subprocess.Popen[bytes], exchange: ExchangeProcess, keeps: bool) -> None:
    """Ends both; where what they hold is kept, the exchange first: no record is older than what was sent for it."""
    ready, mark = place.stack(), str(place.folder)
    try:
        if keeps and ready and emulator.poll() is None:
            connection = connect_local(ready)
            was_on = close_intake(connection)
            end(exchange.process.pid, mark)
            kept = keep(place, connection, was_on)
            _say("what it held is kept" if kept else "what it held is not kept: the exchange had ended before")
    except Exception as problem:
        _say(f"what it held is not kept: {problem}")
    finally:
        end(emulator.pid, mark)
        end(exchange.process.pid, mark)


def _run(
    place: Place,
    emulator: subprocess.Popen[bytes],
    exchange: ExchangeProcess,
    endpoint_url: str,
    speed: float,
    stop: threading.Event,
    keeps: bool,
) -> int:
    if not until(lambda: listens(endpoint_url) or emulator.poll() is not None or stop.is_set(), _START_S):
        _say("the emulator did not answer in time")
        return 1
    place.say_processes(
        Processes(os.getpid(), emulator.pid, exchange.process.pid, endpoint_url, exchange.url, speed, keeps)
    )
    schedules = Schedules(endpoint_url, exchange.control)
    threading.Thread(target=keep_watch, args=(place, stop), daemon=True).start()
    while not stop.wait(schedules.pause(speed)):
        for name, process in (("emulator", emulator), ("exchange", exchange.process)):
            if process.poll() is not None:
                _say(f"the {name} ended with exit code {process.returncode}; the local cloud is down")
                return 1
        ready = place.stack()
        if ready:
            schedules.look(ready)
    return 0


def _start_exchange(place: Place, port: int, speed: str, start: str, keeps: bool) -> ExchangeProcess:
    if keeps:
        place.kept_exchange.parent.mkdir(parents=True, exist_ok=True)
        # Of a cloud that died: it is no half of what this one will hold.
        place.kept_exchange.with_name(f"{place.kept_exchange.name}.new").unlink(missing_ok=True)
    with place.log("exchange").open("wb") as log:
        return launch(
            place.folder / "exchange.port",
            port=port,
            speed=speed,
            start=start,
            clock_file=place.clock,
            state_file=place.kept_exchange if keeps else None,
            log=log,
            detached=True,
        )


def start_emulator(
    place: Place, tools: Tools, port: int, speed: float = 1, roles: str = "trusted"
) -> subprocess.Popen[bytes]:
    """Starts it with a bare environment: the functions' workers inherit all of it."""
    cache = place.scratch / "unpacked"
    cache.mkdir()
    environment = {
        "PATH": f"{tools.cloud.parent}{os.pathsep}{os.defpath}",
        "HOME": str(place.scratch),
        "TMPDIR": str(place.scratch),
        "GATEWAY_PORT": str(port),
        "BIND_HOST": "127.0.0.1",
        "MINISTACK_HOST": "127.0.0.1",
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "DOCKER_HOST": f"unix://{place.scratch}/no-docker",
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "SFN_WAIT_SCALE": f"{1 / speed:.6g}",
        "LOG_LEVEL": "WARNING",
        "AUTH": "true" if roles == ENFORCED else "false",
    }
    with place.log("emulator").open("wb") as log:
        return subprocess.Popen(
            [str(tools.cloud), "-P", str(_EMULATOR), str(WORKERS), str(cache), str(place.clock)],
            cwd=place.scratch,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def listens(endpoint_url: str) -> bool:
    """Whether the emulator answers."""
    from urllib.request import ProxyHandler, build_opener

    try:
        with build_opener(ProxyHandler({})).open(f"{endpoint_url}/_ministack/health", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def _say(line: str) -> None:
    print(f"{time.strftime('%Y-%m-%dT%H:%M:%S%z')} {line}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
