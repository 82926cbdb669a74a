"""Schedules on the local cloud: fired on market time, by the roles of the template, and off unless turned on."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime

import pytest

from desk.stack.schedules import FUNCTION, ON
from repeg.domain.rebalance.record import Rebalance, RebalanceStatus
from repeg.domain.schedule.runs import Outcome
from repeg.domain.schedule.times import Schedule
from repeg.store.rebalances import RebalanceStore
from repeg.store.schedules import KeptTargets, ScheduleStore
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

    cloud.until("the summary is on record", finished)
    run = summary_on.run(SUMMARY, TUESDAY)
    assert run and (run.outcome, run.tries) == (Outcome.SUMMED_UP, 1)
    assert cloud.invoke(FUNCTION, {"schedule": SUMMARY.value})["outcome"] == "ran before"
    assert summary_on.run(Schedule.MARKET_OPEN_REBALANCE, TUESDAY) is None


def test_targets_become_a_rebalance_that_is_worked_at_the_open(cloud: Cloud) -> None:
    store = ScheduleStore(cloud.connection.dynamodb, cloud.connection.table)
    rebalances = RebalanceStore(cloud.connection.dynamodb, cloud.connection.table)
    cloud.open_market("2026-11-25T09:29:57-05:00")
    store.keep_targets(KeptTargets('{"targets": {"TQQQ": "0.5"}}', datetime.now(UTC).isoformat()))
    fired = cloud.invoke(FUNCTION, {"schedule": Schedule.MARKET_OPEN_REBALANCE.value})
    assert fired["outcome"] == "sent"

    def ended() -> Rebalance | None:
        found = rebalances.find(fired["run_id"])
        return found if found and found.status.terminal else None

    done: Rebalance = cloud.until("the rebalance is over", ended)
    assert done.status is RebalanceStatus.DONE and done.completed_at
    assert done.completed_at >= datetime.fromisoformat("2026-11-25T09:30:00-05:00")
    [leg] = done.buys
    assert (leg.symbol, leg.side) == ("TQQQ", "buy")


def test_eventbridge_itself_fires_none_of_them_here(cloud: Cloud) -> None:
    names = {f"{cloud.connection.stack}-{schedule}": schedule for schedule in Schedule}
    states = {name: cloud.connection.scheduler.get_schedule(Name=name)["State"] for name in names}
    assert set(states.values()) == {"DISABLED"}
