"""Tables of docs/architecture.md, printed from the walls and from the record: `python -m tests.support.walls`."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING, get_type_hints

from repeg.domain.order.record import Order

if TYPE_CHECKING:
    from tests.unit.test_walls import Package

PAGE = Path(__file__).parents[2] / "docs" / "architecture.md"


def page() -> str:
    """The page with the tables as they should be."""
    from tests.unit.test_walls import PACKAGES

    folders = "".join(f"{_table(package)}\n" for package in sorted(PACKAGES, key=lambda each: each.name))
    return _put(_put(PAGE.read_text(encoding="utf-8"), "walls", folders), "record", _parts())


def _put(page: str, name: str, table: str) -> str:
    """The page with the table between its marks."""
    before, after = page.split(f"<!-- {name} -->\n")[0], page.split(f"<!-- /{name} -->")[1]
    return f"{before}<!-- {name} -->\n\n{table}<!-- /{name} -->{after}"


def _parts() -> str:
    """The parts of an order's record, each by the first sentence of its docstring."""
    kinds = {name: kind for name, kind in get_type_hints(Order).items() if kind.__module__.endswith(".parts")}
    rows = (f"| `{name}` | {_first_sentence(kind.__doc__)} |\n" for name, kind in kinds.items())
    return f"| part | what it says |\n| --- | --- |\n{''.join(rows)}\n"


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
    return _first_sentence(ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "")


def _first_sentence(said: str) -> str:
    return " ".join(said.split("\n\n")[0].split()).partition(". ")[0].rstrip(".").replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
