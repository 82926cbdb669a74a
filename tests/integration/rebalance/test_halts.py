"""Rebalances while an operator halts trading: none is begun that could not buy what it sells for."""

from __future__ import annotations

from decimal import Decimal

import pytest

from repeg.domain.halt import Halt, Mode, Scope
from repeg.domain.reasons import Reason, Status
from repeg.domain.rebalance.record import RebalanceStatus
from tests.integration.rebalance.scenes import held, legs, market, rebalance, why
from tests.support.lab import Lab
from tests.support.leaving import hold
from tests.support.scenes import submits, whenever

PAIRS = Halt(scope=Scope.STRATEGY, of="pairs", mode=Mode.HALTED)


@pytest.mark.parametrize(
    ("halt", "reason"),
    [
        (Halt(mode=Mode.HALTED), Reason.HALTED),
        (PAIRS, Reason.HALTED),
        (Halt(mode=Mode.REDUCING), Reason.REDUCING_ONLY),
    ],
)
def test_nothing_is_sold_for_what_may_not_be_bought(lab: Lab, halt: Halt, reason: Reason) -> None:
    """Not even protected shares, which a close sells: that would pass for an exit."""
    market(lab)
    bracket = hold(lab)
    sent = len(submits(lab))
    lab.orders.keep_halt(halt)
    done = rebalance(lab, {"SPY": "1"}, include_protected=True, strategy="pairs")
    assert (done.status, done.reason, legs(lab)) == (RebalanceStatus.REJECTED, reason, [])
    assert len(submits(lab)) == sent
    assert lab.order(bracket.signal_id).guard.protected


def test_what_only_sells_goes_on_while_only_that_is_sent(lab: Lab) -> None:
    market(lab, AAPL=100)
    lab.orders.keep_halt(Halt(mode=Mode.REDUCING))
    done = rebalance(lab, {"AAPL": "0.05"})
    assert done.status is RebalanceStatus.DONE
    assert held(lab)["AAPL"] < 100


def test_a_dry_run_is_planned_whatever_is_halted(lab: Lab) -> None:
    market(lab, AAPL=100)
    lab.orders.keep_halt(Halt(mode=Mode.HALTED))
    done = rebalance(lab, {"SPY": "1"}, dry_run=True)
    assert (done.status, len(done.buys)) == (RebalanceStatus.DONE, 1)


def test_one_that_is_halted_between_its_halves_ends_and_says_what_it_left(lab: Lab) -> None:
    market(lab, AAPL=100)
    # The second look at the account is the one after the sells.
    whenever(lab, "broker.open_orders", lambda: lab.orders.keep_halt(Halt(mode=Mode.HALTED)), nth=2)
    done = rebalance(lab, {"SPY": "1"})
    assert done.status is RebalanceStatus.DONE_WITH_RESIDUAL
    assert why(done) == {"SPY": "the buy leg was rejected (halted)"}
    assert {leg.symbol: leg.status for leg in legs(lab)} == {"AAPL": Status.FILLED, "SPY": Status.REJECTED}
    assert held(lab).get("SPY", Decimal(0)) == 0
