"""The report's page: one file, well-formed, that asks nobody for anything and says what the document says."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree

import pytest

from desk.bench.period import period
from desk.page import plots
from desk.page.page import bps, page_of, round_money, seconds, signed_money, whole_money
from desk.report.analysis.reports import Span, report_over
from repeg.domain.order.record import Order
from repeg.domain.reasons import Reason, Status
from tests.unit.samples import order

VOID = {"meta", "br", "hr", "img", "link", "input"}
OUTSIDE = re.compile(
    r"""(?:src|href|action|poster|data)\s*=|url\(|@import|<script|<iframe|<object|<embed|<link""", re.I
)


def document(*orders: Order) -> dict[str, Any]:
    known = {each.order_id: each for each in orders}

    def details(ids: Sequence[str]) -> Mapping[str, Order]:
        return {name: known[name] for name in ids}

    return report_over(orders, details, Span()).document()


class Reader(HTMLParser):
    """Fails on a tag that is not closed, or in another's place; keeps ids, words and what is named for readers."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text: list[str] = []
        self.drawn = 0
        self.unnamed: list[str] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        if tag == "svg":
            self.drawn += 1
            if not dict(attrs).get("aria-label") or dict(attrs).get("role") != "img":
                self.unnamed.append(str(attrs))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open.pop() == tag, f"</{tag}> closes nothing"

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    reader.close()
    assert reader.open == []
    assert reader.unnamed == []
    return reader


@pytest.fixture(scope="module")
def report() -> dict[str, Any]:
    return document(*period(120, days=3))


@pytest.fixture(scope="module")
def page(report: dict[str, Any]) -> str:
    return page_of(report, "repeg")


def test_it_is_well_formed_and_its_plots_have_names(page: str) -> None:
    reader = read(page)
    assert reader.drawn > 12
    for svg in re.findall(r"<svg.*?</svg>", page, re.DOTALL):
        ElementTree.fromstring(svg)
    assert reader.tags >= {"html", "main", "header", "h1", "h2", "table", "figure", "svg"}


def test_it_asks_nobody_for_anything(page: str) -> None:
    assert not OUTSIDE.findall(page)
    assert set(re.findall(r"https?://[^\"'\s<)]+", page)) <= {
        "http://www.w3.org/2000/svg",
        "http://www.w3.org/1999/xlink",
    }
    assert "default-src 'none'" in page


def test_it_has_its_colours_in_both_schemes_and_in_print(page: str) -> None:
    used = set(re.findall(r"var\((--[\w-]+)\)", page))
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL)
    assert style and "prefers-color-scheme: dark" in style[1] and "@media print" in style[1]
    assert style[1].count("{") == style[1].count("}")
    roots = re.findall(r":root \{(.*?)\}", style[1], re.DOTALL)
    assert len(roots) == 3
    for root in roots:
        assert used <= set(re.findall(r"(--[\w-]+):", root))
    # A plot takes every colour from the page: one of its own would be lost in the other scheme.
    for svg in re.findall(r"<svg.*?</svg>", page, re.DOTALL):
        assert not re.findall(r'(?:fill|stroke)="(?!none|transparent|var\()[^"]+"', svg)


def test_it_says_what_the_document_says(page: str, report: dict[str, Any]) -> None:
    text = " ".join(" ".join(read(page).text).split())
    assert "4 of 4 targets met" in text
    for wanted in (
        signed_money(report["old_way"]["all"]["saved_dollars"]),
        signed_money(report["slippage"]["all"]["cost_dollars"]),
        signed_money(report["exits"]["all"]["dollars"]),
        bps(report["shortfall"]["all"]["average_bps"]),
        report["worst"][0]["signal_id"],
        "95 % interval",
    ):
        assert wanted in text


def test_labels_stand_under_their_ticks_and_each_day_is_named_once(report: dict[str, Any]) -> None:
    drawn = plots.distribution(report["slippage"], "Slippage")
    anchors = re.findall('<text text-anchor="(middle|start|end)"[^>]*>[\N{MINUS SIGN}0-9.]+</text>', drawn)
    assert set(anchors) == {"middle", "end"}, "end is of the axis at the side"
    lines = [{"name": f"2026-11-{number:02}", "dollars": "1.5"} for number in (2, 3, 4)]
    named = re.findall(r">(\d\d \w{3})</text>", plots.over_days(lines, "dollars", "realised"))
    assert named == ["02 Nov", "03 Nov", "04 Nov"]


@pytest.mark.parametrize(
    ("bid", "ask", "limit", "named"),
    [
        ("602.10", "602.11", "602.12", ["602.10", "602.11", "602.12"]),
        ("0.4501", "0.4502", "0.4503", ["0.4501", "0.4502", "0.4503"]),
    ],
)
def test_no_two_prices_of_a_drawing_have_one_name(bid: str, ask: str, limit: str, named: list[str]) -> None:
    at = {"sent_at": "2026-11-20T15:00:00Z", "closed_at": "2026-11-20T15:00:01Z", "filled_qty": "5", "price": ask}
    steps = [{"bid": bid, "ask": ask, "limit_price": limit, **at}]
    drawn = plots.timeline({"steps": steps, "side": "buy", "symbol": "SPY", "arrival_ask": ask, "arrival_bid": bid})
    assert re.findall(r'<text text-anchor="end"[^>]*>([^<]+)</text>', drawn) == named


