"""What a trader does to stops and targets in a storm."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from random import Random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.support.storms.storm import Storm

MOVES = (0, 0, 1, 2, 3)


def moves(storm: Storm) -> list[tuple[float, Callable[[], None]]]:
    """When exits are to be moved, drawn apart, so that a storm without it is the storm that it was."""
    random = Random(f"{storm.seed} moves")
    return [
        (random.random() * storm.length, partial(_move, storm, random, number))
        for number in range(random.choice(MOVES))
    ]


def _move(storm: Storm, random: Random, number: int) -> None:
    """Of any bracket, or of what is none, long or short, to where it may be through the market already."""
    near, far = (storm.price + Decimal(random.choice(("-2", "-0.4", "-0.05", "0.05", "0.4", "3"))) for _ in range(2))
    signal = {"signal_id": f"m{number}", "kind": "adjust", "adjust_signal_id": random.choice(("s1", "s1", "s2", "s3"))}
    signal |= random.choice(({"stop_loss": near}, {"take_profit": far}, {"stop_loss": near, "take_profit": far}))
    signal |= {"when_closed": random.choice(("reject", "next_open")), "force": random.random() < 0.3}
    signal = json.loads(json.dumps(signal, default=str))
    storm.signals.append(signal)
    storm.say(f"signal {signal}")
    storm.crowd.spawn(f"intake-m{number}", partial(storm._deliver, signal, f"m{number}"))
