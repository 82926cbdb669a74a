"""A rebalance that may close what brackets hold short."""

from __future__ import annotations

from repeg.domain.reasons import Status
from tests.integration.rebalance.scenes import legs, market, rebalance
from tests.support.lab import Lab
from tests.support.leaving import SHORT, check_held, hold, shares


def test_a_protected_short_is_bought_back_whatever_was_planned_for_it(lab: Lab) -> None:
    """It is closed by an exit, which has no cap: without one no cost could be reckoned, and its shares stayed bare."""
    market(lab)
    hold(lab, "b", **SHORT)
    rebalance(lab, {"SPY": "0.5"}, include_protected=True)
    closes = [leg for leg in legs(lab) if leg.kind == "close"]
    assert [leg.status for leg in closes] == [Status.FILLED]
    assert (shares(lab), lab.order("b").unexited_qty) == (0, 0)
    check_held(lab)
