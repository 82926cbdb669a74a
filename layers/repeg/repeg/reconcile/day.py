"""The counters of the day's entries beside its records: read only where a limit counts entries."""

from __future__ import annotations

from datetime import timedelta

from repeg.care.survey import Survey
from repeg.domain.counters import day_of, reckoned
from repeg.domain.limits import counts_entries
from repeg.domain.order.record import Order
from repeg.domain.reconcile.book import Day

RECORDS = 1000
"""With more records of late than that, the day is not compared: by a part of them the counters would seem too high."""
REACHES_BACK = timedelta(days=5)
"""An order may wait over a long weekend before it counts."""


def read_day(survey: Survey) -> Day | None:
    """The day's counters as kept, and as its records have them; None: nothing counts, or not all could be read."""
    orders = survey.worker.orders
    if not counts_entries(survey.worker.settings_of_exits):
        return None
    day = day_of(survey.now)
    # Before the records: an entry is over by its record before its counters hear of it.
    kept = orders.counters(day)
    found: dict[str, Order] = {}
    ids = list(orders.newest_ids(RECORDS))
    for place in range(0, len(ids), 100):
        some, broken = orders.several(ids[place : place + 100])
        if broken:
            return None
        found |= some
        oldest = min((order.ask.received_wall for order in some.values()), default=None)
        if oldest is not None and survey.worker.time.wall() - oldest > REACHES_BACK:
            return Day(kept, reckoned(day, found.values()))
    return Day(kept, reckoned(day, found.values())) if len(ids) < RECORDS else None
