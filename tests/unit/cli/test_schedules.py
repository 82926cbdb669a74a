"""`repeg schedules` and `repeg targets`, as an operator types them."""

from __future__ import annotations

import io
import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from repeg.domain.history import ClockAnchor
from repeg.domain.schedule.runs import Outcome, ScheduledRun
from repeg.domain.schedule.times import Schedule
from repeg.store.schedules import KeptTargets, ScheduleStore
from tests.support.clinic import Clinic
from tests.support.make import FRIDAY, calendar_from, eastern
from tests.unit.cli.conftest import Repeg

GOOD = '{"targets": {"TQQQ": 0.6, "SPY": 0.4}, "threshold": 0.02}'


@pytest.fixture
def clinic(clinic: Clinic) -> Clinic:
    """Friday noon by the stack's clock."""
    clinic.case.market.keep_clock(ClockAnchor(market_at=eastern("12:00"), wall_at=datetime.now(UTC)))
    clinic.case.market.keep_calendar(calendar_from())
    return clinic


def store(clinic: Clinic) -> ScheduleStore:
    return ScheduleStore(clinic["dynamodb"], "repeg")


def test_what_is_on_and_fires_next_in_market_time(clinic: Clinic, repeg: Repeg) -> None:
    clinic.schedules_on(Schedule.MARKET_OPEN_REBALANCE, Schedule.END_OF_DAY_SUMMARY)
    store(clinic).claim(
        ScheduledRun(
            schedule=Schedule.MARKET_OPEN_REBALANCE,
            date=FRIDAY,
            at=eastern("09:25"),
            claimed_wall=datetime.now(UTC),
            outcome=Outcome.SENT,
            detail="TQQQ 0.6, SPY 0.4",
            signal_id="market-open-rebalance-2026-11-20",
        )
    )
    code, found, _ = repeg("schedules", "--json")
    assert code == 0
    assert [(each["schedule"], each["on"], each["next_at"]) for each in found] == [
        ("market-open-rebalance", True, "2026-11-23T14:25:00Z"),
        ("pre-market-assessment", False, None),
        ("end-of-day-summary", True, "2026-11-20T21:20:00Z"),
    ]
    last = found[0]["last_run"]
    assert (last["run_id"], last["outcome"], last["at"]) == (
        "market-open-rebalance-2026-11-20",
        "sent",
        "2026-11-20T14:25:00Z",
    )
    page = repeg("schedules")[1]
    assert "Mon 23 Nov 09:25" in page and "Fri 20 Nov 16:20" in page and "sent" in page and "off" in page


def test_that_none_is_on_is_said_with_how_to_turn_one_on(repeg: Repeg) -> None:
    code, _, said = repeg("schedules")
    assert code == 0 and "none is on" in said


def test_next_skips_the_holiday(clinic: Clinic, repeg: Repeg) -> None:
    clinic.schedules_on(Schedule.MARKET_OPEN_REBALANCE)
    wednesday = date(2026, 11, 25)
    clinic.case.market.keep_clock(ClockAnchor(market_at=eastern("12:00", wednesday), wall_at=datetime.now(UTC)))
    assert repeg("schedules", "--json")[1][0]["next_at"] == "2026-11-27T14:25:00Z"


def test_targets_are_set_and_shown_with_their_sum(clinic: Clinic, repeg: Repeg, tmp_path: Path) -> None:
    assert repeg("targets", "show")[::2] == (1, "there are no targets on record; write some: repeg targets set FILE\n")
    file = tmp_path / "targets.json"
    file.write_text(GOOD)
    code, page, said = repeg("targets", "set", str(file))
    assert code == 0
    assert [line.split() for line in page.splitlines()] == [
        ["symbol", "weight"],
        ["TQQQ", "60.0%"],
        ["SPY", "40.0%"],
        ["sum", "100.0%"],
    ]
    assert said.startswith("written Fri 20 Nov 12:0") and "the rebalance of Mon 23 Nov goes by them" in said
    found = repeg("targets", "show", "--json")[1]
    assert (found["targets"], found["sum"], found["stale"]) == ({"SPY": "0.4", "TQQQ": "0.6"}, "1.0", False)
    assert json.loads(found["document"]) == {"targets": {"SPY": "0.4", "TQQQ": "0.6"}, "threshold": "0.02"}


def test_stale_targets_are_shown_as_such(clinic: Clinic, repeg: Repeg) -> None:
    long_ago = datetime.now(UTC) - timedelta(days=3)
    store(clinic).keep_targets(KeptTargets(GOOD, long_ago.isoformat()))
    code, _, said = repeg("targets", "show")
    assert code == 0 and "the next rebalance refuses them: the targets were written Tue 17 Nov 12:0" in said
    found = repeg("targets", "show", "--json")[1]
    assert (found["stale"], found["problem"]) == (True, "stale_targets")


def test_on_a_monday_morning_targets_of_friday_are_fresh(clinic: Clinic, repeg: Repeg) -> None:
    """The stack's calendar begins on Sunday then."""
    monday = date(2026, 11, 23)
    clinic.case.market.keep_clock(ClockAnchor(market_at=eastern("09:00", monday), wall_at=datetime.now(UTC)))
    clinic.case.market.keep_calendar(calendar_from(date(2026, 11, 22)))
    written = datetime.now(UTC) - timedelta(days=2, hours=16)
    store(clinic).keep_targets(KeptTargets(GOOD, written.isoformat()))
    assert repeg("targets", "show", "--json")[1]["stale"] is False


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('{"targets": {"TQQQ": 1.2}}', "targets.TQQQ"),
        ('{"targets": {"TQQQ": 0.7, "SPY": 0.5}}', "targets: sum to 1.2"),
        ('{"targets": {"TQQQ": 1}, "kind": "rebalance"}', "kind: is set by the schedule"),
        ("{", "body"),
    ],
)
def test_bad_targets_change_nothing_and_name_the_field(
    clinic: Clinic, repeg: Repeg, monkeypatch: pytest.MonkeyPatch, text: str, named: str
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    code, _, said = repeg("targets", "set", "-")
    assert code == 2 and said.count("\n") == 1 and named in said and "nothing was changed" in said
    assert store(clinic).targets() is None
