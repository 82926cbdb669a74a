"""The marks that say where an order stands are read at one place; each stage is shown by a card."""

from __future__ import annotations

import ast
from pathlib import Path

import repeg
from desk import docs
from repeg.domain.rules.life import Stage

MARKS = {
    "close.gave_way",
    "close.looked_again",
    "close.restoring",
    "close.superseded_by",
    "guard.settled",
    "run.published",
    "run.securing",
    "unwind.failed",
    "unwind.wanted",
}
PACKAGE = Path(repeg.__file__).parent
READERS = {"domain/rules/life.py", "domain/rules/endings.py"}
OTHERWISE = {
    "store/items.py": {"run.published"},  # the index of what is to be done
    "steps/assess.py": {"close.looked_again"},  # carried over to the order as it was released
}
CARDS = (docs.FOLDER / "test-cards.md").read_text(encoding="utf-8")


def _reads(path: Path) -> set[str]:
    """Marks that a file looks at: attributes of these names, of a part of this name."""
    nodes = [node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Attribute)]
    parts = [(node, node.value.attr if isinstance(node.value, ast.Attribute) else "") for node in nodes]
    return {f"{part}.{node.attr}" for node, part in parts} & MARKS


def test_where_an_order_stands_is_read_in_the_table_alone() -> None:
    files = {str(path.relative_to(PACKAGE)): path for path in PACKAGE.rglob("*.py")}
    found = {name: read for name, path in files.items() if name not in READERS and (read := _reads(path))}
    assert found == OTHERWISE


def test_each_stage_is_shown_by_a_card_that_there_is() -> None:
    assert set(docs.SHOWN_BY) == set(Stage)
    assert all(f"| {card} |" in CARDS for card in docs.SHOWN_BY.values())
