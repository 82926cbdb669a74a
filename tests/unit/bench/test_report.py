from __future__ import annotations

import io
import json

import pytest
from rich.console import Console

from desk.bench.report import Part, Report, Table, Target, number, ratio, show


@pytest.mark.parametrize(
    ("target", "ok"),
    [
        (Target("size", 45, 45), True),
        (Target("size", 45.1, 45), False),
        (Target("throughput", 0.8, 0.8, at_least=True), True),
        (Target("throughput", 0.79, 0.8, at_least=True), False),
    ],
)
def test_a_target_holds_up_to_its_limit(target: Target, ok: bool) -> None:
    assert target.ok is ok
    assert target.document()["ok"] is ok


def _report(*targets: Target) -> Report:
    table = Table("Sizes", ["", "MB", "of plain"], [["ours", "25.4", "0.21x"]], "both [together]")
    return Report({"processors": 2}, [Part("size", {"ours": 25.4}, [table], targets)], 61.27)


def test_one_target_that_fails_fails_the_run() -> None:
    assert _report(Target("a", 1, 2)).ok
    assert not _report(Target("a", 1, 2), Target("b", 3, 2)).ok


def test_the_document_is_json_with_a_place_for_every_part() -> None:
    document = json.loads(json.dumps(_report(Target("a", 1.23456, 2)).document()))
    assert document == {
        "ok": True,
        "seconds": 61.3,
        "machine": {"processors": 2},
        "parts": {"size": {"ours": 25.4}},
        "targets": [{"name": "a", "value": 1.235, "at_most": 2, "ok": True}],
    }


def test_people_see_tables_and_verdicts() -> None:
    out = io.StringIO()
    show(_report(Target("layers", 25.4, 45), Target("calls", 3, 2)), Console(file=out, width=100))
    lines = [" ".join(line.split()) for line in out.getvalue().splitlines()]
    assert "ours 25.4 0.21x" in lines
    assert "both [together]" in lines
    assert "layers 25.4 <= 45 ok" in lines
    assert "calls 3 <= 2 not ok" in lines


def test_numbers_in_tables() -> None:
    assert [number(1234.56), number(0.5), number(12.0, "ms"), ratio(2.504)] == ["1,235", "0.5", "12 ms", "2.50x"]
