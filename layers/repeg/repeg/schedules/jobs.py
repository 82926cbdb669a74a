"""Which schedule stands for what."""

from __future__ import annotations

from repeg.domain.schedule.times import Schedule
from repeg.schedules.rebalance import REBALANCE
from repeg.schedules.runner import Answer, Bench, fire
from repeg.schedules.spreads import ASSESSMENT
from repeg.schedules.summary import SUMMING_UP

_JOBS = {
    Schedule.MARKET_OPEN_REBALANCE: REBALANCE,
    Schedule.PRE_MARKET_ASSESSMENT: ASSESSMENT,
    Schedule.END_OF_DAY_SUMMARY: SUMMING_UP,
}


def run_schedule(bench: Bench, schedule: Schedule) -> Answer:
    """Carry out a firing of a schedule; see `fire`."""
    return fire(bench, schedule, _JOBS[schedule])
