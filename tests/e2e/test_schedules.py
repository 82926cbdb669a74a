"""Schedules on the local cloud: fired on market time, by the roles of the template, and off unless turned on."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import pytest

from desk.stack.schedules import FUNCTION, ON
from repeg.domain.schedule.runs import Outcome
from repeg.domain.schedule.times import Schedule
from repeg.store.schedules import ScheduleStore
from tests.support.cloud import Cloud

pytestmark = pytest.mark.cloud

TUESDAY = date(2026, 11, 24)
SUMMARY = Schedule.END_OF_DAY_SUMMARY


@pytest.fixture
def summary_on(cloud: Cloud) -> Iterator[ScheduleStore]:
    """The deployment has the summary on."""
    lambda_, name = cloud.connection.lambda_, cloud.connection.function(FUNCTION)
    variables = lambda_.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    on = {"Variables": variables | {ON: SUMMARY.value}}
    lambda_.update_function_configuration(FunctionName=name, Environment=on)
    try:
        yield ScheduleStore(cloud.connection.dynamodb, cloud.connection.table)
    finally:
        lambda_.update_function_configuration(FunctionName=name, Environment={"Variables": variables})


def test_a_schedule_that_is_on_fires_when_the_market_comes_to_its_time(cloud: Cloud, summary_on: ScheduleStore) -> None:
    cloud.exchange.set_clock("2026-11-24T16:19:50-05:00")

    def finished() -> bool:
        run = summary_on.run(SUMMARY, TUESDAY)
        return run is not None and run.finished

    cloud.until("the summary is on record", finished, timeout=30)
    run = summary_on.run(SUMMARY, TUESDAY)
    assert run and (run.outcome, run.tries) == (Outcome.SUMMED_UP, 1)
    assert cloud.invoke(FUNCTION, {"schedule": SUMMARY.value})["outcome"] == "ran before"
    assert summary_on.run(Schedule.MARKET_OPEN_REBALANCE, TUESDAY) is None


def test_eventbridge_itself_fires_none_of_them_here(cloud: Cloud) -> None:
    names = {f"{cloud.connection.stack}-{schedule}": schedule for schedule in Schedule}
    states = {name: cloud.connection.scheduler.get_schedule(Name=name)["State"] for name in names}
    assert set(states.values()) == {"DISABLED"}
