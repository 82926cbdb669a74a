"""The page: what is written by hand, with the printed parts between their marks."""

from __future__ import annotations

from pathlib import Path

from tests.support.architecture import adding, ladders, machine, resources, walls, where

PAGE = Path(__file__).parents[3] / "docs" / "architecture.md"
PARTS = {
    "where": where.printed,
    "adding": adding.printed,
    "states": machine.printed,
    "ladders": ladders.printed,
    "resources": resources.printed,
    "alarms": resources.alarms,
    "table": resources.items,
    "record": walls.record,
    "walls": walls.folders,
}


def page() -> str:
    """The page with its printed parts as they should be."""
    text = PAGE.read_text(encoding="utf-8")
    for name, printed in PARTS.items():
        before, after = text.split(f"<!-- {name} -->\n")[0], text.split(f"<!-- /{name} -->")[1]
        text = f"{before}<!-- {name} -->\n\n{printed()}\n<!-- /{name} -->{after}"
    return text
