"""What the page shows, as tables of rows, and what changes from one look to the next. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Row = dict[str, Any]
Table = Mapping[str, Row]
Shown = Mapping[str, Table]
"""Tables by name, such as `orders`; their rows by id."""
Diff = dict[str, dict[str, Any]]


def diff(old: Shown, new: Shown) -> Diff:
    """What turns the old into the new: of each table that differs, rows to `put` and ids to `drop`."""
    names = [name for name in {**old, **new} if old.get(name) is not new.get(name)]
    found = {name: _differs(old.get(name, {}), new.get(name, {})) for name in names}
    return {name: each for name, each in found.items() if each}


def _differs(old: Table, new: Table) -> dict[str, Any]:
    # A row that nobody wrote is the same object: hundreds of them cost nothing to compare.
    put = {key: row for key, row in new.items() if old.get(key) is not row and old.get(key) != row}
    drop = [key for key in old if key not in new]
    return ({"put": put} if put else {}) | ({"drop": drop} if drop else {})


def changed(shown: Shown, by: Diff) -> dict[str, dict[str, Row]]:
    """The tables after a diff, as the page applies it."""
    found = {name: dict(table) for name, table in shown.items()}
    for name, each in by.items():
        table = found.setdefault(name, {})
        for key in each.get("drop", ()):
            table.pop(key, None)
        table.update(each.get("put", {}))
    return found
