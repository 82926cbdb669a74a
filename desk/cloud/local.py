"""The local cloud: start it, stop it, ask about it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from desk.cloud.build import build
from desk.cloud.deploy import deploy, give_keys, invoke, put_quotes, warm, widen_for_emulator
from desk.cloud.errors import CloudError, CloudRefused
from desk.cloud.keeping import is_kept, put_back
from desk.cloud.supervisor import ENFORCED, KEPT
from desk.cloud.tools import find_tools
from desk.exchange.__main__ import DEFAULT_START
from desk.exchange.client import ExchangeControl
from desk.exchange.market.moments import from_ns, parse_instant
from desk.stack.connection import connect_local
from desk.stack.place import Place, Processes, Status, here, locked, status
from desk.stack.processes import end, is_ours, until
from desk.stack.schedules import Desk

STACK = "repeg"
ENDPOINT_PORT, EXCHANGE_PORT = 4566, 4567
_START_S, _STOP_S = 45.0, 20.0
# The sweeper needs so many wall seconds for its first run, after which the market's clock shall just read `start`.
_SETTLE_S = 2.5
# Two clouds that start at once would find the same ports free.
_PORTS = Path(tempfile.gettempdir()) / "repeg-ports.lock"

Step = Callable[[str], AbstractContextManager[None]]


def quietly(_: str) -> AbstractContextManager[None]:
    """A step that tells nobody."""
    return nullcontext()


def up(
    *,
    speed: float | None = None,
    start: str | None = None,
    enforce_roles: bool = False,
    schedules: bool = False,
    kept: bool = False,
    step: Step = quietly,
) -> Status:
    """Starts the local cloud detached, unless it is up already, and returns when it is ready.

    ``speed`` is market seconds per wall second (1); ``start`` the market time, RFC 3339, that the clock then reads
    (10:00 in New York on a regular day). With ``enforce_roles`` the emulator refuses, as AWS does, what a function's
    role does not allow; it then takes no other access key than ``local``. With ``schedules`` all of them are on, and
    fired on market time. With ``kept`` it goes on with what the last such one held, from its market time on, and keeps
    what it holds when it stops. ``step`` is told what is being done.

    Raises:
        CloudRefused: it is up at another speed, or without the schedules or the keeping that are wanted.
        CloudError: it could not be started; nothing is left running.
    """
    place = here()
    with place.locked():
        running = status()
        if running.up:
            return _as_asked(running, speed, start, schedules, kept)
        _clear(place)
        try:
            return _start(place, _Wanted(speed or 1, start, enforce_roles, schedules, kept), step)
        except BaseException:
            _clear(place)
            raise


def down(forget: bool = False) -> bool:
    """Stops what ``up`` started; returns whether there was anything to stop. With ``forget`` nothing is kept of it."""
    place = here()
    if not place.folder.exists():
        return False
    with place.locked():
        found = _clear(place)
        if forget:
            place.forget_kept()
        return found


def keeps() -> bool:
    """Whether what the local cloud that is up holds is kept when it stops."""
    processes = here().processes()
    return processes is not None and processes.keeps


@contextmanager
def cloud(
    *,
    speed: float | None = None,
    start: str | None = None,
    enforce_roles: bool = False,
    schedules: bool = False,
    step: Step = quietly,
) -> Iterator[Status]:
    """The local cloud for the length of a with-block; one that was up before stays up."""
    was_up = status().up
    running = up(speed=speed, start=start, enforce_roles=enforce_roles, schedules=schedules, step=step)
    try:
        yield running
    finally:
        if not was_up:
            down()


class _Wanted(NamedTuple):
    """How a cloud is to be."""

    speed: float
    start: str | None
    enforce_roles: bool
    schedules: bool
    kept: bool


def _as_asked(running: Status, speed: float | None, start: str | None, schedules: bool, kept: bool) -> Status:
    assert running.exchange_url
    if speed is not None and speed != running.speed:
        raise CloudRefused(f"--speed: the local cloud is up at speed {running.speed:g}; run repeg local down first")
    if schedules and not Desk(connect_local(running)).on:
        raise CloudRefused("--schedules: the local cloud is up without them; run repeg local down first")
    if kept and not keeps():
        raise CloudRefused("--keep: the local cloud is up without it; run repeg local down first")
    if start is not None:
        ExchangeControl(running.exchange_url).set_clock(start)
    return running


def _start(place: Place, wanted: _Wanted, step: Step) -> Status:
    tools = find_tools()
    goes_on = wanted.kept and is_kept(place)
    if wanted.kept and not goes_on:
        place.forget_kept()
    with step("starting the emulator and the exchange"):
        processes = _start_processes(place, wanted)
    with step("building the stack (sam build)"):
        build(tools)
    with step("deploying the stack (sam deploy)"):
        ready = deploy(place, tools, processes, STACK, wanted.schedules)
        if wanted.enforce_roles:
            widen_for_emulator(ready)
    if goes_on:
        with step("putting back what was kept"):
            put_back(place, connect_local(ready))
    with step("warming the functions up"):
        give_keys(ready)
        warm(ready)
    with step("opening the market"):
        exchange = ExchangeControl(processes.exchange_url)
        if goes_on and wanted.start is None:
            invoke(ready, "sweep_orders", {})
        else:
            if not goes_on:
                put_quotes(exchange)
            _open(ready, exchange, wanted.start or DEFAULT_START)
    place.say_ready(ready)
    return ready


def _open(ready: Status, exchange: ExchangeControl, start: str) -> None:
    """Sets the clock so that it reads ``start`` when this returns, and lets the stack take note of the time."""
    wanted = from_ns(parse_instant(start))
    exchange.set_clock((wanted - timedelta(seconds=_SETTLE_S * (ready.speed or 1))).isoformat())
    invoke(ready, "sweep_orders", {})
    while datetime.fromisoformat(exchange.clock().now) < wanted:
        time.sleep(0.01)


def _start_processes(place: Place, wanted: _Wanted) -> Processes:
    with locked(_PORTS):
        return _listen(place, wanted)


def _listen(place: Place, wanted: _Wanted) -> Processes:
    arguments = [str(place.folder), str(free_port(ENDPOINT_PORT)), str(free_port(EXCHANGE_PORT))]
    arguments += [f"{wanted.speed:g}", wanted.start or DEFAULT_START]
    arguments += [ENFORCED if wanted.enforce_roles else "trusted", KEPT if wanted.kept else "forgotten"]
    with place.log("supervisor").open("wb") as log:
        supervisor = subprocess.Popen(
            [sys.executable, "-m", "desk.cloud.supervisor", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
    try:
        until(lambda: place.processes() is not None or supervisor.poll() is not None, _START_S)
    finally:
        # Until it has said what it started, nobody else would find it.
        processes = place.processes()
        if processes is None:
            end(supervisor.pid, str(place.folder), _STOP_S)
            supervisor.wait()
    if processes is None:
        said = place.log("supervisor").read_text(errors="replace").strip() or "nothing"
        raise CloudError(f"the local cloud did not start; its log says: {said[-1500:]}")
    return processes


def _clear(place: Place) -> bool:
    """Ends what is ours, the supervisor first, and removes what it left; returns whether anything was alive."""
    processes, mark = place.processes(), str(place.folder)
    found = False
    if processes:
        for pid in (processes.supervisor, processes.emulator, processes.exchange):
            found = is_ours(pid, mark) or found
            end(pid, mark, _STOP_S)
    place.forget()
    return found


def free_port(wanted: int = 0) -> int:
    """The port if it is free, else one that is.

    Raises:
        CloudError: there is none.
    """
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise CloudError("no port is free on 127.0.0.1")
