"""A rebalance's workers die, stand still, or are stopped anywhere: one set of legs, an end, and books that agree."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from desk.exchange.client import ExchangeControl
from repeg.domain.rebalance.record import Rebalance, RebalanceStatus
from tests.integration.rebalance.scenes import cash, held, legs, market, send
from tests.support.crowd import Crowd
from tests.support.deaths import Killed
from tests.support.lab import START, Lab
from tests.support.stand_ins.short_moto import quick_aws

TARGETS = {"TQQQ": "0.6", "SPY": "0.4"}
LONGEST_LIFE = 600
STRIDE = 29
"""Prime, so that the samples of the two scenes fall on other calls of the loops that a life is made of."""


@contextmanager
def _born(exchange: ExchangeControl, cash_there: str) -> Iterator[Lab]:
    exchange.reset()
    exchange.set_clock(START, paused=True)
    with quick_aws():
        lab = Lab(exchange)
        market(lab, AAPL=100, QQQ=50)
        lab.control.account(cash=cash_there)
        lab.sweep()
        lab.deaths.seen.clear()
        yield lab


def _work(lab: Lab) -> None:
    with Crowd(lab) as crowd:
        crowd.work()


def _live(lab: Lab) -> bool:
    """Deliver and work the rebalance; True if everybody died on the way."""
    try:
        send(lab, TARGETS)
    except Killed:
        return True
    _work(lab)
    return lab.deaths.stopped


def _recover(lab: Lab) -> None:
    lab.revive()
    if lab.rebalances.find("r") is None or not lab.ended:
        send(lab, TARGETS)
    for _ in range(3):
        lab.sweep()
        _work(lab)


def _is_done(lab: Lab, where: str) -> Rebalance:
    done = lab.rebalance("r")
    assert done.status is RebalanceStatus.DONE, f"{where}: {done.status} {done.reason} {done.residual} {done.events}"
    assert done.work.published and not done.residual, where
    assert lab.rebalances.holder("portfolio") is None, where
    assert held(lab).keys() == {"TQQQ", "SPY"}, where
    assert cash(lab) >= 0, where
    names = sorted((order.symbol, str(order.side)) for order in legs(lab))
    assert names == [("AAPL", "sell"), ("QQQ", "sell"), ("SPY", "buy"), ("TQQQ", "buy")], f"{where}: {names}"
    lab.check()
    return done


@pytest.mark.parametrize("first", [1, 4])
def test_survives_death_at_its_inputs_and_outputs(exchange: ExchangeControl, aws_credentials: None, first: int) -> None:
    for at in range(first, LONGEST_LIFE, STRIDE):
        with _born(exchange, "0") as lab:
            lab.deaths.at = at
            died = _live(lab)
            where = f"death before {lab.deaths.seen[-1]} (number {at})"
            if died:
                _recover(lab)
            _is_done(lab, where)
            if not died:
                assert at > 60, "the rebalance hardly did anything"
                return
    raise AssertionError("the rebalance's life never ended")
