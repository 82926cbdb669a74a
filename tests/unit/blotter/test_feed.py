"""What the page is sent: what changed, and nothing else."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from desk.blotter.feed import changed, diff

_ROWS = st.dictionaries(st.sampled_from("abcd"), st.fixed_dictionaries({"n": st.integers(0, 2)}), max_size=4)
_SHOWN = st.dictionaries(st.sampled_from(["orders", "halts"]), _ROWS, max_size=2)


@given(_SHOWN, _SHOWN)
def test_a_page_that_applies_every_diff_shows_what_there_is(old: dict, new: dict) -> None:
    shown = changed(old, diff(old, new))
    assert {name: rows for name, rows in shown.items() if rows or name in new} == {
        name: new.get(name, {}) for name in shown if shown[name] or name in new
    }


def test_only_rows_that_changed_are_sent() -> None:
    same = {"status": "working"}
    old = {"orders": {"a": same, "b": {"status": "working"}, "c": same}, "halts": {"account": {"mode": "halted"}}}
    new = {"orders": {"a": same, "b": {"status": "filled"}, "d": same}, "halts": {"account": {"mode": "halted"}}}
    assert diff(old, new) == {"orders": {"put": {"b": {"status": "filled"}, "d": same}, "drop": ["c"]}}


def test_nothing_is_sent_where_nothing_changed() -> None:
    shown = {"orders": {"a": {"status": "working"}}}
    assert diff(shown, {"orders": {"a": {"status": "working"}}}) == {}