def test_orders_are_counted_in_whole_numbers() -> None:
    for orders, most in ((3, ["0", "1"]), (14, ["0", "1", "2", "3", "4"])):
        drawn = plots.distribution(document(*period(orders, days=1))["slippage"], "Slippage")
        assert re.findall(r'<text text-anchor="end"[^>]*>([^<]+)</text>', drawn) == most


def test_columns_and_plots_have_one_precision_and_one_sign(page: str) -> None:
    cells = re.findall(r"<td[^>]*>([^<]*)</td>", page)
    assert not [cell for cell in cells if re.match(r"-[$\d]", cell.strip())]
    tables = [part for part in re.findall(r"<tbody>.*?</tbody>", page, re.DOTALL) if 'colspan="8"' in part]
    filled = [
        re.findall(r"<td>([^<]*)", row)[4] for part in tables for row in part.split("</tr>") if row.count("<td") == 8
    ]
    assert len(filled) > 10 and all(re.fullmatch(r"\$[\d,]+", each) for each in filled)
    assert (whole_money("2299.8"), whole_money("31157"), whole_money("-0.4")) == ("$2,300", "$31,157", "$0")


def test_one_of_a_thing_is_one() -> None:
    ended = next(one for one in period(60) if one.guard.protections)
    text = " ".join(" ".join(read(page_of(document(ended), "repeg")).text).split())
    assert "realised by 1 target or stop" in text and "of 1 entry" in text
    assert "1 order, $" in text and "over 1 bracket " in text and "1 entries" not in text


def test_when_it_was_made_is_told_in_new_york_as_all_times_are() -> None:
    made = datetime(2026, 11, 20, 14, 50, tzinfo=UTC)
    assert "Made by repeg, Fri 20 Nov 2026 09:50 ET." in page_of(document(), "repeg", made)


def test_what_strangers_wrote_stays_text() -> None:
    nasty = '</style><script>alert("1")</script>&'
    told = document(*(one.changed(strategy=nasty) for one in period(3)))
    told["worst"][0]["signal_id"] = nasty
    page = page_of(told, nasty)
    assert "<script" not in page.lower()
    assert nasty in " ".join(read(page).text)


def test_no_orders_and_only_refusals_are_pages_too() -> None:
    assert "There is no order in this period." in " ".join(read(page_of(document(), "repeg")).text)
    refused = order(status=Status.REJECTED, reason=Reason.NO_QUOTE, arrival_bid=None, arrival_ask=None)
    reader = read(page_of(document(refused), "repeg"))
    assert "no quote" in " ".join(reader.text) and "0 of 1 targets met" in " ".join(reader.text)


def test_a_plot_of_nothing_is_no_plot() -> None:
    empty = document()
    assert plots.distribution(empty["slippage"], "Slippage") == ""
    assert plots.by_minute(empty["slippage"], "Slippage") == ""
    assert plots.intervals({"all": [empty["slippage"]["all"]]}, "average", "nothing") == ""
    assert plots.time_to_fill(empty["fills"]) == plots.rungs([]) == plots.over_days([], "dollars", "nothing") == ""


def test_figures_are_worded_for_people() -> None:
    assert (bps("-0.0012"), bps("1.456"), bps(None)) == ("0.00", "+1.46", "-")
    assert (round_money("23969230.72"), round_money("83214.50"), round_money("83.5")) == (
        "$23.97 m",
        "$83,214",
        "$83.50",
    )
    assert (signed_money("-12.5"), signed_money("12.5"), seconds("0.042"), seconds("12.3")) == (
        "\N{MINUS SIGN}$12.50", "+$12.50", "0.04 s", "12 s",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("days", "labels"),
    [
        ((4000, -9000, 6000), {"$0", "$5k", "\u2212$5k"}),
        ((0.2, 0.3, -0.1), {"$0", "$0.2"}),
        ((300, 500, 400), {"$0", "$600", "$1k"}),
    ],
)
def test_dollars_of_an_axis_are_written_as_people_write_them(days: Sequence[float], labels: set[str]) -> None:
    """By its own format nothing is $0k, and a fifth of a dollar $200m."""
    lines = [{"name": f"2026-11-{20 + day}", "dollars": str(each)} for day, each in enumerate(days)]
    shown = set(re.findall(r">([^<>]*\$[^<>]*)</text>", plots.over_days(lines, "dollars", "")))
    assert shown >= labels and not {label for label in shown if re.search(r"\$0k|m$", label)}, shown
