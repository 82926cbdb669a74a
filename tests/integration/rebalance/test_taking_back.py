"""Rebalances that are taken back: no further leg, what rests is cancelled, and the rest is told."""

from __future__ import annotations

from decimal import Decimal

import pytest

from desk.exchange.client import ExchangeControl
from repeg.domain.reasons import Reason, Status
from repeg.domain.rebalance.record import Rebalance, RebalanceStatus
from tests.integration.rebalance.scenes import held, legs, market, rebalance, send, why
from tests.support.cancels import cancel, said
from tests.support.crowd import Crowd
from tests.support.lab import Lab
from tests.support.leaving import guards, hold
from tests.support.scenes import alerts, lab_at, market_time, submits, whenever

pytestmark = pytest.mark.usefixtures("aws_credentials")


def ended(lab: Lab) -> Rebalance:
    """One that a cancel ended: no word about it stays in the table."""
    done = lab.rebalance("r")
    assert done.status.terminal
    assert done.work.published
    assert lab.orders.halt_about(done.rebalance_id) is None
    return done


def test_one_that_waits_for_an_open_ends_at_once(exchange: ExchangeControl) -> None:
    with lab_at(exchange, "17:00") as lab, Crowd(lab) as crowd:
        market(lab)
        send(lab, {"SPY": "1"}, when_closed="next_open")
        crowd.work(until=market_time("17:10"))
        assert said(cancel(lab, "r")) == "r is taken back; it was waiting"
        crowd.work(until=market_time("17:10:05"))
        done = ended(lab)
        assert (done.status, done.reason, submits(lab)) == (RebalanceStatus.REJECTED, Reason.CANCELLED, [])
        assert alerts(lab) == [], "who took it back knows"


@pytest.mark.parametrize("call", ["broker.open_orders", "rebalances.save", "rebalances.add_leg"])
def test_what_was_not_placed_is_not(lab: Lab, call: str) -> None:
    market(lab)
    whenever(lab, call, lambda: cancel(lab, "r"))
    rebalance(lab, {"SPY": "1"})
    done = ended(lab)
    assert (done.reason, submits(lab)) == (Reason.CANCELLED, [])
    assert call == "broker.open_orders" or done.status is RebalanceStatus.DONE_WITH_RESIDUAL or not done.planned_at


def test_one_that_comes_after_its_cancel_is_not_begun(lab: Lab) -> None:
    market(lab, AAPL=100)
    cancel(lab, "r")
    done = rebalance(lab, {"SPY": "1"})
    assert (done.status, done.reason, legs(lab)) == (RebalanceStatus.REJECTED, Reason.CANCELLED, [])
    lab.sweep()
    assert lab.orders.halts() == ()


def test_between_its_halves_nothing_is_bought_and_the_rest_is_told(lab: Lab) -> None:
    market(lab, AAPL=100)
    # The second look at the account is the one after the sells.
    whenever(lab, "broker.open_orders", lambda: cancel(lab, "r"), nth=2)
    rebalance(lab, {"SPY": "1"})
    done = ended(lab)
    assert (done.status, done.reason) == (RebalanceStatus.DONE_WITH_RESIDUAL, Reason.CANCELLED)
    assert why(done) == {"SPY": "taken back before it was placed"}
    assert alerts(lab) == [], "who took it back knows"
    assert [(leg.symbol, leg.status) for leg in legs(lab)] == [("AAPL", Status.FILLED)]
    assert held(lab).get("SPY", Decimal(0)) == 0


def test_a_leg_that_rests_is_taken_out_of_the_market(lab: Lab) -> None:
    market(lab)
    lab.control.quote("SPY", "500.00", "500.02", 5000, 3)
    with Crowd(lab) as crowd:
        send(lab, {"SPY": "1"})
        crowd.work(until=market_time("10:00:02"))
        assert said(cancel(lab, "r")) == "r is taken back; it was buying"
        crowd.work(until=market_time("10:00:10"))
        done = ended(lab)
        [leg] = legs(lab)
        assert (leg.status, leg.reason) == (Status.PARTIALLY_FILLED, Reason.CANCELLED)
        assert held(lab)["SPY"] == leg.filled_qty < 100
        assert why(done) == {"SPY": "the buy leg was partially filled (cancelled)"}


def test_what_a_leg_took_protection_off_is_protected_again(lab: Lab) -> None:
    """It sells protected shares by a close; taken back half sold, the rest of them has its stop again."""
    market(lab)
    hold(lab)
    lab.sleep(12)  # what was filled a moment ago is waited for
    lab.control.quote("TQQQ", "50.95", "50.98", 30, 2000)
    with Crowd(lab) as crowd:
        send(lab, {"SPY": "1"}, include_protected=True)
        crowd.work(until=market_time("10:00:15"))
        cancel(lab, "r")
        crowd.work(until=market_time("10:00:27"))
        ended(lab)
        left = lab.order("b").unexited_qty
        assert 0 < left < 100
        assert [guard.qty for guard in guards(lab)] == [left]
