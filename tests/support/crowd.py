"""Many workers at once in virtual time: each runs until it waits, and the one that wakes first goes on.

One thread moves at a time, so a run is the same every time. `latest_first` decides ties the other way round.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from itertools import count
from typing import Any

from tests.support.deaths import Killed, Stall
from tests.support.lab import Lab, machine_of
from tests.support.stand_ins.machine import Machine, Task


@dataclass
class _Runner:
    """One worker (an execution, or whatever was spawned) in its own thread."""

    name: str
    place: int
    wakes_at: datetime
    work: Callable[[], None] = lambda: None
    go: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    over: bool = False
    stopped: bool = False
    error: BaseException | None = None


class Crowd:
    """Works all started executions of a lab side by side."""

    def __init__(self, lab: Lab, *, latest_first: bool = False) -> None:
        self._lab = lab
        self._direction = -1 if latest_first else 1
        self._runners: dict[str, _Runner] = {}
        self._back = threading.Semaphore(0)
        self._places = count()
        self._current = threading.local()

    def __enter__(self) -> Crowd:
        return self

    def __exit__(self, *error: Any) -> None:
        for runner in list(self._runners.values()):
            self.stop(runner.name)

    def work(self, until: str | None = None, sweep_every: float | None = None) -> None:
        """Run until every execution is over, or until a market time; sweep every so many seconds."""
        end = datetime.fromisoformat(until) if until else None
        swept_at = self._market()
        while True:
            self._enlist()
            runner = min(self._runners.values(), key=self._when, default=None)
            wake = max(self._now(), runner.wakes_at) if runner else None
            idle = (wake - self._now()).total_seconds() if wake else math.inf
            left = (end - self._market()).total_seconds() if end else math.inf
            to_sweep = sweep_every - self._since(swept_at) if sweep_every else math.inf
            if to_sweep <= idle and to_sweep <= left and (runner or end):
                self._pass_time(to_sweep)
                self._lab.sweep()
                swept_at = self._market()
                continue
            if end and left < idle:
                self._pass_time(left)
                return
            if runner is None or wake is None:
                return
            self._pass_time((wake - self._now()).total_seconds())
            self._let(runner)

    def stop(self, name: str) -> None:
        """StopExecution: the execution ends wherever it waits."""
        runner = self._runners[name]
        runner.stopped = True
        self._let(runner)

    def stall(self, on: int | str, seconds: float, *, nth: int = 1, after: bool = False) -> Stall:
        """Hold a living worker up for so long, once (see `Lab.stall`); all others go on meanwhile."""
        return self._lab.stall(on, lambda: self.pause(seconds), nth=nth, after=after)

    def names(self) -> list[str]:
        """Workers under way."""
        return list(self._runners)

    def spawn(self, name: str, work: Callable[[], None]) -> None:
        """Run `work` beside the executions; it may pause."""
        self._add(_Runner(name, next(self._places), self._now(), work))

    def current(self) -> str | None:
        """The worker that this thread is, or None."""
        runner: _Runner | None = getattr(self._current, "runner", None)
        return runner.name if runner else None

    def pause(self, seconds: float) -> None:
        """Stand still for so many seconds while the others go on."""
        runner: _Runner | None = getattr(self._current, "runner", None)
        if runner is None:  # the sweep, or intake: no worker of the crowd
            self.work(until=(self._market() + timedelta(seconds=seconds)).isoformat())
        elif seconds > 0:
            self._wait(runner, seconds)

    def _when(self, runner: _Runner) -> tuple[datetime, int]:
        return max(runner.wakes_at, self._now()), self._direction * runner.place

    def _enlist(self) -> None:
        for name, order_id in self._lab.running.items():
            if name in self._runners:
                continue
            runner = _Runner(name, next(self._places), self._now())
            wait = lambda seconds, runner=runner: self._wait(runner, seconds)  # noqa: E731
            machine = Machine(self.tasks(), wait, machine_of(order_id))
            runner.work = partial(machine.run, name, {"order_id": order_id})
            self._add(runner)

    def tasks(self) -> dict[str, Task]:
        """What the machine's tasks do."""
        return self._lab._tasks()

    def _add(self, runner: _Runner) -> None:
        self._runners[runner.name] = runner
        threading.Thread(target=self._run, args=(runner,), daemon=True).start()

    def _run(self, runner: _Runner) -> None:
        runner.go.acquire()
        self._current.runner = runner
        try:
            if not runner.stopped:
                runner.work()
        except Killed:
            pass
        except BaseException as error:
            runner.error = error
        runner.over = True
        self._back.release()

    def _wait(self, runner: _Runner, seconds: float) -> None:
        runner.wakes_at = self._now() + timedelta(seconds=seconds)
        self._back.release()
        runner.go.acquire()
        if runner.stopped:
            raise Killed("stopped")

    def _let(self, runner: _Runner) -> None:
        runner.go.release()
        self._back.acquire()
        if runner.over:
            del self._runners[runner.name]
            if self._lab.running.pop(runner.name, None):
                self._lab.ended.add(runner.name)
        if runner.error:
            raise runner.error

    def _now(self) -> datetime:
        return self._lab.time.wall()

    def _market(self) -> datetime:
        return datetime.fromisoformat(self._lab.control.clock().now)

    def _since(self, moment: datetime) -> float:
        return (self._market() - moment).total_seconds()

    def _pass_time(self, seconds: float) -> None:
        if seconds > 0:
            self._lab.sleep(seconds)
