"""Markdown tables, and places in the code as they are named in them."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

from tests.support.stack import load_machines, load_template

ROOT = Path(__file__).parents[3]
template, machines = cache(load_template), cache(load_machines)
"""Read once: that takes a second."""
PACKAGE = ROOT / "layers" / "repeg" / "repeg"


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """A table, with a line end behind each row."""
    lines = [head, tuple("---" for _ in head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def places(text: str) -> str:
    """Places as `path: name name, path`, printed as code.

    Paths are those below the package, or below the root.

    Raises:
        AssertionError: a file does not exist, or has no such name.
    """
    return "; ".join(_place(part.strip()) for part in text.split(","))


def _place(text: str) -> str:
    path, _, names = text.partition(": ")
    file = next((base / path for base in (PACKAGE, ROOT) if (base / path).exists()), None)
    assert file is not None, f"{path} does not exist"
    missing = [name for name in names.split() if name not in _names(file)]
    assert not missing, f"{path} has no {missing}"
    return " ".join(f"`{word}`" for word in (path, *names.split()))


@cache
def _names(file: Path) -> frozenset[str]:
    """What a module defines at its top, `Class.method` included; of any other file every word."""
    text = file.read_text(encoding="utf-8") if file.is_file() else ""
    if file.suffix != ".py":
        return frozenset(text.replace(":", " ").split())
    found: set[str] = set()
    for node in ast.parse(text).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        if isinstance(node, ast.ClassDef):
            found |= {f"{node.name}.{each.name}" for each in node.body if isinstance(each, ast.FunctionDef)}
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        found |= {name.id for target in targets for name in ast.walk(target) if isinstance(name, ast.Name)}
    return frozenset(found)


def seconds(value: Any) -> str:
    """A wait in words: `2.5 s`, `10 min`; a row of them as `1, 2, 5 s`."""
    if isinstance(value, tuple):
        return f"{', '.join(f'{_plain(each)}' for each in value)} s"
    if isinstance(value, timedelta):
        whole = int(value.total_seconds())
        return f"{whole // 60} min" if whole >= 120 and whole % 60 == 0 else f"{whole} s"
    return f"{_plain(value)} s"


def _plain(value: Any) -> str:
    if isinstance(value, timedelta):
        value = value.total_seconds()
    return f"{float(value):g}"
