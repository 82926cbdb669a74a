"""docs/architecture.md says what the walls and the machine's definition say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from tests.support.architecture.page import FOLDER, PARTS, page
from tests.support.architecture.tables import places

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", PARTS)
def test_what_is_printed_is_what_the_code_says(name: str) -> None:
    written = (FOLDER / name).read_text(encoding="utf-8")
    assert written == page(name), f"docs/{name} is out of date: run python -m tests.support.architecture"


def test_the_diagram_shows_the_states_of_the_machine() -> None:
    (diagram,) = re.findall(r"^```mermaid\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    (machine,) = re.findall(r"subgraph M .*?\n(.*?)^    end$", diagram, re.MULTILINE | re.DOTALL)
    defined = yaml.safe_load((ROOT / "statemachines" / "execute_order.asl.yaml").read_text(encoding="utf-8"))["States"]
    shown = set(re.findall(r"\w+\[(\w+)\]", machine))
    assert shown == {name for name, state in defined.items() if state["Type"] in ("Task", "Wait")}


def test_a_place_that_is_not_there_is_not_printed() -> None:
    assert places("domain/patience.py: MAX_SENDS, template.yaml") == "`domain/patience.py` `MAX_SENDS`; `template.yaml`"
    for gone in ("domain/gone.py", "domain/patience.py: GONE", "desk/exchange/venue/life.py: Life.gone"):
        with pytest.raises(AssertionError):
            places(gone)


def test_each_folder_that_decides_something_has_its_places() -> None:
    package = ROOT / "layers" / "repeg" / "repeg"
    named = set(re.findall(r"`([\w/]+(?:/|\.\w+)[\w.]*)`", PAGE))
    rooms = {path.name for path in package.iterdir() if path.is_dir() and (path / "__init__.py").exists()}
    assert {room for room in rooms if not any(path.startswith(f"{room}/") for path in named)} == set()
