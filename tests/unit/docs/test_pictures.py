"""The pictures of the README: small, for both schemes, without another server, and of what the code shows today."""

from __future__ import annotations

import html
import json
import re
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from rich.console import Console, RenderableType

from desk.cli.positions import table
from desk.demo.stories import PARTS
from desk.telling.render import order_page
from repeg.domain.market.quotes import describe
from repeg.domain.order.views import order_view
from repeg.domain.reasons import Status
from tests.support.make import quote
from tests.support.pictures import FOLDER, MOST_BYTES, SCHEMES, SHOWN, TYPED, WIDTH
from tests.support.stack import ROOT
from tests.unit.samples import order, rung

AGAIN = "it is out of date: make pictures"
SHOWN_NOW: dict[str, Any] = json.loads(SHOWN.read_text(encoding="utf-8"))
TERMINAL: list[str] = SHOWN_NOW["terminal"]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PICTURES = [
    f"{name}-{scheme}{kind}"
    for name, kind in (("terminal", ".svg"), ("blotter", ".png"), ("report", ".png"))
    for scheme in SCHEMES
]


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_is_there_is_small_and_is_shown(name: str) -> None:
    path = FOLDER / name
    assert path.stat().st_size <= MOST_BYTES[path.suffix]
    assert f'"docs/pictures/{name}"' in README


def test_the_readme_shows_the_dark_ones_where_it_is_dark_and_says_what_they_are() -> None:
    shown = re.findall(r'<source media="\(prefers-color-scheme: dark\)" srcset="docs/pictures/(\w+)-dark', README)
    assert shown == re.findall(r'<img alt="[^"]{20,}" src="docs/pictures/(\w+)-light', README)
    assert sorted(shown) == ["blotter", "report", "terminal"]


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_terminal_asks_nobody_for_anything_and_says_what_was_printed(scheme: str) -> None:
    text = (FOLDER / f"terminal-{scheme}.svg").read_text(encoding="utf-8")
    assert "@font-face" not in text and "<image" not in text and "<script" not in text
    assert re.findall(r"https?://[^\"' )]*", text) == ["http://www.w3.org/2000/svg"]
    # Blanks between pieces of another colour are not drawn.
    said = "".join(html.unescape("".join(re.findall(r"<text[^>]*>(.*?)</text>", text, re.DOTALL))).split())
    assert said == "".join("".join(TERMINAL).split()), AGAIN


def _lines(what: RenderableType) -> list[str]:
    screen = StringIO()
    Console(file=screen, width=WIDTH, markup=False).print(what)
    return [line.strip() for line in screen.getvalue().splitlines()]


def test_the_terminal_has_the_headings_and_words_of_today() -> None:
    assert [f"$ {line}" for line in TYPED] == [line for line in TERMINAL if line.startswith("$ ")], AGAIN
    assert "demo-repeg" in {story.signal_id for part in PARTS for story in part.stories}
    shown = [line.split() for line in TERMINAL]
    filled = order(rung(1, 100, 40, "28.43"), rung(2, 60, 60, "28.45"), status=Status.FILLED)
    page = _lines(order_page(order_view(filled)))
    [heading] = [line.split() for line in page if line.startswith("rung")]
    assert heading in shown, AGAIN
    [positions] = [line.split() for line in _lines(table([])) if line]
    assert positions in shown, AGAIN
    labels = {line.split()[0] for line in page[1 : page.index("")]}
    assert labels <= {words[0] for words in shown if words}, AGAIN
    touch = describe(quote(Decimal("28.40"), Decimal("28.43")))
    assert any(touch in line for line in TERMINAL), AGAIN


def test_blotter_and_report_have_the_headings_of_today() -> None:
    page = "".join((ROOT / "desk/blotter/page" / name).read_text() for name in ("index.html", "orders.js"))
    assert [each for each in SHOWN_NOW["blotter"] if f">{each}" not in page and f'"{each}"' not in page] == [], AGAIN
    report = (ROOT / "desk/page/report.html.j2").read_text()
    assert [each for each in SHOWN_NOW["report"] if each not in report] == [], AGAIN
    assert len(SHOWN_NOW["blotter"]) > 12 and len(SHOWN_NOW["report"]) > 20
