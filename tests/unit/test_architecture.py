"""docs/architecture.md says what the walls and the machine's definition say."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from tests.support import walls

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")


def test_the_tables_are_those_of_the_walls_and_of_the_record() -> None:
    assert walls.page() == PAGE, "docs/architecture.md is out of date: run python -m tests.support.walls"


def test_the_diagram_shows_the_states_of_the_machine() -> None:
    (diagram,) = re.findall(r"^```mermaid\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    (machine,) = re.findall(r"subgraph M .*?\n(.*?)^    end$", diagram, re.MULTILINE | re.DOTALL)
    defined = yaml.safe_load((ROOT / "statemachines" / "execute_order.asl.yaml").read_text(encoding="utf-8"))["States"]
    shown = set(re.findall(r"\w+\[(\w+)\]", machine))
    assert shown == {name for name, state in defined.items() if state["Type"] in ("Task", "Wait")}


def test_what_is_named_to_be_changed_exists() -> None:
    table = PAGE.split("## Where to change what")[1]
    named = re.findall(r"`([\w/]+(?:/|\.\w+)[\w.]*)`", table)
    assert len(named) > 40
    package = ROOT / "layers" / "repeg" / "repeg"
    assert [path for path in named if not ((package / path).exists() or (ROOT / path).exists())] == []
