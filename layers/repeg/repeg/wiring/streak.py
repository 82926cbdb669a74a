"""Requests in a row that the broker did not serve. As long as it serves them, nothing is read or written for it.

Those of the sweep are left aside: by night and at weekends, when the broker is maintained, there are only sweeps.
"""

from __future__ import annotations

from collections.abc import Sequence

from repeg.domain.metrics.measured import Call
from repeg.worker.worker import Worker


class Streak:
    """What one process heard; the count of all of them is the table's."""

    def __init__(self) -> None:
        self._told = False

    def heard(self, worker: Worker, calls: Sequence[Call]) -> None:
        """The requests of an invocation that worked an order, in their order. Never raises."""
        if not self._told and all(call.served for call in calls):
            return
        at_last = next((place for place, call in enumerate(reversed(calls)) if call.served), len(calls))
        anew = at_last < len(calls)
        # What this process added to ends with the first request that it sees served: others do not know of it.
        self._told = at_last > 0
        from repeg.worker.trips import count_errors

        count_errors(worker, at_last, anew=anew)


streak = Streak()
