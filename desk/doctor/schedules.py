"""What happens by the clock: do the schedules that are on fire, and did their last runs come to an end."""

from __future__ import annotations

from datetime import datetime

from desk.doctor.case import Case
from desk.doctor.findings import Trouble
from desk.doctor.words import aws, deploy_again, repeg
from desk.stack.schedules import Desk
from desk.telling.figures import NEW_YORK
from repeg.domain.schedule.runs import run_id
from repeg.domain.schedule.times import Schedule

SCHEDULES = "schedules"


def check_schedules(case: Case) -> str:
    """Is each schedule that is on enabled, and is its last run on record."""
    desk = Desk(case.connection)
    if not desk.on:
        return "none is on"
    told = [_look(case, desk, schedule) for schedule in desk.on]
    by = "fired on market time: " if case.simulated else ""
    return f"{by}{'; '.join(told)}"


def _look(case: Case, desk: Desk, schedule: Schedule) -> str:
    if not case.simulated:
        _check_enabled(case, schedule)
        _check_last(case, desk, schedule)
    run = desk.store.last_run(schedule)
    if run is None:
        return f"{schedule} has not run yet"
    if run.outcome and run.outcome.alerts:
        shown = "targets show" if schedule is Schedule.MARKET_OPEN_REBALANCE else "schedules"
        raise Trouble(SCHEDULES, f"{run.run_id} was refused: {run.detail}", repeg(case.connection, shown))
    came_to = run.outcome.value.replace("_", " ") if run.outcome else "at work"
    return f"{schedule} {run.at.astimezone(NEW_YORK):%a %d %b} {came_to}"


def _check_enabled(case: Case, schedule: Schedule) -> None:
    connection = case.connection
    name = f"{connection.stack}-{schedule.value}"
    try:
        state = connection.scheduler.get_schedule(Name=name)["State"]
    except connection.scheduler.exceptions.ResourceNotFoundException:
        raise Trouble(SCHEDULES, f"{name} is not there", deploy_again(connection)) from None
    if state != "ENABLED":
        detail = f"{name} was disabled by hand (docs/runbook.md#a-schedule-did-not-fire)"
        raise Trouble(SCHEDULES, detail, deploy_again(connection))


def _check_last(case: Case, desk: Desk, schedule: Schedule) -> None:
    due = desk.due(schedule)
    # Turned on, or deployed anew, since: the sweep looks out for runs, and tells of one that it awaited.
    if due is None or datetime.fromisoformat(desk.configuration["LastModified"]) > due:
        return
    day = due.astimezone(NEW_YORK).date()
    run = desk.store.run(schedule, day)
    if run and run.finished:
        return
    what = "began and did not end" if run else "did not fire"
    logs = aws(case.connection, f"logs tail {case.connection.log_group} --since 3h --filter-pattern ERROR")
    raise Trouble(SCHEDULES, f"{run_id(schedule, day)} {what} (docs/runbook.md#a-schedule-did-not-fire)", logs)
