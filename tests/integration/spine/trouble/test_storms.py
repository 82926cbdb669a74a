"""Random storms: signals of all kinds on one symbol while everything fails at once; then the audit.

Each storm follows from its seed. A failing one prints its story; `REPEG_STORMS=<seed>` replays it, and
`REPEG_STORMS=<first>-<last>` runs others.
"""

from __future__ import annotations

import os

import pytest

from desk.exchange.client import ExchangeControl
from tests.support.stand_ins.short_moto import quick_aws
from tests.support.storms.aftermath import look_at
from tests.support.storms.storm import Storm

SEEDS = range(607, 620)


def _seeds() -> range:
    first, _, last = os.environ.get("REPEG_STORMS", "").partition("-")
    return range(int(first), int(last or first) + 1) if first else SEEDS


@pytest.mark.parametrize("seed", _seeds())
def test_after_the_storm_everything_came_to_a_true_end(
    seed: int, exchange: ExchangeControl, aws_credentials: None
) -> None:
    storm = Storm(seed, exchange)
    with quick_aws():
        try:
            storm.rage()
            look_at(storm)
        except Exception:
            print(f"\nstorm {seed} ({getattr(storm, 'session', '?')}); replay it with REPEG_STORMS={seed}")
            print("\n".join(storm.lines))
            raise
