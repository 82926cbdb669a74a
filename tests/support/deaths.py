"""How workers of a lab die or stall: before or after any of their inputs and outputs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from repeg.budget.ledger import RateBudget
from repeg.domain.order.record import Order
from repeg.domain.order.reservation import Reservation


class Killed(BaseException):
    """The worker died here."""


@dataclass
class Stall:
    """A worker is held up once, before or after one of its inputs or outputs; `meanwhile` is what happens then."""

    on: int | str
    meanwhile: Callable[[], None]
    nth: int = 1
    after: bool = False
    seen: int = 0
    over: bool = False

    def starts(self, name: str, number: int, after: bool) -> bool:
        """True when the worker stalls here."""
        if self.over or after is not self.after or self.on not in (name, number):
            return False
        self.seen += 1
        self.over = self.seen == self.nth or self.on == number
        return self.over


@dataclass
class Deaths:
    """Counts inputs and outputs; kills the worker before one of them, and keeps it dead, or holds it up there."""

    seen: list[str] = field(default_factory=list)
    at: int | None = None
    stopped: bool = False
    stalls: list[Stall] = field(default_factory=list)

    def guard(self, name: str, call: Callable[[], Any]) -> Any:
        """Do `call`, unless the worker is dead or dies here."""
        self.seen.append(name)
        number = len(self.seen)
        self.stopped = self.stopped or self.at == number
        if self.stopped:
            raise Killed(name)
        return self.held_up(name, call, number)

    def held_up(self, name: str, call: Callable[[], Any], number: int = 0) -> Any:
        """Do `call`, after or before what the worker stalls for."""
        self._stall(name, number, after=False)
        answer = call()
        self._stall(name, number, after=True)
        return answer

    def _stall(self, name: str, number: int, after: bool) -> None:
        for stall in [each for each in self.stalls if each.starts(name, number, after)]:
            stall.meanwhile()


class Watched:
    """A port whose every call passes `Deaths`."""

    def __init__(self, target: Any, name: str, deaths: Deaths, only: set[str] | None = None) -> None:
        self._target, self._name, self._deaths, self._only = target, name, deaths, only

    def urgent(self, reserved: Reservation | None = None) -> Watched:
        return Watched(self._target.urgent(reserved), self._name, self._deaths, self._only)

    def on_behalf_of(self, owner: Order | None) -> Watched:
        return Watched(self._target.on_behalf_of(owner), self._name, self._deaths, self._only)

    def __getattr__(self, method: str) -> Any:
        real = getattr(self._target, method)
        if not callable(real) or (self._only and method not in self._only):
            return real
        return lambda *args, **kwargs: self._deaths.guard(f"{self._name}.{method}", lambda: real(*args, **kwargs))


class SlowBudget:
    """The request budget, in whose calls to the table a worker can be held up (but not die: it is within a call)."""

    def __init__(self, budget: RateBudget, deaths: Deaths) -> None:
        self._budget, self._deaths = budget, deaths

    def spend(self, urgent: bool, reserved: Reservation | None = None) -> None:
        self._deaths.held_up("budget.spend", lambda: self._budget.spend(urgent, reserved))

    def __getattr__(self, method: str) -> Any:
        return getattr(self._budget, method)
