"""This machine's clock and that of a simulated market: moments of one told by the other."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from desk.stack import market_time
from desk.stack.market_time import Setting

WALL, MARKET = datetime(2026, 11, 29, 2, 0, tzinfo=UTC), datetime(2026, 11, 20, 15, 0, tzinfo=UTC)
AGO = timedelta(minutes=2)


@pytest.fixture(autouse=True)
def now(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten seconds after the market's clock was set."""
    monkeypatch.setattr(market_time, "wall_clock", lambda: WALL)
    monkeypatch.setattr(market_time, "time", SimpleNamespace(monotonic_ns=lambda: 17 * 10**9, time=WALL.timestamp))


def setting(speed: int) -> Setting:
    return Setting(f"{int(MARKET.timestamp()) * 10**9} {7 * 10**9} {speed} 1")


def test_a_moment_is_as_long_ago_in_market_time_as_the_market_runs_faster() -> None:
    five = setting(5)
    assert five.market(WALL) == MARKET + timedelta(seconds=50)
    assert five.market(WALL - AGO) == MARKET + timedelta(seconds=50) - 5 * AGO
    assert five.wall(five.market(WALL - AGO)) == WALL - AGO


def test_on_aws_both_are_one_and_a_market_that_stands_still_has_one_moment() -> None:
    assert Setting("").market(WALL - AGO) == Setting("").wall(WALL - AGO) == WALL - AGO
    still = setting(0)
    assert still.market(WALL - AGO) == still.market(WALL) == MARKET
    assert still.wall(MARKET) < WALL - timedelta(days=365)
