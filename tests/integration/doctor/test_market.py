"""Clock and data feed at the real exchange: skew, sessions, subscriptions, stale quotes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from desk.doctor.words import SET_CLOCK
from desk.exchange.client import ExchangeControl
from repeg.domain.models import to_json
from repeg.domain.settings import Settings
from repeg.settings import Kept
from tests.integration.doctor.conftest import MORNING
from tests.support.clinic import Clinic

NIGHT = "2026-11-20T20:30:00-05:00"


def wall(clinic: Clinic, at: str = MORNING, ahead: float = 0) -> None:
    """This machine's clock."""
    clinic.wall = lambda: datetime.fromisoformat(at) + timedelta(seconds=ahead)


# --- clock ---


def test_everybody_has_the_same_time(clinic: Clinic) -> None:
    found = clinic.look("clock")
    assert found.ok and "Fri 20 Nov 10:00:00 ET, session until 16:00" in found.detail


@pytest.mark.parametrize(("ahead", "told"), [(30, "30 s ahead of"), (-300, "5 min behind")])
def test_this_machine_is_off(clinic: Clinic, ahead: float, told: str) -> None:
    wall(clinic, ahead=ahead)
    found = clinic.look("clock")
    assert not found.ok and f"this machine is {told} the broker's clock" in found.detail
    assert found.mend == SET_CLOCK


def test_a_second_is_no_skew(clinic: Clinic) -> None:
    wall(clinic, ahead=1)
    assert clinic.look("clock").ok


def test_the_functions_are_off(clinic: Clinic) -> None:
    clinic.kept_clock(off=20)
    found = clinic.look("clock")
    assert not found.ok and "the functions' clock is 20 s off" in found.detail and found.mend


def test_a_reading_that_is_too_old_tells_that_nobody_reads_it(clinic: Clinic) -> None:
    clinic.kept_clock(age=3 * 3600)
    found = clinic.look("clock")
    assert not found.ok and "the stack last read it 3 h ago" in found.detail
    assert found.mend == "aws logs tail /aws/lambda/repeg --since 15m"


def test_a_reading_that_never_was(clinic: Clinic) -> None:
    clinic["dynamodb"].delete_item(TableName="repeg", Key={"pk": {"S": "MARKET"}, "sk": {"S": "CLOCK"}})
    assert "the stack has never read it" in clinic.look("clock").detail


def test_before_the_open_it_says_when_it_is(clinic: Clinic, control: ExchangeControl) -> None:
    at = "2026-11-20T09:20:00-05:00"
    control.set_clock(at)
    wall(clinic, at)
    clinic.kept_clock()
    assert "closed, opens Fri 20 Nov 09:30 (in 10 min)" in clinic.look("clock").detail


def test_on_the_local_cloud_time_is_simulated_and_no_skew_is_wrong(local: Clinic, control: ExchangeControl) -> None:
    wall(local, ahead=5 * 86400)
    local.kept_clock(age=3 * 3600)
    found = local.look("clock")
    assert (
        found.ok and found.detail.startswith("Fri 20 Nov 10:00:00 ET") and "simulated, 1x; set 5 d off" in found.detail
    )


def test_a_clock_that_cannot_be_read(clinic: Clinic, control: ExchangeControl) -> None:
    control.faults({"kind": "error", "status": 500, "path": "/v2/clock"})
    found = clinic.look("clock")
    assert not found.ok and "cannot be read" in found.detail and "status.alpaca.markets" in str(found.mend)
    assert clinic.look("data feed").mend == "fix clock first"


def test_a_calendar_that_cannot_be_read(clinic: Clinic, control: ExchangeControl) -> None:
    control.faults({"kind": "error", "status": 500, "path": "/v2/calendar"})
    found = clinic.look("clock")
    assert not found.ok and "the trading calendar cannot be read" in found.detail and found.mend


# --- data feed ---


def test_a_fresh_quote(clinic: Clinic) -> None:
    assert clinic.look("data feed").detail == "sip: SPY 602.10 / 602.11, 0.0 s old"


def test_a_feed_that_the_subscription_does_not_include(clinic: Clinic, control: ExchangeControl) -> None:
    control.settings(subscription="iex")
    found = clinic.look("data feed")
    assert not found.ok and "does not include sip" in found.detail
    assert found.mend == "repeg settings set data_feed=iex"
    clinic.override('{"data_feed": "iex"}')
    assert clinic.look("data feed").ok, "the mend mends"


def test_the_feed_is_that_of_the_settings_in_force(clinic: Clinic, control: ExchangeControl) -> None:
    clinic.case.market.keep(Kept(to_json(Settings(data_feed="iex"))))
    clinic.override('{"data_feed": "nonsense"}')
    assert clinic.look("data feed").detail.startswith("iex: ")
    assert not clinic.look("settings").ok


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda control: control.advance(120), "is stale"),
        (lambda control: control.quote("SPY", "0", "602.11"), "has no bid or no ask"),
    ],
)
def test_a_bad_quote_matters_in_the_session_only(
    clinic: Clinic, control: ExchangeControl, spoil: Callable[[ExchangeControl], object], told: str
) -> None:
    control.quote("SPY", "602.10", "602.11", frozen=True)
    spoil(control)
    wall(clinic, control.clock().now)
    found = clinic.look("data feed")
    assert not found.ok and told in found.detail and "status.alpaca.markets" in str(found.mend)
    clinic.local = True
    assert clinic.look("data feed").ok


def test_at_night_an_old_quote_is_fine(clinic: Clinic, control: ExchangeControl) -> None:
    control.quote("SPY", "602.10", "602.11", frozen=True)
    control.set_clock(NIGHT)
    wall(clinic, NIGHT)
    found = clinic.look("data feed")
    assert found.ok and found.detail.endswith("the market is closed")


def test_a_simulated_market_without_a_quote(local: Clinic, control: ExchangeControl) -> None:
    control.reset()
    found = local.look("data feed")
    assert found.ok and "no quote of SPY" in found.detail and "come from you" in found.detail


def test_a_data_host_in_trouble(clinic: Clinic, control: ExchangeControl) -> None:
    control.faults({"kind": "error", "status": 500, "path": "/v2/stocks/*"})
    found = clinic.look("data feed")
    assert not found.ok and "gives no quote" in found.detail
    control.faults({"kind": "error", "status": 401, "path": "/v2/stocks/*", "body": {"message": "unauthorized."}})
    found = clinic.look("data feed")
    assert "refuses the keys that the trading host takes" in found.detail and found.mend == "repeg keys set"
    assert clinic.look("keys").ok


def test_data_requests_that_are_used_up(clinic: Clinic, control: ExchangeControl) -> None:
    control.settings(data_rate_limit=1)
    assert clinic.look("data feed").ok
    assert "used up" in clinic.look("data feed").detail
