"""What befalls workers in a storm: they stand still or die at any of their inputs and outputs, or time out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from random import Random
from typing import Any

from tests.support.crowd import Crowd
from tests.support.deaths import Deaths, Killed
from tests.support.lab import Lab
from tests.support.stand_ins.machine import Task

LONGEST_FUNCTION_SECONDS = 60
"""Lambda ends a function that takes longer; whatever it still wanted to do does not happen."""
SENDING = {"broker.submit", "broker.protect", "broker.cancel"}
MEANWHILE = 0.4
SENDING_ODDS = 8
"""What moves money is where trouble hurts most, and a life has few such calls."""


class Crash(BaseException):
    """The function died; its execution lives and tries again."""


@dataclass
class Trouble(Deaths):
    """What befalls workers at their inputs and outputs: nothing, a stall, or a death, before or after the call."""

    random: Random = field(default_factory=Random)
    crowd: StormCrowd | None = None
    calm: bool = True
    odds: float = 0.01
    dead: set[str] = field(default_factory=set)
    story: Callable[[str], None] = lambda text: None
    meanwhile: Callable[[], None] = lambda: None

    def guard(self, name: str, call: Callable[[], Any]) -> Any:
        """Do `call`, unless something happens to its worker before it or after it."""
        worker = self.crowd.current() if self.crowd else None
        if self.crowd is None or worker is None:
            return call()
        odds = self.odds * (SENDING_ODDS if name in SENDING else 1)
        self._befall(worker, f"before {name}", odds)
        if self.crowd.timed_out():
            # Said like any other death: what a sweep that died was to find, the next one finds.
            self.story(f"{worker}: crash before {name}, it timed out")
            raise Crash("timed out")
        result = call()
        self._befall(worker, f"after {name}", odds)
        return result

    def _befall(self, worker: str, where: str, odds: float) -> None:
        assert self.crowd
        if worker in self.dead:
            raise Killed(where)
        if self.calm or self.random.random() >= odds:
            return
        fate = self.random.choice(("stall", "stall", "crash", "kill"))
        if fate == "stall":
            seconds = self.random.choice((1, 3, 8, 20, 45, 58))
            self.story(f"{worker} stands still for {seconds} s {where}")
            if self.random.random() < MEANWHILE:
                self.meanwhile()
            self.crowd.pause(seconds)
            return
        self.story(f"{worker}: {fate} {where}")
        if fate == "crash":
            raise Crash(where)
        self.dead.add(worker)
        raise Killed(where)


class StormCrowd(Crowd):
    """Executions whose functions can die without them, and whose functions time out."""

    def __init__(self, lab: Lab) -> None:
        super().__init__(lab)
        self._started: dict[str, datetime] = {}

    def tasks(self) -> dict[str, Task]:
        return {name: partial(self.take, task) for name, task in super().tasks().items()}

    def take(self, task: Callable[..., Any], *args: Any) -> Any:
        """Run a function as Lambda does: its death is an error for who called it."""
        worker = self.current() or ""
        self._started[worker] = self._now()
        try:
            return task(*args)
        except Crash as error:
            raise RuntimeError(f"the function died {error}") from None
        finally:
            self._started.pop(worker, None)

    def timed_out(self) -> bool:
        """True for a worker that Lambda has killed, as it ran for too long."""
        started = self._started.get(self.current() or "")
        return started is not None and (self._now() - started).total_seconds() > LONGEST_FUNCTION_SECONDS
