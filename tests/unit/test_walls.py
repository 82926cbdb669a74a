"""The walls of the packages: which folder may import which, no circle. No folder is a corridor and no file a scroll."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
MOST_FILES, MOST_LINES = 20, 400
DATA = {".json", ".png", ".svg", ".txt", ".pyc"}
BUILT = {"__pycache__", "build", "dist", "node_modules"}
SOURCES = {".py", ".js", ".cjs", ".css", ".html", ".j2", ".yaml"}
ONE_STACK = ROOT / "template.yaml"
"""A template is deployed in one piece, and its short forms refer to each other only within it."""


class Package(NamedTuple):
    """A package and its rooms (folders, or modules beside them), each with the rooms it may import.

    A room names only rooms that stand above it in the table: so the table itself has no circle. `outside` are the
    packages of this repository that it may import besides itself.
    """

    name: str
    root: Path
    rooms: dict[str, set[str]]
    outside: frozenset[str] = frozenset()

    @property
    def folder(self) -> Path:
        return self.root.joinpath(*self.name.split("."))

    def modules(self) -> dict[str, Path]:
        paths = (path.relative_to(self.root).with_suffix("") for path in self.folder.rglob("*.py"))
        return {".".join(path.parts).removesuffix(".__init__"): self.root / path.with_suffix(".py") for path in paths}

    def room(self, module: str) -> str:
        """The room of a module; empty for the package's own `__init__`."""
        return module.removeprefix(self.name).lstrip(".").partition(".")[0]


EXCHANGE = Package(
    "desk.exchange",
    ROOT,
    {
        "market": set(),
        "wire": {"market"},
        "rules": {"market", "wire"},
        "venue": {"market", "wire", "rules"},
        "faults": {"market", "wire", "venue"},
        "alpaca": {"market", "wire", "rules", "venue", "faults"},
        "streams": {"market", "wire", "rules", "venue", "faults", "alpaca"},
        "control": {"market", "wire", "rules", "venue", "faults", "alpaca"},
        "door": {"market", "wire", "rules", "venue", "faults", "alpaca", "streams", "control"},
        # What others use of the process: they reach it through its ports alone.
        "client": set(),
        "process": {"client"},
        "__main__": {"market", "door"},
    },
)
DESK = Package(
    "desk",
    ROOT,
    {
        "exchange": set(),
        "report": set(),
        "telling": set(),
        "page": {"telling"},
        "documents": set(),
        "docs": {"report", "documents"},
        # A stack, wherever it runs; `cloud` is the local one's machinery.
        "stack": set(),
        "deployment": set(),
        "cloud": {"exchange", "stack", "deployment"},
        "doctor": {"telling", "stack"},
        "positions": {"telling", "stack", "doctor"},
        "blotter": {"telling", "stack", "doctor", "positions"},
        "demo": {"exchange", "report", "telling", "stack", "cloud"},
        "bench": {"exchange", "report", "stack", "cloud"},
        "cli": {
            "exchange",
            "report",
            "telling",
            "page",
            "stack",
            "deployment",
            "cloud",
            "doctor",
            "positions",
            "blotter",
            "demo",
        },
    },
    outside=frozenset({"repeg"}),
)
_PLAIN = {"money", "models", "patience", "reasons", "routes", "history", "settings"}
DOMAIN = Package(
    "repeg.domain",
    ROOT / "layers" / "repeg",
    {
        "money": set(),
        "models": {"money"},
        "patience": set(),
        "reasons": set(),
        "routes": set(),
        "history": {"models", "patience"},
        "settings": {"models"},
        "deliveries": {"patience"},
        "market": _PLAIN,
        "ladder": _PLAIN | {"market"},
        "order": _PLAIN | {"market", "ladder"},
        "rules": _PLAIN | {"market", "ladder", "order"},
        "rebalance": _PLAIN | {"market", "ladder", "order", "rules"},
        "signals": _PLAIN | {"ladder", "order", "rebalance"},
        "proof": _PLAIN | {"market", "order", "rules"},
        "halt": {"models", "order", "reasons", "rules"},
        "loss": {"market", "models"},
        "profit": {"market", "models", "order"},
        "trips": {"halt", "loss", "models", "money", "settings"},
        "book": {"loss", "market", "models"},
        "counters": {"market", "models", "order", "reasons"},
        "case": {"book", "models", "order", "settings"},
        "limits": {"book", "case", "counters", "loss", "models", "money", "order", "reasons", "rules", "settings"},
        "reconcile": _PLAIN | {"market", "order", "rules", "proof", "counters"},
        "metrics": _PLAIN | {"market", "order", "rules", "rebalance"},
        "schedule": _PLAIN | {"market", "ladder", "metrics", "order", "signals", "rules", "rebalance"},
    },
    outside=frozenset({"repeg.errors"}),
)
_RIM = {"broker", "clock", "domain", "errors", "events", "executions", "log", "meter", "store"}
REPEG = Package(
    "repeg",
    ROOT / "layers" / "repeg",
    {
        "errors": set(),
        "log": set(),
        "domain": {"errors"},
        "meter": {"domain"},
        "telemetry": {"domain"},
        "settings_check": {"domain", "errors"},
        "settings": {"domain", "errors", "settings_check"},
        "events": {"errors"},
        "executions": {"errors"},
        "budget": {"domain", "errors"},
        "broker": {"budget", "domain", "errors"},
        "store": {"domain", "errors", "settings"},
        "clock": {"broker", "domain", "store"},
        "cancels": {"domain", "errors", "executions", "log", "store"},
        "intake": {"cancels", "clock", "domain", "errors", "executions", "log", "store"},
        # What the machine's steps share, the nine steps, and the sweep.
        "worker": _RIM,
        "steps": _RIM | {"worker"},
        "care": _RIM | {"worker"},
        "rebalance": _RIM | {"worker"},
        "schedules": _RIM | {"worker"},
        "reconcile": _RIM | {"care", "worker"},
        "wiring": _RIM
        | {"budget", "cancels", "care", "intake", "rebalance", "reconcile", "schedules", "settings", "steps"}
        | {"telemetry", "worker"},
    },
)
PACKAGES = [DOMAIN, REPEG, EXCHANGE, DESK]
OURS = ("desk", "repeg", "functions", "tests")

