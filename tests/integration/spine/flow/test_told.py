"""Each metric of the list is told by what the list says it is about: none is a name that nothing stands behind.

What functions tell around an order (signals, calls, errors) is held by the handlers' tests, which close the list.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import pytest

from repeg.domain.metrics.listed import Metric
from repeg.domain.schedule.times import Schedule
from tests.integration.rebalance.scenes import market, rebalance
from tests.support.crowd import Crowd
from tests.support.lab import Lab
from tests.support.leaving import BRACKET, minutes
from tests.support.scenes import done, market_time, on_order, out_of_reach, run, send
from tests.support.watching import lapse, moves

SYMBOLS = ("TQQQ", "SQQQ", "TECL", "SPXL", "UPRO", "SOXL", "FAS", "TNA", "TZA", "CURE")


def re_pegged(lab: Lab) -> None:
    on_order(lab, "new", "50.98", "51.01")
    done(lab)


def ten_brackets(lab: Lab) -> None:
    for number, symbol in enumerate(SYMBOLS):
        lab.control.quote(symbol, "50.95", "50.98", 2000, 2000)
        run(lab, f"s{number}", **(BRACKET | {"symbol": symbol, "qty": 1}))
    lab.sweep()


def at_work(lab: Lab) -> None:
    send(lab)
    lab.sweep()


def bare(lab: Lab) -> None:
    lapse(lab)
    lab.sweep()


def past_its_stop(lab: Lab) -> None:
    lapse(lab)
    moves(lab, "49.90")
    minutes(lab, 3)


def sold_by_others(lab: Lab) -> None:
    lapse(lab)
    lab.control.position("TQQQ", 40, "50.98")
    minutes(lab, 4)


def cancel_that_hangs(lab: Lab) -> None:
    out_of_reach(lab, rungs=1)
    lab.control.faults({"method": "DELETE", "path": "/v2/orders/*", "kind": "stuck_cancel"})
    send(lab)
    with Crowd(lab) as crowd:
        crowd.work(until=market_time("10:01"))
        lab.sweep()
        lab.control.faults()
        crowd.work(until=market_time("10:10"), sweep_every=60)


def schedule_that_did_not_fire(lab: Lab) -> None:
    lab.on = [Schedule.END_OF_DAY_SUMMARY]
    for minutes_on in (6 * 60 + 19, 8):
        lab.sleep(minutes_on * 60)
        lab.sweep()


def rebalanced(lab: Lab) -> None:
    market(lab)
    rebalance(lab, {"SPY": "0.1"})


class Scene(NamedTuple):
    """What happens, and the metrics that tell of it."""

    happens: Callable[[Lab], None]
    told: frozenset[Metric]


SCENES = [
    Scene(
        re_pegged,
        frozenset(
            {
                Metric.ORDERS,
                Metric.ORDERS_FILLED,
                Metric.ORDERS_REJECTED,
                Metric.ORDERS_FAILED,
                Metric.SLIPPAGE_BPS,
                Metric.SLIPPAGE_PERCENT,
                Metric.SHORTFALL_BPS,
                Metric.EFFECTIVE_SPREAD_BPS,
                Metric.PRICE_IMPROVEMENT_BPS,
                Metric.SECONDS_TO_FILL,
                Metric.REPEGS,
                Metric.MARKET_FALLBACKS,
                Metric.CHILD_ORDERS,
                Metric.CHILD_ORDERS_CANCELLED,
                Metric.CHILD_ORDERS_FILLED,
                Metric.CAP_BREACHES,
                Metric.ESTIMATED_COST,
            }
        ),
    ),
    Scene(
        ten_brackets,
        frozenset(
            {
                Metric.RISK_REWARD,
                Metric.BARE_SECONDS,
                Metric.SLIPPAGE_GAUGE,
                Metric.REJECTION_GAUGE,
                Metric.RISK_REWARD_GAUGE,
                Metric.FILL_GAUGE,
            }
        ),
    ),
    Scene(at_work, frozenset({Metric.OPEN_ORDERS})),
    Scene(bare, frozenset({Metric.BARE_POSITIONS})),
    Scene(past_its_stop, frozenset({Metric.PAST_STOP_POSITIONS})),
    Scene(sold_by_others, frozenset({Metric.DRIFT})),
    Scene(cancel_that_hangs, frozenset({Metric.STUCK_CANCELS})),
    Scene(schedule_that_did_not_fire, frozenset({Metric.MISSED_RUNS})),
    Scene(rebalanced, frozenset({Metric.REBALANCES, Metric.REBALANCE_DRIFT, Metric.REBALANCE_RESIDUALS})),
]


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.happens.__name__)
def test_what_happens_is_told_by_its_metrics(lab: Lab, scene: Scene) -> None:
    scene.happens(lab)
    silent = {metric.value for metric in scene.told if not lab.meter.values(metric)}
    assert not silent
