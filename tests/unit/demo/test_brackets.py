"""Brackets in the demo: what is expected of them follows from the rules, and what became of them is compared."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from desk.demo.bracket_stories import RAN_TO_536, THE_OLD_WAY
from desk.demo.stories import PARTS
from desk.demo.story import Expected, Story
from desk.demo.verdict import judge
from desk.report.old_way import old_way
from repeg.domain.order.bracket import Bracket
from repeg.domain.order.views import order_view
from tests.unit.samples import HELD, SOLD_IN_PART, TAKEN, journal

SIGNAL = {"signal_id": "s-1", "kind": "bracket", "symbol": "CRWD"}
ENTERED = [story for part in PARTS for story in part.stories if story.expected.stop]


def story(holder: str | None = None, **expected: Any) -> Story:
    fields = {
        "status": "filled",
        "ladder": "smart_limit",
        "limits": ("535.09",),
        "fills": (("25", "534.80"),),
        "stop": "529.45",
        "target": "545.50",
        "risk_reward": "2.00",
        "protected": True,
    }
    return Story("a story", SIGNAL, Expected(**(fields | expected)), holder=holder)


def test_a_protected_bracket_as_expected_is_ok() -> None:
    view = order_view(HELD)
    verdict = judge(story(), view, view, journal(HELD))
    assert verdict.ok, verdict.differences


def test_levels_ratio_and_protection_are_compared() -> None:
    view = order_view(HELD)
    wrong = story(stop="529.47", target="545.52", risk_reward="2.10", protected=False)
    lines = judge(wrong, view, view, journal(HELD)).differences
    assert [line.split(":")[0] for line in lines] == ["stop", "target", "R/R", "protected"]


@pytest.mark.parametrize(("leaves", "ok"), [(("target", "25", "545.50"), True), (("stop", "25", "529.45"), False)])
def test_an_exit_is_compared_by_reason_quantity_and_price(leaves: tuple[str, str, str], ok: bool) -> None:
    view = order_view(TAKEN)
    assert judge(story(leaves=leaves), view, view, journal(TAKEN)).ok is ok


def test_a_close_is_judged_by_the_exit_of_the_bracket_that_it_leaves() -> None:
    leaving = story(holder="s-1", leaves=("close", "10", "540.00"))
    verdict = judge(leaving, order_view(HELD), order_view(SOLD_IN_PART), journal(HELD))
    assert verdict.ok, verdict.differences
    assert verdict.left == (("close", "10", "540.00"),)


@pytest.mark.parametrize("told", ENTERED, ids=lambda told: told.title)
def test_expected_levels_follow_from_signal_and_fill(told: Story) -> None:
    anchor: Any = "signal" if told is THE_OLD_WAY else "fill"
    prices = {name: Decimal(told.signal[name]) for name in ("signal_price", "stop_loss", "take_profit")}
    bracket = Bracket(side=told.signal["side"], anchor=anchor, **prices)
    paid = Decimal(told.expected.fills[0][1])
    levels = bracket.levels_at(paid)
    assert (str(levels.stop), str(levels.target)) == (told.expected.stop, told.expected.target)
    assert f"{levels.risk_reward(paid, bracket.side):.2f}" == told.expected.risk_reward


def test_the_old_way_buys_what_this_executor_refuses() -> None:
    assert RAN_TO_536.quote
    old = old_way(RAN_TO_536.signal, Decimal(RAN_TO_536.quote.ask))
    assert (str(old.price), str(old.levels.stop), str(old.levels.target)) == ("536.00", "529.47", "536.87")
    assert old.risk_reward and f"{old.risk_reward:.2f}" == "0.13"
    assert (old.to_win, old.to_lose) == (Decimal("21.75"), Decimal("163.25"))
    assert THE_OLD_WAY.signal | {"signal_id": "x"} == RAN_TO_536.signal | {"signal_id": "x"}