packages = pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.name)


def _imports(path: Path, known: dict[str, Path]) -> Iterator[str]:
    """Our modules that a file imports, wherever it does: in a function or for its types alone counts as well."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            named = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.module and not node.level, f"{path}: a relative import"
            within = [f"{node.module}.{alias.name}" for alias in node.names]
            named = [name if name in known else node.module for name in within]
        else:
            continue
        yield from (name for name in named if name.partition(".")[0] in OURS)


def _graph(package: Package) -> dict[str, set[str]]:
    known = package.modules()
    return {module: set(_imports(path, known)) for module, path in known.items()}


@packages
def test_every_room_is_in_the_table_below_those_it_may_import(package: Package) -> None:
    assert {package.room(module) for module in package.modules()} - {""} == set(package.rooms)
    above: set[str] = set()
    for room, allowed in package.rooms.items():
        assert allowed <= above, f"{room} may import what does not stand above it"
        above.add(room)


@packages
def test_no_import_goes_through_a_wall(package: Package) -> None:
    broken = []
    for module, imported in _graph(package).items():
        room = package.room(module)
        for name in imported:
            if name.startswith(f"{package.name}."):
                fine = package.room(name) in package.rooms.get(room, set()) | {room}
            else:
                fine = any(f"{name}.".startswith(f"{other}.") for other in package.outside)
            if not fine:
                broken.append(f"{module} imports {name}")
    assert not broken


@packages
def test_no_modules_import_each_other_in_a_circle(package: Package) -> None:
    try:
        TopologicalSorter(_graph(package)).prepare()
    except CycleError as circle:
        pytest.fail(" -> ".join(circle.args[1]))


@pytest.fixture(scope="module")
def written() -> list[Path]:
    """Files of the repository that people write: no data, nothing locked, built or installed."""
    found, folders = [], [ROOT]
    while folders:
        for path in folders.pop().iterdir():
            if path.is_dir() and path.name not in BUILT and (path.name == ".ci" or not path.name.startswith(".")):
                folders.append(path)
            elif path.is_file() and path.suffix not in DATA and not path.name.startswith("."):
                found.append(path)
    return found


def test_no_folder_is_a_corridor(written: list[Path]) -> None:
    sizes = Counter(str(path.parent.relative_to(ROOT)) for path in written)
    assert {"layers/repeg/repeg/worker", "tests/unit", "docs", ".ci"} <= set(sizes)
    assert not {folder: size for folder, size in sizes.items() if size > MOST_FILES}


def test_no_file_is_a_scroll(written: list[Path]) -> None:
    sources = [path for path in written if path.suffix in SOURCES and path != ONE_STACK]
    lengths = {str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines()) for path in sources}
    assert {Path(name).suffix for name in lengths} == SOURCES
    assert not {name: length for name, length in lengths.items() if length > MOST_LINES}
