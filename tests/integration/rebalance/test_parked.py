"""A rebalance that waits for an open whose clock is set over it: nobody waited, and nobody waits on."""

from __future__ import annotations

from datetime import timedelta

import pytest

from desk.exchange.client import ExchangeControl
from desk.report.truth import trading_calls
from repeg.domain.reasons import Reason
from repeg.domain.rebalance.record import RebalanceStatus
from tests.integration.rebalance.scenes import market, send
from tests.support.crowd import Crowd
from tests.support.lab import Lab
from tests.support.scenes import at, lab_at, market_time, submits

pytestmark = pytest.mark.usefixtures("aws_credentials")


def _parked(lab: Lab, crowd: Crowd, **more: str) -> None:
    market(lab, AAPL=100)
    lab.read_clock()
    send(lab, {"SPY": "1"}, when_closed="next_open", **more)
    # The shared reading of the clock is believed for ten minutes more.
    crowd.work(until=market_time("17:02"), sweep_every=60)
    assert lab.rebalance("r").status is RebalanceStatus.WAITING


@pytest.mark.parametrize("to", ["2026-11-23T09:29:50-05:00", "2026-11-23T09:31:00-05:00", "2026-11-23T11:00:00-05:00"])
def test_it_wakes_within_a_minute_when_the_clock_is_set_forward(exchange: ExchangeControl, to: str) -> None:
    with lab_at(exchange, "17:00") as lab, Crowd(lab) as crowd:
        _parked(lab, crowd)
        lab.set_clock(to)
        woken = max(at("2026-11-23T09:30:00-05:00"), at(to))
        crowd.work(until=(woken + timedelta(minutes=3)).isoformat(), sweep_every=60)
        done = lab.rebalance("r")
        assert (done.status, done.residual) == (RebalanceStatus.DONE, ()), done.events
        assert done.planned_at and (done.planned_at - woken).total_seconds() <= 70
        lab.check()


def test_an_expiry_of_its_own_stands(exchange: ExchangeControl) -> None:
    with lab_at(exchange, "17:00") as lab, Crowd(lab) as crowd:
        _parked(lab, crowd, expires_at="2026-11-23T14:40:00Z")
        lab.set_clock("2026-11-23T10:00:00-05:00")
        crowd.work(until="2026-11-23T10:02:00-05:00", sweep_every=60)
        done = lab.rebalance("r")
        assert (done.status, done.reason) == (RebalanceStatus.REJECTED, Reason.EXPIRED)
        assert not submits(lab)


def test_what_is_parked_costs_no_trading_request_a_minute(exchange: ExchangeControl) -> None:
    with lab_at(exchange, "17:00") as lab, Crowd(lab) as crowd:
        _parked(lab, crowd)
        before = lab.mark()
        crowd.work(until=market_time("17:07"), sweep_every=60)
        assert not trading_calls(lab.control.journal(before))
