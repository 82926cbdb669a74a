"""The execution report in a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from rich.console import Console

from desk.bench.period import period
from desk.page.page import page_of
from desk.report.analysis.reports import Span, report_over
from desk.telling.analysis import report_page
from desk.telling.figures import basis_points
from repeg.domain.order.record import Order
from repeg.domain.reasons import Reason, Status
from tests.unit.samples import order


def document(*orders: Order) -> dict[str, Any]:
    known = {each.order_id: each for each in orders}

    def details(ids: Sequence[str]) -> Mapping[str, Order]:
        return {name: known[name] for name in ids}

    return report_over(orders, details, Span()).document()


def told(report: dict[str, Any], width: int) -> list[str]:
    screen = Console(width=width, highlight=False, markup=False)
    with screen.capture() as captured:
        screen.print(report_page(report, width))
    return captured.get().splitlines()


@pytest.mark.parametrize("width", [80, 160])
def test_every_section_is_there_and_fits(width: int) -> None:
    report = document(*period(80, days=3))
    lines = told(report, width)
    text = "\n".join(lines)
    assert max(map(len, lines)) <= width and "…" not in text
    for title in ("against the old way", "slippage", "shortfall", "fills", "rejected", "exits", "worst", "cloud"):
        assert any(line.startswith(title) for line in lines), title
    assert "met" in text and "below 0.10 %" in text and "better orders 1" in text and "95 % interval" in text


def test_what_is_not_there_is_left_out() -> None:
    assert told(document(), 80) == ["there is no order in this period"]
    lines = told(document(order(status=Status.REJECTED, reason=Reason.NO_QUOTE)), 80)
    assert not [line for line in lines if line.startswith(("exits", "slippage", "worst"))]
    assert any(line.startswith("no_quote") for line in lines)


def test_a_strategy_is_called_as_it_calls_itself() -> None:
    report = document(*period(80, days=3))
    [line, *_] = report["exits"]["by_day"]
    report["exits"]["by_strategy"] = [line | {"name": name} for name in (None, "mean_reversion", "none")]
    firsts = [each.split("  ")[0].strip() for each in told(report, 80)]
    at = firsts.index("(no strategy)")
    assert firsts[at : at + 3] == ["(no strategy)", "mean_reversion", "none"]
    page = page_of(report, "repeg")
    assert all(f"<td>{name}</td>" in page for name in ("(no strategy)", "mean_reversion", "none"))


def test_a_result_that_is_rounded_to_nothing_has_no_sign() -> None:
    assert [basis_points(value) for value in ("-0.001", "0.004", "0", "-0.01", None)] == ["0.00"] * 3 + ["-0.01", ""]
