from __future__ import annotations

from collections.abc import Callable
from itertools import chain, count, repeat

import pytest

from desk.bench.turns import LEAST_ROUNDS, MOST_ROUNDS, agreed, take_turns


@pytest.mark.parametrize(
    ("figures", "verdict"),
    [([100], False), ([100, 104], True), ([100, 105], False), ([300, 100, 200, 102], True)],
)
def test_figures_agree_when_the_two_smallest_do(figures: list[float], verdict: bool) -> None:
    assert agreed(figures) is verdict


def telling(*figures: float) -> Callable[[], float]:
    told = chain(figures, repeat(figures[-1]))
    return lambda: next(told)


def nothing(nth: int, left: int) -> None:
    pass


def test_what_is_disturbed_is_measured_longer_than_what_is_not() -> None:
    things = {"quiet": telling(10), "disturbed": telling(20, 15, 12, 10, 10.2)}
    found = take_turns(things, float, 60, nothing)
    assert found == {"quiet": [10] * LEAST_ROUNDS, "disturbed": [20, 15, 12, 10, 10.2]}


def test_what_never_agrees_is_given_up() -> None:
    falling = (2.0**-nth for nth in count())
    assert len(take_turns({"restless": lambda: next(falling)}, float, 60, nothing)["restless"]) == MOST_ROUNDS


def test_time_that_is_up_leaves_the_least_rounds() -> None:
    rounds = []
    found = take_turns({"a": telling(9, 6, 3, 1)}, float, 0, lambda nth, left: rounds.append((nth, left)))
    assert found == {"a": [9, 6, 3]}
    assert rounds == [(1, 1), (2, 1), (3, 1)]


def test_what_others_are_compared_with_is_measured_thrice_a_round() -> None:
    found = take_turns({"a": telling(9), "plain": telling(5)}, float, 60, nothing, often=("plain",))
    assert {name: len(figures) for name, figures in found.items()} == {"a": LEAST_ROUNDS, "plain": 3 * LEAST_ROUNDS}
