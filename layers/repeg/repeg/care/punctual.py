"""Schedules that did not fire, or whose run did not end: nothing else would tell of what did not happen."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from typing import NamedTuple

from repeg.care.survey import Survey
from repeg.domain.order.reservation import Priority
from repeg.domain.schedule.runs import run_id
from repeg.domain.schedule.times import Schedule, look_out
from repeg.store.schedules import ScheduleStore


class Timetable(NamedTuple):
    """The schedules that are on, and where their runs are recorded."""

    on: Collection[Schedule]
    runs: ScheduleStore


def look_for_missed_runs(survey: Survey, timetable: Timetable | None) -> None:
    """Alert, once, of each run that should be on record by now and is not, or has not come to its end."""
    if timetable is None:
        return
    for schedule in timetable.on:
        try:
            _look(survey, schedule, timetable.runs)
        except Exception as error:  # the next sweep looks again, for the same firing
            survey.worker.log.error(f"the runs of {schedule} cannot be looked at: {error}")
            survey.runs_unseen = True
            awaited = survey.before.awaited.get(schedule)
            if awaited:
                survey.awaited[schedule] = awaited


def _look(survey: Survey, schedule: Schedule, runs: ScheduleStore) -> None:
    worker = survey.worker
    calendar = worker.time.calendar(worker.broker_for(Priority.ROUTINE), survey.now)
    missing_of, next_at = look_out(schedule, survey.before.awaited.get(schedule), survey.now, calendar)
    if missing_of:
        _judge(survey, schedule, missing_of, runs)
    if next_at:
        survey.awaited[schedule] = next_at


def _judge(survey: Survey, schedule: Schedule, day: date, runs: ScheduleStore) -> None:
    run = runs.run(schedule, day)
    if run and run.finished:
        return
    survey.missed_runs += 1
    what = f"it did not fire at {schedule.time:%H:%M} ET, or failed each time; what it is for was not done"
    if run:
        # Its signal is sent before it is written down as sent: whoever sent it once more would trade twice.
        sent = f"{run.signal_id} may have been sent" if run.signal_id else "what it is for may be done in part"
        what = f"it began and did not end, in try {run.tries}; {sent}"
    survey.worker.alert_about(run_id(schedule, day), what, "repeg schedules")
