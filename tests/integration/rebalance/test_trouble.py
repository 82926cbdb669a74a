"""What a rebalance does when its own steps keep failing."""

from __future__ import annotations

from repeg.domain.reasons import Reason
from repeg.domain.rebalance.record import RebalanceStatus
from tests.integration.rebalance.scenes import market, rebalance
from tests.support.lab import Lab
from tests.support.scenes import alerts, submits


def test_steps_that_fail_for_a_while_are_recovered_from(lab: Lab) -> None:
    market(lab, AAPL=100)
    real, failures = lab.rebalancer.shared.assets, iter(range(12))

    def fails() -> object:
        if next(failures, None) is not None:
            raise ZeroDivisionError
        return real()

    lab.rebalancer.shared.assets = fails  # type: ignore[method-assign,assignment]
    done = rebalance(lab, {"SPY": "1"})
    assert (done.status, done.work.failed_rounds) == (RebalanceStatus.DONE, 0)


def test_a_step_that_never_works_ends_the_rebalance_and_says_so(lab: Lab) -> None:
    market(lab, AAPL=100)

    def fails() -> object:
        raise ZeroDivisionError

    lab.rebalancer.shared.assets = fails  # type: ignore[method-assign,assignment]
    done = rebalance(lab, {"SPY": "1"})
    assert (done.status, done.reason) == (RebalanceStatus.FAILED, Reason.INTERNAL_ERROR)
    assert not submits(lab)
    assert len(alerts(lab)) == 1
    assert any("ZeroDivisionError" in event.detail for event in done.events)
