from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal
from typing import Any

from desk.demo.play import SETTINGS_SECONDS, Progress, Stage, Tuning
from desk.demo.story import Act, Expected, Story, Touch
from desk.exchange.client import ClockReading
from repeg.domain.order.record import Order
from repeg.domain.reasons import Status
from tests.unit.samples import HELD, TAKEN, journal, order, rung

FILLED = order(rung(1, 100, 100, "50.98"), requested_qty=Decimal(100))
ACT = Act(
    "an act",
    "2026-11-20T10:00:00-05:00",
    (
        Story(
            "a story",
            {"signal_id": "s-1", "kind": "order", "symbol": "TQQQ", "side": "buy", "qty": 100},
            Expected("filled", ladder="better_orders", limits=("50.99",), fills=(("100", "50.98"),)),
            quote=Touch("50.95", "50.98"),
            script=({"at": "2026-11-20T10:00:05-05:00", "symbol": "TQQQ", "bid": "50.96"},),
        ),
    ),
)


LEAVES = Expected("filled", ladder="smart_limit", leaves=("target", "25", "545.50"))


class Exchange:
    """Notes what the stage sets, in order."""

    def __init__(self, now: str) -> None:
        self.now = now
        self.set: list[str] = []

    def clock(self) -> ClockReading:
        return ClockReading(self.now, False, 5.0)

    def set_clock(self, now: str) -> None:
        self.set.append(f"clock {now}")

    def quote(self, symbol: str, **fields: Any) -> None:
        self.set.append(f"quote {symbol} {fields['bid']}")

    def script(self, *events: Any) -> None:
        self.set.append(f"script {len(events)}")

    def journal(self) -> list[dict[str, Any]]:
        return journal(FILLED)


class Orders:
    """The record of the one signal, as it is after so many looks."""

    def __init__(self, *looks: Order | None) -> None:
        self.looks = list(looks)

    def find(self, signal_id: str) -> Order | None:
        return self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]


class Play:
    """A stage whose wall clock moves only while it sleeps."""

    def __init__(self, orders: Orders, now: str = "2026-11-20T14:59:00Z") -> None:
        self.exchange: Any = Exchange(now)
        self.seen: list[list[Progress]] = []
        self.seconds = 0.0
        stage: Any = Stage
        self.stage = stage(
            self.send,
            Tuning(
                lambda settings: self.exchange.set.append(f"settings {sorted(settings)}"),
                lambda: self.seconds,
                self.sleep,
            ),
            orders,
            self.exchange,
            lambda act, progress: self.seen.append(list(progress)),
            lambda: self.seconds,
            self.sleep,
        )

    def send(self, stories: Iterable[Story]) -> None:
        self.exchange.set.append(f"send {len(list(stories))}")

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds


def test_the_market_is_set_before_the_signal_is_sent() -> None:
    play = Play(Orders(FILLED))
    [verdict] = play.stage.play(ACT, timeout=5)
    assert play.exchange.set == ["clock 2026-11-20T10:00:00-05:00", "quote TQQQ 50.95", "script 1", "send 1"]
    assert verdict.ok, verdict.differences


def test_market_time_never_goes_back() -> None:
    play = Play(Orders(FILLED), now="2026-11-20T15:00:01Z")
    play.stage.play(ACT, timeout=5)
    assert not any(line.startswith("clock") for line in play.exchange.set)


def test_progress_is_told_until_every_story_is_over() -> None:
    play = Play(Orders(None, FILLED.changed(status=Status.WORKING, children=()), FILLED))
    [verdict] = play.stage.play(ACT, timeout=60)
    told = [(item.order and item.order["status"], item.over) for [item] in play.seen]
    assert told == [(None, False), ("working", False), ("filled", True)]
    assert verdict.ok


def test_a_story_that_is_not_over_in_time_is_not_ok() -> None:
    play = Play(Orders(FILLED.changed(status=Status.WORKING)))
    [verdict] = play.stage.play(ACT, timeout=3)
    assert not verdict.ok and "status: working instead of filled" in verdict.differences
    assert 3 < play.seconds < 4


def test_a_story_of_an_exit_is_not_over_before_it() -> None:
    play = Play(Orders(HELD, HELD, TAKEN))
    act = Act("an act", ACT.starts_at, (Story("taken", {"signal_id": "s-1", "symbol": "CRWD"}, LEAVES),))
    [verdict] = play.stage.play(act, timeout=60)
    assert [item.over for [item] in play.seen] == [False, False, True]
    assert verdict.left == (("target", "25", "545.50"),)


def test_settings_are_in_force_before_an_act_and_gone_after_it() -> None:
    play = Play(Orders(FILLED))
    play.stage.play(replace(ACT, overrides={"enabled": False}), timeout=5)
    assert play.exchange.set[1] == "settings ['enabled']" and play.exchange.set[-1] == "settings []"
    assert play.seconds >= SETTINGS_SECONDS


def test_settings_that_were_announced_are_not_waited_for_twice() -> None:
    play = Play(Orders(FILLED))
    play.stage.play(replace(ACT, announces={"enabled": False}), timeout=5)
    assert play.seconds < 1
    play.seconds += SETTINGS_SECONDS
    play.stage.play(replace(ACT, overrides={"enabled": False}), timeout=5)
    assert play.seconds < SETTINGS_SECONDS + 1
    assert [line for line in play.exchange.set if line.startswith("settings")] == [
        "settings ['enabled']",
        "settings []",
    ]
