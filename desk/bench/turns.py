"""Measures several things by turns, as often as each of them needs."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from typing import TypeVar

LEAST_ROUNDS, MOST_ROUNDS = 3, 9
AGREE_WITHIN = 0.04
OFTEN = 3

Name = TypeVar("Name", bound=Hashable)
Found = TypeVar("Found")


def take_turns(
    things: Mapping[Name, Callable[[], Found]],
    weigh: Callable[[Found], float],
    seconds: float,
    say: Callable[[int, int], None],
    often: Collection[Name] = (),
) -> dict[Name, list[Found]]:
    """Measures each thing once a round, in ever new turns, until its two smallest figures agree.

    Other work on the machine only ever adds to a figure: two that agree were hardly disturbed. A busy machine takes
    more rounds, but none but the first three starts after so many seconds. `say` is told the round, from 1, and how
    many things it measures. What others are compared with is measured `often`: three times as much.
    """
    found: dict[Name, list[Found]] = {name: [] for name in things}
    left, nth, started = list(things), 0, time.monotonic()
    while left:
        nth += 1
        say(nth, len(left))
        turns = [name for name in left for _ in range(OFTEN if name in often else 1)]
        for name in random.Random(nth).sample(turns, len(turns)):
            found[name].append(things[name]())
        over = nth >= MOST_ROUNDS or time.monotonic() - started > seconds
        if nth >= LEAST_ROUNDS:
            left = [name for name in left if not over and not agreed([weigh(each) for each in found[name]])]
    return found


def agreed(figures: Sequence[float]) -> bool:
    """Whether the two smallest figures are so near each other that a third would tell nothing new."""
    smallest = sorted(figures)[:2]
    return len(smallest) == 2 and smallest[1] <= smallest[0] * (1 + AGREE_WITHIN)
