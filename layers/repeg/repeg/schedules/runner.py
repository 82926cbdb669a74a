"""The run of a schedule: the broker's clock and calendar decide, a claim in the table sees to it that it is one a day.

A run that died half-way is taken up by the retry, which does what was written down and decides nothing anew.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from repeg.domain.market.reports import TradingDay
from repeg.domain.market.sessions import EASTERN
from repeg.domain.order.reservation import Priority
from repeg.domain.schedule.runs import Outcome, ScheduledRun
from repeg.domain.schedule.times import Schedule, Timing, day_of, fires_at, timing
from repeg.store.rebalances import RebalanceStore
from repeg.store.schedules import ScheduleStore
from repeg.worker.worker import Worker


class Decided(NamedTuple):
    """What a run is to do or has come to; no outcome yet: it shows when the run is done."""

    outcome: Outcome | None
    detail: str = ""
    signal: str | None = None
    signal_id: str | None = None


class Done(NamedTuple):
    """What a run came to."""

    outcome: Outcome
    detail: str


@dataclass(frozen=True)
class Bench:
    """What runs work with. `send` puts the body of a signal, under its id, into the queue."""

    worker: Worker
    store: ScheduleStore
    rebalances: RebalanceStore
    send: Callable[[str, str], None]

    def now(self) -> datetime:
        """Market time."""
        return self.worker.time.approximate().now()


class Job(NamedTuple):
    """`decide` what the run of a day's session is to do, then `perform` it: again, with the same effect, if it died."""

    decide: Callable[[Bench, TradingDay, str], Decided]
    perform: Callable[[Bench, TradingDay, ScheduledRun], Done]


class Answer(NamedTuple):
    """What a firing came to, in words."""

    run_id: str
    outcome: str
    detail: str


def fire(bench: Bench, schedule: Schedule, job: Job) -> Answer:
    """Do what a firing of `schedule` stands for, unless it was done, is being done, or is not to be done now.

    Raises:
        RetryError: broker, queue or table did not answer; firing again is right and safe.
    """
    worker = bench.worker
    # Read anew: whether this is the day and the hour must not rest on a reading of before the night.
    now = worker.time.read(worker.broker_for(Priority.ROUTINE)).now()
    calendar = worker.time.calendar(worker.broker_for(Priority.ROUTINE), now)
    today = day_of(now)
    session = next((day for day in calendar.days if day.date == today), None)
    found = timing(schedule, now, session)
    blank = ScheduledRun(schedule=schedule, date=today, at=now, claimed_wall=worker.time.wall())
    if found is Timing.EARLY:
        # Nothing is claimed: the firing of the day is still to come.
        return _answer(blank, "early", f"it is {now.isoformat()}, before {fires_at(schedule, today).isoformat()}")
    run = bench.store.run(schedule, today)
    if run is None:
        run = _decided(bench, blank, found, session, job)
        if not bench.store.claim(run):
            return _answer(run, "running", "another firing of this day has just begun")
    elif run.finished:
        return _answer(run, "ran before", run.detail)
    elif run.at_work(worker.time.wall()):
        return _answer(run, "running", "another firing of this day is at work")
    else:
        taken = run.changed(tries=run.tries + 1, claimed_wall=worker.time.wall())
        if found is Timing.LATE and run.decided is None:
            taken = taken.changed(decided=Outcome.LATE, detail=_late(run, now))
        if not bench.store.take_over(run, taken):
            return _answer(run, "running", "another firing of this day has taken it over")
        run = taken
    return _finished(bench, run, session, job)


def _decided(bench: Bench, blank: ScheduledRun, found: Timing, session: TradingDay | None, job: Job) -> ScheduledRun:
    """The run as it is claimed: with all that it will do, so that whoever takes it up does the same."""
    if session is None or found is Timing.CLOSED:
        return blank.changed(decided=Outcome.CLOSED, detail="no session today")
    if found is Timing.LATE:
        return blank.changed(decided=Outcome.LATE, detail=_late(None, blank.at))
    decided = job.decide(bench, session, blank.run_id)
    return blank.changed(
        decided=decided.outcome, detail=decided.detail, signal=decided.signal, signal_id=decided.signal_id
    )


def _late(before: ScheduledRun | None, now: datetime) -> str:
    at = f"it came to be done at {now.astimezone(EASTERN):%H:%M:%S} ET, too late to be of use"
    if before is None or before.signal_id is None:
        return at
    return f"{at}; an earlier try may have sent {before.signal_id}"


def _finished(bench: Bench, run: ScheduledRun, session: TradingDay | None, job: Job) -> Answer:
    worker = bench.worker
    if run.decided is not None:
        done = Done(run.decided, run.detail)
        # Before it is recorded: an alert that is said twice does less harm than one that is not said.
        if done.outcome.alerts:
            targets = run.schedule is Schedule.MARKET_OPEN_REBALANCE and done.outcome is not Outcome.LATE
            command = "repeg targets show" if targets else "repeg schedules"
            worker.alert_about(run.run_id, f"{done.outcome.meaning} {done.detail}", command)
    elif session is None:
        raise AssertionError("a day without a session was decided when it was claimed")
    else:
        done = job.perform(bench, session, run)
    ended = run.changed(outcome=done.outcome, detail=done.detail, finished_at=bench.now())
    if not bench.store.finish(ended):
        worker.log.error(f"{run.run_id} was taken over while it was at work")
    worker.log.info(f"{run.run_id}: {done.outcome}, {done.detail}")
    return _answer(run, done.outcome.value, done.detail)


def _answer(run: ScheduledRun, outcome: str, detail: str) -> Answer:
    return Answer(run.run_id, outcome, detail)
