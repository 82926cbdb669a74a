"""`repeg report` as an operator types it."""

from __future__ import annotations

from pathlib import Path

import pytest

from desk.bench.period import period
from repeg.store.items import order_item
from repeg.store.orders import OrderStore
from tests.support.clinic import Clinic
from tests.unit.cli.conftest import Repeg

ORDERS = list(period(30, days=2))


@pytest.fixture
def stored(clinic: Clinic) -> OrderStore:
    """A stack with thirty orders of two days, Monday 2 and Tuesday 3 November."""
    for order in ORDERS:
        clinic["dynamodb"].put_item(TableName="repeg", Item=order_item(order))
    return OrderStore(clinic["dynamodb"], "repeg")


def test_the_report_of_any_period_as_a_document_and_as_a_page(stored: OrderStore, repeg: Repeg, tmp_path: Path) -> None:
    code, whole, said = repeg("report", "--json")
    assert (code, whole["counts"]["orders"], said) == (0, 30, "")
    days = []
    for options in (["--until", "2026-11-03"], ["--since", "2026-11-03T00:00:00-05:00"], ["--since", "2026-11-03"]):
        code, part, _ = repeg("report", *options, "--json")
        assert code == 0
        days.append({day["name"] for day in part["old_way"]["by_day"]})
    assert days == [{"2026-11-02"}, {"2026-11-03"}, {"2026-11-03"}]
    _, mine, _ = repeg("report", "--strategy", "breakout", "--json")
    assert mine["counts"]["orders"] == sum(order.strategy == "breakout" for order in ORDERS)
    file = tmp_path / "report.html"
    code, out, said = repeg("report", "--html", str(file))
    assert (code, out) == (0, "") and "30 orders" in said
    assert file.read_text(encoding="utf-8").startswith("<!doctype html>")
    code, out, _ = repeg("report")
    assert code == 0 and "against the old way" in out


def test_what_cannot_be_read_is_told_and_hides_nothing(
    clinic: Clinic, stored: OrderStore, repeg: Repeg, tmp_path: Path
) -> None:
    item = order_item(ORDERS[4])
    clinic["dynamodb"].put_item(TableName="repeg", Item=item | {"form": {"N": "9"}})
    code, found, said = repeg("report", "--json")
    assert (code, found["counts"]["orders"]) == (1, 29)
    assert f"left out: 1 of the records, which cannot be read ({ORDERS[4].order_id}" in said
    assert found["unread"] == [ORDERS[4].order_id]
    file = tmp_path / "report.html"
    assert repeg("report", "--html", str(file))[0] == 1
    assert "1 record cannot be read, and is in no figure" in file.read_text(encoding="utf-8")


def test_no_orders_are_no_trouble(repeg: Repeg) -> None:
    assert repeg("report", "--since", "7d")[1].strip() == "there is no order in this period"
    assert repeg("report", "--today", "--json")[1]["targets"][0]["ok"] is None


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["--since", "yesterday"], "--since: yesterday is not a time such as"),
        (["--until", "2026-13-01"], "--until: 2026-13-01 is not"),
        (["--since", "99999999999d"], "--since: 99999999999d is not"),
        (
            ["--since", "2026-11-03", "--until", "2026-11-03"],
            "--until: 2026-11-03 is not after the beginning",
        ),
    ],
)
def test_a_time_that_is_none_is_named(repeg: Repeg, options: list[str], problem: str) -> None:
    code, out, said = repeg("report", *options)
    assert (code, out) == (2, "") and problem in said


def test_a_file_that_cannot_be_written_is_named(stored: OrderStore, repeg: Repeg, tmp_path: Path) -> None:
    code, _, said = repeg("report", "--html", str(tmp_path / "nowhere" / "report.html"), "--since", "2027-01-01")
    assert code == 1 and "cannot be written (No such file or directory)" in said
