"""Ladders as data: which rungs, how priced, how patient."""

from __future__ import annotations

from decimal import Decimal

import pytest

from repeg.domain.ladder.rungs import LadderName, Rung, build_ladder, standard_steps
from repeg.domain.settings import Settings
from tests.support.make import quote

SETTINGS = Settings()


def _shape(ladder: tuple[Rung, ...]) -> list[tuple[str, Decimal]]:
    return [(rung.rule.value, rung.patience) for rung in ladder]


@pytest.mark.parametrize("name", [LadderName.BETTER_ORDERS, LadderName.UNWIND])
def test_better_orders_re_pegs_twice_and_then_goes_to_the_market(name: LadderName) -> None:
    limit = ("marketable", Decimal("2.5"))
    assert _shape(build_ladder(name, SETTINGS, quote())) == [limit, limit, limit, ("market", Decimal(5))]


def test_re_pegs_and_patience_follow_the_settings() -> None:
    settings = Settings(max_repegs=0, aggressive_timeout_seconds=Decimal(4))
    shape = _shape(build_ladder(LadderName.BETTER_ORDERS, settings, quote()))
    assert shape == [("marketable", Decimal(4)), ("market", Decimal(5))]


def test_market_is_one_rung() -> None:
    assert _shape(build_ladder(LadderName.MARKET, SETTINGS, quote())) == [("market", Decimal(5))]


@pytest.mark.parametrize("name", [LadderName.BETTER_ORDERS, LadderName.STANDARD, LadderName.UNWIND])
def test_without_a_quote_only_the_market_rung_remains(name: LadderName) -> None:
    assert _shape(build_ladder(name, SETTINGS, None)) == [("market", Decimal(5))]


@pytest.mark.parametrize(
    ("bid", "ask", "steps"),
    [
        ("100.00", "100.01", 2),
        ("100.00", "100.05", 2),
        ("100.00", "100.06", 3),
        ("100.00", "100.08", 4),
        ("100.00", "100.10", 5),
        ("100.00", "101.00", 5),
        ("0.5000", "0.5006", 3),
    ],
)
def test_steps_from_mid_to_touch_follow_the_half_spread_between_two_and_five(bid: str, ask: str, steps: int) -> None:
    assert standard_steps(quote(bid, ask)) == steps
    rungs = build_ladder(LadderName.STANDARD, SETTINGS, quote(bid, ask))
    assert [rung.fraction for rung in rungs[:-1]] == [Decimal(k) / steps for k in range(steps + 1)]
    assert {rung.patience for rung in rungs} == {Decimal(5)}
    assert rungs[-1].rule.value == "market"
