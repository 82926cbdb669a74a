"""The marks that say where an order stands are read at one place; each stage is shown by a card."""

from __future__ import annotations

import ast
from pathlib import Path

import repeg
from desk import docs
from repeg.domain.life import Stage

MARKS = {
    "gave_way",
    "looked_again",
    "published",
    "restoring",
    "securing",
    "settled",
    "superseded_by",
    "unwind_failed",
    "unwinding",
}
PACKAGE = Path(repeg.__file__).parent
READERS = {"domain/life.py", "domain/endings.py"}
OTHERWISE = {
    "store/items.py": {"published"},  # the index of what is to be done
    "steps/assess.py": {"looked_again"},  # carried over to the order as it was released
}
CARDS = (docs.FOLDER / "test-cards.md").read_text(encoding="utf-8")


def _reads(path: Path) -> set[str]:
    """Attributes of these names that a file looks at."""
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    return {node.attr for node in nodes if isinstance(node, ast.Attribute) and node.attr in MARKS}


def test_where_an_order_stands_is_read_in_the_table_alone() -> None:
    files = {str(path.relative_to(PACKAGE)): path for path in PACKAGE.rglob("*.py")}
    found = {name: read for name, path in files.items() if name not in READERS and (read := _reads(path))}
    assert found == OTHERWISE


def test_each_stage_is_shown_by_a_card_that_there_is() -> None:
    assert set(docs.SHOWN_BY) == set(Stage)
    assert all(f"| {card} |" in CARDS for card in docs.SHOWN_BY.values())
