"""The parts of the record, and the rooms of the packages with what they may import."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, get_type_hints

from repeg.domain.order.record import Order
from tests.support.architecture.tables import table

if TYPE_CHECKING:
    from tests.unit.test_walls import Package


def folders() -> str:
    """The rooms of each package, and what they may import."""
    from tests.unit.test_walls import PACKAGES

    return "\n".join(_table(package) for package in sorted(PACKAGES, key=lambda each: each.name))


def record() -> str:
    """The parts of an order's record, each by the first sentence of its docstring."""
    kinds = {name: kind for name, kind in get_type_hints(Order).items() if kind.__module__.endswith(".parts")}
    return table(
        ("part", "what it says"), ((f"`{name}`", _first_sentence(kind.__doc__)) for name, kind in kinds.items())
    )


def _table(package: Package) -> str:
    outside = f" Besides: `{'`, `'.join(sorted(package.outside))}`." if package.outside else ""
    rows = (
        (f"`{room}`", _holds(package, room), ", ".join(f"`{name}`" for name in package.rooms if name in may))
        for room, may in package.rooms.items()
    )
    return f"**`{package.name}`**.{outside}\n\n{table(('room', 'holds', 'may import'), rows)}"


def _holds(package: Package, room: str) -> str:
    """The first sentence of what the room says of itself."""
    folder = package.folder / room
    path = folder / "__init__.py" if folder.is_dir() else folder.with_suffix(".py")
    return _first_sentence(ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "")


def _first_sentence(said: str) -> str:
    return " ".join(said.split("\n\n")[0].split()).partition(". ")[0].rstrip(".").replace("|", "\\|")
