"""What the demo shows, on screens of several widths."""

from __future__ import annotations

from dataclasses import replace

import pytest
from rich.console import Console, RenderableType

from desk.demo.play import Progress
from desk.demo.run import what_next
from desk.demo.show import progress_table, verdict_table
from desk.demo.stories import PARTS
from desk.demo.story import Act, Expected, Story
from desk.demo.verdict import judge
from repeg.domain.order.views import order_view
from tests.unit.samples import HELD, journal

STORY = Story(
    "CRWD buy: filled, protected from its fill",
    {"signal_id": "s-1", "kind": "bracket", "symbol": "CRWD"},
    Expected("filled", ladder="smart_limit", limits=("535.09",), fills=(("25", "534.80"),), protected=True),
)
ACT = Act("Monday 10:00", "2026-11-23T10:00:00-05:00", (STORY,))


def shown(content: RenderableType, width: int) -> list[str]:
    screen = Console(width=width, highlight=False, color_system=None)
    with screen.capture() as captured:
        screen.print(content)
    return [line.rstrip() for line in captured.get().splitlines()]


@pytest.mark.parametrize("width", [80, 100, 140])
def test_a_story_tells_its_prices_and_what_guards_its_shares(width: int) -> None:
    view = order_view(HELD)
    lines = shown(progress_table(ACT, [Progress(STORY, view, 3.5, over=True, holder=view)], width), width)
    assert " ".join(lines[2].split()).startswith("* CRWD buy: filled, protected from its fill 3.5 s filled")
    assert "limit 535.09: 25 at 534.80; protected" in lines[2 if width >= 120 else 3]


@pytest.mark.parametrize("width", [80, 100, 140])
def test_every_title_fits_its_column(width: int) -> None:
    for act in (act for part in PARTS for act in part.acts):
        lines = shown(progress_table(act, [Progress(story, None, 88.8, False) for story in act.stories], width), width)
        assert len(lines) == 2 + len(act.stories)
        assert len({line.index(" 88.8 s") for line in lines[2:]}) == 1


@pytest.mark.parametrize("width", [80, 100, 140])
def test_only_what_differs_is_told_twice(width: int) -> None:
    view = order_view(HELD)
    good = judge(STORY, view, view, journal(HELD))
    assert sum("534.80" in line for line in shown(verdict_table([good], width), width)) == 1
    assert any("as expected" in line for line in shown(verdict_table([good], width), width))
    wrong = judge(replace(STORY, expected=Expected("unfilled", "slippage_exceeded")), view, view, journal(HELD))
    text = " ".join(shown(verdict_table([wrong], width), width))
    assert "as expected" not in text and "instead of" in text and "534.80" in text


def test_a_demo_that_failed_on_a_busy_machine_is_offered_a_slower_market() -> None:
    assert "--speed 1" in (what_next(False, 5) or "")
    assert what_next(False, 1) is None, "it cannot be slower: something is wrong"
    assert "make local" in (what_next(True, 5) or "")
