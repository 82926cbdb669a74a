"""What happens by the clock: schedules that are off, disabled, silent, refused, or fine."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from repeg.domain.history import ClockAnchor
from repeg.domain.schedule.runs import Outcome, ScheduledRun
from repeg.domain.schedule.times import Schedule
from repeg.store.schedules import ScheduleStore
from tests.support.clinic import Clinic
from tests.support.make import FRIDAY, calendar_from, eastern

REBALANCE = Schedule.MARKET_OPEN_REBALANCE
NOON = eastern("12:00")


@pytest.fixture
def at_noon(clinic: Clinic) -> Clinic:
    """Friday noon; the rebalance was turned on long ago."""
    clinic.schedules_on(REBALANCE)
    return _at_noon(clinic)


def _at_noon(clinic: Clinic) -> Clinic:
    now = datetime.now(UTC)
    # The stack's clock is Friday noon, whatever the wall's is.
    clinic.case.market.keep_clock(ClockAnchor(market_at=NOON, wall_at=now))
    clinic.case.market.keep_calendar(calendar_from())
    return clinic


def ran(clinic: Clinic, outcome: Outcome | None, detail: str = "") -> None:
    run = ScheduledRun(
        schedule=REBALANCE,
        date=FRIDAY,
        at=eastern("09:25"),
        claimed_wall=datetime.now(UTC) - timedelta(hours=2),
        outcome=outcome,
        detail=detail,
    )
    assert ScheduleStore(clinic["dynamodb"], "repeg").claim(run)


def deployed(monkeypatch: pytest.MonkeyPatch, clinic: Clinic, at: datetime) -> None:
    client, real = clinic["lambda"], clinic["lambda"].get_function_configuration
    monkeypatch.setattr(
        client, "get_function_configuration", lambda **name: real(**name) | {"LastModified": at.isoformat()}
    )


def test_none_is_on_until_the_deployment_says_so(clinic: Clinic) -> None:
    found = clinic.look("schedules")
    assert found.ok and found.detail == "none is on"


def test_a_run_that_came_about_is_fine(at_noon: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    deployed(monkeypatch, at_noon, eastern("08:00"))
    ran(at_noon, Outcome.SENT)
    found = at_noon.look("schedules")
    assert found.ok and found.detail == "market-open-rebalance Fri 20 Nov sent"


def test_what_did_not_fire_is_not_ok(at_noon: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    deployed(monkeypatch, at_noon, eastern("08:00"))
    found = at_noon.look("schedules")
    assert not found.ok and "market-open-rebalance-2026-11-20 did not fire" in found.detail


def test_what_began_and_did_not_end_is_not_ok(at_noon: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    deployed(monkeypatch, at_noon, eastern("08:00"))
    ran(at_noon, None)
    found = at_noon.look("schedules")
    assert not found.ok and "market-open-rebalance-2026-11-20 began and did not end" in found.detail


def test_what_was_turned_on_after_its_time_has_nothing_to_show_yet(
    at_noon: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployed(monkeypatch, at_noon, eastern("11:00"))
    found = at_noon.look("schedules")
    assert found.ok and found.detail == "market-open-rebalance has not run yet"


def test_refused_targets_are_not_ok(at_noon: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    deployed(monkeypatch, at_noon, eastern("08:00"))
    ran(at_noon, Outcome.STALE_TARGETS, "the targets were written Tue 17 Nov 16:30 ET")
    found = at_noon.look("schedules")
    assert not found.ok and "was refused: the targets were written Tue" in found.detail
    assert found.mend == "repeg targets show"


def test_a_schedule_that_was_disabled_by_hand_is_not_ok(clinic: Clinic) -> None:
    clinic.schedules_on(REBALANCE, enabled=False)
    found = _at_noon(clinic).look("schedules")
    assert not found.ok and "repeg-market-open-rebalance was disabled by hand" in found.detail


def test_a_schedule_that_was_deleted_by_hand_is_not_ok(at_noon: Clinic) -> None:
    at_noon["scheduler"].delete_schedule(Name="repeg-market-open-rebalance")
    found = at_noon.look("schedules")
    assert not found.ok and "repeg-market-open-rebalance is not there" in found.detail
