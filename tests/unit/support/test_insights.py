"""What stands in for Logs Insights: it reads lines as that does, and refuses what it does not know."""

from __future__ import annotations

import json

import pytest

from tests.support.stand_ins.insights import NotUnderstood, run

LINES = [
    json.dumps({"level": "INFO", "message": "bought 100", "order_id": "a", "Orders": [1.0], "alert": True}),
    json.dumps({"level": "ERROR", "message": "refused", "order_id": "b", "by": {"ladder": "x"}, "Seconds": [3.5]}),
    json.dumps({"level": "ERROR", "message": "late", "order_id": "c", "Seconds": [1.5], "nothing": None}),
    "2026-11-28T18:00:00 Task timed out after 10.00 seconds",
]


def ids(query: str) -> list[str | None]:
    return [row.get("order_id") for row in run(query, LINES)]


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ('order_id = "a"', ["a"]),
        ('level = "ERROR" and message like /^late/', ["c"]),
        ('order_id = "a" or level = "ERROR" and message like /late/', ["a", "c"]),
        ('(order_id = "a" or level = "ERROR") and message like /refused/', ["b"]),
        ('order_id in ["a", "c"]', ["a", "c"]),
        ("ispresent(alert)", ["a"]),
        ("ispresent(Orders)", []),
        ("ispresent(Orders.0)", ["a"]),
        ('by.ladder = "x"', ["b"]),
        ("ispresent(nothing)", []),
        ("@message like /timed out/", [None]),
    ],
)
def test_conditions(condition: str, found: list[str | None]) -> None:
    assert ids(f"filter {condition}") == found


def test_rows_are_ordered_cut_off_and_shown_by_their_fields() -> None:
    query = "# a remark\nfields order_id, Seconds.0\n| filter ispresent(Seconds.0)\n| sort Seconds.0 asc\n| limit 1"
    assert run(query, LINES) == [{"order_id": "c", "Seconds.0": 1.5}]
    assert ids("fields order_id | sort @timestamp desc") == [None, "c", "b", "a"]


def test_groups_are_counted_and_lines_without_a_figure_left_out_of_it() -> None:
    query = """stats count(*) as lines, avg(Seconds.0) as average, pct(Seconds.0, 90) as p90, max(Seconds.0) as most
        by level | sort lines desc"""
    errors, *others = run(query, LINES)
    assert errors == {"level": "ERROR", "lines": 2, "average": 2.5, "p90": 3.5, "most": 3.5}
    assert others == [{"level": "INFO", "lines": 1}, {"lines": 1}]


@pytest.mark.parametrize(
    "query",
    [
        'filter level != "INFO"',
        "filter level = 'INFO'",
        "filter Seconds.0 > 1",
        'filter not level = "INFO"',
        'filter level = "INFO" level = "INFO"',
        "filter (ispresent(level)",
        "filter level",
        "filter level like INFO",
        "parse message /(?<what>.*)/",
        "display level",
        "fields a-b",
        "fields concat(a, b) as c",
        "stats count(level) as n",
        "stats count(*)",
        "stats pct(Seconds.0) as p",
        "stats stddev(Seconds.0) as s",
        "stats count(*) as n by bin(5m)",
        "sort level",
        "limit ten",
        "",
    ],
)
def test_what_is_not_of_the_subset_is_refused(query: str) -> None:
    with pytest.raises(NotUnderstood):
        run(query, LINES)
