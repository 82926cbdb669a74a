"""The pages: what is written by hand, with the printed parts between their marks."""

from __future__ import annotations

from tests.support.architecture import adding, differences, faults, ladders, machine, resources, walls, watching, where
from tests.support.architecture.tables import ROOT

FOLDER = ROOT / "docs"
PARTS = {
    "architecture.md": {
        "where": where.printed,
        "adding": adding.printed,
        "states": machine.printed,
        "ladders": ladders.printed,
        "resources": resources.printed,
        "table": resources.items,
        "record": walls.record,
        "walls": walls.folders,
    },
    "exchange.md": {"faults": faults.printed},
    "metrics.md": {"metrics": watching.metrics, "queries": watching.queries},
    "runbook.md": {"differences": differences.printed},
    "alarms.md": {"alarms": watching.alarms},
}


def page(name: str) -> str:
    """A page with its printed parts as they should be."""
    text = (FOLDER / name).read_text(encoding="utf-8")
    for part, printed in PARTS[name].items():
        before, after = text.split(f"<!-- {part} -->\n")[0], text.split(f"<!-- /{part} -->")[1]
        text = f"{before}<!-- {part} -->\n\n{printed()}\n<!-- /{part} -->{after}"
    return text
