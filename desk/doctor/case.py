"""The stack that is looked at, and facts that several checks need: each is asked for once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, TypeVar

from desk.doctor.meter import Meter
from desk.stack.connection import Connection
from desk.stack.market_time import measured_now, wall_clock
from repeg.store.orders import OrderStore
from repeg.store.rebalances import RebalanceStore
from repeg.store.shared import SharedStore

_Known = TypeVar("_Known")


@dataclass(frozen=True)
class Case:
    """One deployed stack. `environment` is what its functions were told: hosts, mode, account, speed."""

    connection: Connection
    environment: Mapping[str, str]
    meter: Meter
    wall: Callable[[], datetime] = wall_clock
    _facts: dict[Callable[[Any], Any], tuple[Any, Exception | None]] = field(default_factory=dict, repr=False)

    @property
    def simulated(self) -> bool:
        """True on the local cloud, where market time and the market are made up."""
        return self.connection.is_local

    def measured_now(self) -> datetime:
        """Now, by the clock of the stack's metrics: on the local cloud the market's."""
        return measured_now(self.connection, self.wall)

    @cached_property
    def orders(self) -> OrderStore:
        return OrderStore(self.connection.dynamodb, self.connection.table)

    @cached_property
    def rebalances(self) -> RebalanceStore:
        return RebalanceStore(self.connection.dynamodb, self.connection.table)

    @cached_property
    def market(self) -> SharedStore:
        return SharedStore(self.connection.dynamodb, self.connection.table)

    def fact(self, read: Callable[[Case], _Known]) -> _Known:
        """What `read` finds, asked once; what it raised is raised again.

        Not for use by two threads at once: checks that share facts are looked at one after the other.
        """
        if read not in self._facts:
            try:
                self._facts[read] = (read(self), None)
            except Exception as error:
                self._facts[read] = (None, error)
        found, problem = self._facts[read]
        if problem is not None:
            raise problem
        known: _Known = found
        return known
