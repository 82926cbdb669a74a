"""Events due at market instants, in order of time and then of scheduling."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field

Action = Callable[[], None]


@dataclass(order=True, slots=True)
class _Entry:
    at: int
    # Of two events at one instant the one that was planned first happens first, or a run could not be repeated.
    number: int
    action: Action = field(compare=False)
    relative: bool = field(compare=False)


class Schedule:
    """A heap of actions keyed by market time."""

    def __init__(self) -> None:
        self._heap: list[_Entry] = []
        self._count = 0

    def add(self, at: int, action: Action, *, relative: bool = False) -> None:
        """Run `action` at the instant; `relative` ones (latencies) move with the clock when it is set back."""
        self._count += 1
        heapq.heappush(self._heap, _Entry(at, self._count, action, relative))

    @property
    def next_at(self) -> int | None:
        """Instant of the first event, None if there is none."""
        return self._heap[0].at if self._heap else None

    def pop(self) -> tuple[int, Action]:
        """Take the first event."""
        entry = heapq.heappop(self._heap)
        return entry.at, entry.action

    def chosen(self, choose: Callable[[Action], Action | None]) -> Schedule:
        """The same with each action as `choose` has it, without those for which it has none."""
        other = Schedule()
        other._count = self._count
        found = ((entry, choose(entry.action)) for entry in self._heap)
        other._heap = [_Entry(one.at, one.number, action, one.relative) for one, action in found if action is not None]
        heapq.heapify(other._heap)
        return other

    def shift(self, delta: int) -> None:
        """Move the relative events by `delta` nanoseconds."""
        for entry in self._heap:
            if entry.relative:
                entry.at += delta
        # Some have moved and some have not, so that the order may be another.
        heapq.heapify(self._heap)
