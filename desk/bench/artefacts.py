"""What Lambda would be given: our build as it is, and a plain install of the same requirements and alpaca-py.

Everything is copied to a folder of its own first, so that a build that starts meanwhile changes nothing here.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from desk.bench.errors import BenchError
from desk.cloud.build import BUILD, build
from desk.cloud.tools import find_tools
from desk.stack.place import PROJECT, locked

_PLAIN = PROJECT / ".tools/bench/naive"
OUR_LAYERS = ("DependenciesLayer", "RepegLayer")


@dataclass(frozen=True)
class Artefacts:
    """Folders that stand for `/opt/python`, and the functions' code by name (such as `place_order`)."""

    ours: Sequence[Path]
    native: Sequence[Path]
    """Our package on a plain install of what it needs and of alpaca-py: pandas and numpy in full, no byte code."""
    compiled: Sequence[Path]
    """The plain install with byte code like ours."""
    functions: dict[str, Path]


def gather(folder: Path, functions: Iterable[str]) -> Artefacts:
    """Brings our build up to date and copies it below `folder`.

    Raises:
        BenchError: the plain install is missing.
        CloudError: the build failed.
    """
    compiled = plain_install()
    build(find_tools())
    ours, uncompiled = folder / "ours", folder / "uncompiled"
    made = Artefacts([ours], [uncompiled, _PLAIN / "python"], [compiled], {})
    with locked(BUILD.parent / "lock"):
        for layer in OUR_LAYERS:
            shutil.copytree(BUILD / layer / "python", ours, dirs_exist_ok=True)
        for name in functions:
            made.functions[name] = folder / "functions" / name
            shutil.copytree(BUILD / _logical_id(name), made.functions[name])
    shutil.copytree(ours / "repeg", uncompiled / "repeg", ignore=shutil.ignore_patterns("__pycache__"))
    return made


def plain_install() -> Path:
    """What the baselines import alpaca-py from, with byte code: no layer of ours has it.

    Raises:
        BenchError: it is missing.
    """
    compiled = _PLAIN / "compiled"
    if not compiled.exists():
        raise BenchError(f"{_PLAIN.relative_to(PROJECT)} is not installed; make bench installs it")
    return compiled


def _logical_id(function: str) -> str:
    return "".join(word.capitalize() for word in function.split("_"))
