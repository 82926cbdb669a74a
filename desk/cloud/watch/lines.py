"""New lines of a log group, each of them once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

LATE_MS = 5000
"""A line may come to be seen this much later than others that are no older."""

_MOST = 10_000
_Known = tuple[str, int, str]


@dataclass(frozen=True)
class Line:
    """`at`: wall seconds since 1970."""

    at: float
    message: str


class LogLines:
    """Reads a log group on and on.

    Equal lines of one stream and one millisecond are told apart by their number: the emulator gives lines no ids.
    """

    def __init__(self, logs: Any, group: str) -> None:
        self._logs, self._group = logs, group
        self._newest = 0
        self._known: Counter[_Known] = Counter()

    def new(self) -> list[Line]:
        """The lines that came since the last call. One that raised has taken none."""
        found: Counter[_Known] = Counter()
        lines: list[Line] = []
        newest = self._newest
        for event in self._events(max(0, newest - LATE_MS)):
            key = event["logStreamName"], event["timestamp"], event["message"]
            found[key] += 1
            if found[key] > self._known[key]:
                lines.append(Line(event["timestamp"] / 1000, event["message"]))
            newest = max(newest, event["timestamp"])
        self._newest = newest
        self._known = Counter({key: count for key, count in found.items() if key[1] >= newest - LATE_MS})
        return lines

    def _events(self, start: int) -> Iterator[dict[str, Any]]:
        """All from `start` on, oldest first, however many pages they fill."""
        token: dict[str, str] = {}
        while True:
            page = self._logs.filter_log_events(logGroupName=self._group, startTime=start, limit=_MOST, **token)
            events: list[dict[str, Any]] = page["events"]
            if "nextToken" in page:
                token = {"nextToken": page["nextToken"]}
                yield from events
            elif token or len(events) < _MOST:
                yield from events
                return
            else:  # the emulator cuts off without a token: its last millisecond may not be whole
                last = events[-1]["timestamp"]
                yield from (event for event in events if event["timestamp"] < last or last == start)
                start = max(last, start + 1)
