"""The tables of folders in docs/architecture.md, printed from the tables of walls: `python -m tests.support.walls`."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.unit.test_walls import Package

PAGE = Path(__file__).parents[2] / "docs" / "architecture.md"
BETWEEN = re.compile(r"(?<=<!-- walls -->\n).*?(?=<!-- /walls -->)", re.DOTALL)


def tables() -> str:
    """One table for each package: its rooms, what each holds by its own docstring, and what it may import."""
    from tests.unit.test_walls import PACKAGES

    return "\n" + "".join(f"{_table(package)}\n" for package in sorted(PACKAGES, key=lambda each: each.name))


def page() -> str:
    """The page with the tables as they should be."""
    return BETWEEN.sub(lambda _: tables(), PAGE.read_text(encoding="utf-8"))


def _table(package: Package) -> str:
    outside = f" Besides: `{'`, `'.join(sorted(package.outside))}`." if package.outside else ""
    rows = (
        f"| `{room}` | {_holds(package, room)} | {', '.join(f'`{name}`' for name in package.rooms if name in may)} |\n"
        for room, may in package.rooms.items()
    )
    return f"**`{package.name}`**.{outside}\n\n| room | holds | may import |\n| --- | --- | --- |\n{''.join(rows)}"


def _holds(package: Package, room: str) -> str:
    """The first sentence of what the room says of itself."""
    folder = package.folder / room
    path = folder / "__init__.py" if folder.is_dir() else folder.with_suffix(".py")
    said = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return " ".join(said.split("\n\n")[0].split()).partition(". ")[0].rstrip(".").replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
