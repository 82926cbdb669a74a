"""Sweeps with more to do than a minute holds, a Step Functions that is asked too often, orders that stand still."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from repeg.errors import RetryError
from repeg.executions import ExecutionState
from tests.support.lab import Lab
from tests.support.leaving import guards, hold
from tests.support.scenes import alerts, send
from tests.support.watching import cancel_protection


def _many(lab: Lab, count: int) -> list[str]:
    """Orders of as many symbols whose executions were stopped before they began."""
    for number in range(count):
        send(lab, f"s{number}", symbol=f"S{chr(65 + number // 26)}{chr(65 + number % 26)}", qty=1)
    lab.revive()
    return [lab.order(f"s{number}").order_id for number in range(count)]


def _slowly(lab: Lab, monkeypatch: pytest.MonkeyPatch, seconds: float) -> list[str]:
    """Each StartExecution takes so many seconds; returns who was started, as it goes."""
    real, started = lab.start, list[str]()

    def slow(order_id: str, number: int) -> None:
        lab._wall += timedelta(seconds=seconds)
        started.append(order_id)
        real(order_id, number)

    monkeypatch.setattr(lab, "start", slow)
    return started


def test_who_was_left_out_comes_first_the_next_minute(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = _many(lab, 60)
    started = _slowly(lab, monkeypatch, 1)
    began = lab.time.wall()
    lab.sweep()
    assert 35 <= len(started) <= 41
    assert lab.time.wall() - began <= timedelta(seconds=42)
    lab.revive()  # they all die again: the second sweep still begins with those behind them
    first = list(started)
    lab.sweep()
    assert set(ids) - set(first) == set(started[len(first) :][: 60 - len(first)])


def test_positions_come_before_orders(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    order = hold(lab)
    cancel_protection(lab, order)
    _many(lab, 60)
    started = _slowly(lab, monkeypatch, 1)
    lab.sweep()
    assert any("lost their protection" in alert for alert in alerts(lab))
    lab.running.clear()
    lab.sleep(60)
    before = len(started)
    lab.sweep()
    assert started[before] == order.order_id
    lab.running = {name: each for name, each in lab.running.items() if each == order.order_id}
    lab.work()
    assert [guard.qty for guard in guards(lab)] == [100]


def _slow_looks(lab: Lab, monkeypatch: pytest.MonkeyPatch, symbols: Sequence[str], seconds: list[int]) -> list[str]:
    """Brackets of so many symbols, each of which takes `seconds[0]` to look at; returns which are, as it goes."""
    for symbol in symbols:
        lab.control.quote(symbol, "50.95", "50.98", 2000, 2000)
        hold(lab, symbol.lower(), symbol=symbol)
    real, seen = lab.orders.holder, list[str]()

    def slow(symbol: str) -> str | None:
        seen.append(symbol)
        lab._wall += timedelta(seconds=seconds[0])
        return real(symbol)

    monkeypatch.setattr(lab.orders, "holder", slow)
    return seen


def _late(lab: Lab, monkeypatch: pytest.MonkeyPatch, seconds: int) -> None:
    """The listing of executions, which comes before all looks, takes so many seconds."""
    real = lab.under_way

    def slow() -> frozenset[str]:
        lab._wall += timedelta(seconds=seconds)
        return real()

    monkeypatch.setattr(lab, "under_way", slow)


def test_of_many_positions_all_are_seen_in_a_few_sweeps(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """A turn that takes ten seconds to look up: two or three symbols a minute, never the same ones again and again."""
    symbols = ("SPY", "QQQ", "TQQQ", "SOXL", "AAPL", "NVDA")
    seen = _slow_looks(lab, monkeypatch, symbols, [10])
    lab.sweep()
    assert len(seen) == 3
    lab.sweep()
    assert sorted(seen) == sorted(symbols)


def test_a_sweep_that_is_late_before_its_first_symbol_looks_at_one_each_time(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A broker that is slow to list account and orders for an hour must not leave every position unwatched for it."""
    seen = _slow_looks(lab, monkeypatch, ("SPY", "TQQQ", "SOXL"), [0])
    cancel_protection(lab, lab.order("tqqq"))
    _late(lab, monkeypatch, 26)
    for _ in range(3):
        lab.sweep()
    assert seen == ["SOXL", "SPY", "TQQQ"]
    assert any("100 TQQQ lost their protection" in alert for alert in alerts(lab))


def test_who_was_unseen_longest_comes_first_though_all_were_seen_since(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = [15]
    seen = _slow_looks(lab, monkeypatch, ("AAPL", "NVDA", "SOXL", "TQQQ"), seconds)
    lab.sweep()
    assert seen == ["AAPL", "NVDA"]
    seconds[0] = 0
    lab.sweep()
    assert seen[2:] == ["SOXL", "TQQQ", "AAPL", "NVDA"]
    seconds[0] = 15
    lab.sweep()
    assert seen[6:] == ["SOXL", "TQQQ"]


def test_a_sweep_that_is_late_before_its_first_order_revives_one_each_time(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = _many(lab, 3)
    started = _slowly(lab, monkeypatch, 0)
    _late(lab, monkeypatch, 41)
    for count in (1, 2, 3):
        lab.sweep()
        assert len(started) == count
    assert sorted(started) == sorted(ids)


def test_executions_are_listed_once_instead_of_asked_for_one_by_one(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """800 describes a minute are more than Step Functions answers."""
    _many(lab, 40)
    lab.sweep()
    asked: list[str] = []
    real = lab.state
    monkeypatch.setattr(lab, "state", lambda order_id, number: asked.append(order_id) or real(order_id, number))
    lab.sweep()
    assert asked == []


def test_being_asked_too_often_is_no_alarm(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    _many(lab, 3)

    def throttled(*_: Any) -> ExecutionState:
        raise RetryError("DescribeExecution: ThrottlingException")

    monkeypatch.setattr(lab, "state", throttled)
    lab.sweep()
    assert "'alert': True" not in caplog.text
    monkeypatch.undo()
    assert lab.sweep()["started"] == 3


def test_an_order_that_stands_still_is_told_once(lab: Lab) -> None:
    send(lab, "a", symbol="NONE", qty=1)
    order = lab.order("a")
    name = f"{order.order_id}-1"
    lab.moved[name] = lab.time.wall()
    for _ in range(10):
        lab.sleep(60)
        lab.sweep()
    (told,) = alerts(lab)
    assert "has not moved for" in told
    lab.moved[name] = lab.time.wall()
    lab.sweep()
    assert len(alerts(lab)) == 1


def test_an_order_that_waits_for_long_does_not_stand_still(lab: Lab) -> None:
    """Parked for the night: it moves when its wait is over."""
    send(lab, "a", symbol="NONE", qty=1)
    order = lab.order("a")
    lab.moved[f"{order.order_id}-1"] = lab.time.wall()
    lab.orders.save(order.with_run(due_wall=lab.time.wall() + timedelta(minutes=30)))
    for _ in range(32):
        lab.sleep(60)
        lab.sweep()
    assert alerts(lab) == []


def test_what_a_sweep_notes_is_not_lost_with_it(lab: Lab) -> None:
    """Trouble of an order that works by itself is noted beside its record, and told again after 15 minutes only."""
    send(lab, "a", symbol="NONE", qty=1)
    lab.moved[f"{lab.order('a').order_id}-1"] = lab.time.wall()
    for _ in range(25):
        lab.sleep(60)
        lab.sweep()
    assert len(alerts(lab)) == 2
