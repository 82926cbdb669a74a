from __future__ import annotations

from decimal import Decimal
from typing import Any

from desk.demo.stories import PARTS
from desk.demo.story import Expected, Story
from desk.demo.verdict import judge
from tests.unit.samples import journal, order, rung, view

SIGNAL = {"signal_id": "s-1", "kind": "order", "symbol": "TQQQ", "side": "buy", "qty": 100}
FILLED = order(rung(1, 100, 100, "50.98"))


def story(**expected: Any) -> Story:
    fields = {"status": "filled", "ladder": "better_orders", "limits": ("50.99",), "fills": (("100", "50.98"),)}
    return Story("a story", SIGNAL, Expected(**(fields | expected)))


def test_an_outcome_as_expected_is_ok() -> None:
    verdict = judge(story(), view(*FILLED.children), None, journal(FILLED))
    assert verdict.ok, verdict.differences
    assert verdict.fills == (("100", "50.98"),)


def test_every_difference_is_named() -> None:
    wrong = story(status="unfilled", limits=("50.98",), fills=(), first_sent_from="2026-11-20T10:00:30-05:00")
    lines = judge(wrong, view(*FILLED.children), None, journal(FILLED)).differences
    assert [line.split(":")[0] for line in lines][:3] == ["status", "limits", "fills"]
    assert "before 2026-11-20T10:00:30" in lines[3]


def test_no_order_is_never_ok() -> None:
    assert not judge(story(), None, None, []).ok


def test_expected_limits_stay_inside_the_cap() -> None:
    caps = {"better_orders": Decimal(20), "standard": Decimal(15)}
    for told in (told for part in PARTS for told in part.stories if told.quote and told.expected.ladder in caps):
        assert told.quote and told.expected.ladder
        mid = (Decimal(told.quote.bid) + Decimal(told.quote.ask)) / 2
        worst = mid * (1 + caps[told.expected.ladder] / 10_000)
        assert all(Decimal(limit) <= worst for limit in told.expected.limits if limit != "market"), told.title


def test_another_reason_is_as_right_only_where_the_story_says_so() -> None:
    ended = view(*FILLED.children) | {"reason": "stop_through"}

    def differs(**expected: Any) -> bool:
        return not judge(story(**expected), ended, None, journal(FILLED)).ok

    assert not differs(reason="protection_failed", reason_when_slow="stop_through")
    assert differs(reason="protection_failed")
    assert differs(reason="protection_failed", reason_when_slow="fill_timeout")
    assert judge(story(reason="protection_failed"), ended | {"reason": None}, None, journal(FILLED)).differences
