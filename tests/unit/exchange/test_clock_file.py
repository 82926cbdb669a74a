"""Other processes read market time from the file that the clock keeps."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

from desk.cloud.emulator import market_now, setting_of
from desk.exchange.market.clock import MarketClock
from desk.stack.market_time import Setting

START = 1_763_650_800_000_000_000


def agree(clock: MarketClock, told: Path) -> bool:
    before, read, other, after = clock.now(), Setting.read(told).now(), market_now(setting_of(told)), clock.now()
    return all(before / 1e9 - 1e-3 <= one <= after / 1e9 + 1e-3 for one in (read, other))


def test_whatever_is_done_to_the_clock_is_read_at_once(tmp_path: Path) -> None:
    told = tmp_path / "clock"
    clock = MarketClock(START, Fraction(5, 2), told=told)
    assert agree(clock, told) and Setting.read(told).speed == 2.5
    clock.set(START + 10**12)
    assert agree(clock, told)
    clock.pause(True)
    assert agree(clock, told) and Setting.read(told).speed == 0
    clock.set(START)
    assert agree(clock, told) and Setting.read(told).speed == 0
    clock.pause(False)
    clock.run_at(Fraction(20))
    assert agree(clock, told) and Setting.read(told).speed == 20


def test_without_a_clock_it_is_the_walls(tmp_path: Path) -> None:
    setting = Setting.read(tmp_path / "none")
    assert setting.speed == 1 and abs(setting.now() - market_now("")) < 1
