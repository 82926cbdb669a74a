"""What a part of the benchmark found: tables for the eye, a document for programs, and targets that hold or do not."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from desk.bench.sample import rounded


@dataclass(frozen=True)
class Target:
    """A figure that must not exceed its limit (or, with `at_least`, not fall short of it)."""

    name: str
    value: float
    limit: float
    at_least: bool = False

    @property
    def ok(self) -> bool:
        return self.value >= self.limit if self.at_least else self.value <= self.limit

    def document(self) -> dict[str, Any]:
        """JSON-ready."""
        relation = "at_least" if self.at_least else "at_most"
        return {"name": self.name, "value": rounded(self.value), relation: self.limit, "ok": self.ok}


@dataclass(frozen=True)
class Table:
    """Rows of text under headings; the first column names the row."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""


@dataclass(frozen=True)
class Part:
    """One part's findings."""

    name: str
    figures: dict[str, Any]
    tables: Sequence[Table]
    targets: Sequence[Target] = ()


@dataclass
class Report:
    """The findings of a run."""

    machine: dict[str, Any]
    parts: list[Part] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def targets(self) -> list[Target]:
        return [target for part in self.parts for target in part.targets]

    @property
    def ok(self) -> bool:
        """True when every target that was measured holds."""
        return all(target.ok for target in self.targets)

    def document(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "ok": self.ok,
            "seconds": round(self.seconds, 1),
            "machine": self.machine,
            "parts": {part.name: part.figures for part in self.parts},
            "targets": [target.document() for target in self.targets],
        }


def show(report: Report, console: Console) -> None:
    """Print a run for people."""
    for part in report.parts:
        for table in part.tables:
            console.print(_rich(table))
            if table.note:
                console.print(Text(table.note, style="dim"))
            console.print()
    if report.targets:
        console.print(_targets(report.targets))
    console.print(Text(f"measured in {report.seconds:.0f} s", style="dim"))


def _rich(table: Table) -> RichTable:
    grid = RichTable(title=table.title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for place, column in enumerate(table.columns):
        grid.add_column(column, justify="right" if place else "left", no_wrap=True)
    for row in table.rows:
        grid.add_row(*(Text(cell) for cell in row))
    return grid


def _targets(targets: Iterable[Target]) -> RichTable:
    grid = RichTable(title="What must hold", title_justify="left", box=None, pad_edge=False, header_style="bold")
    for column, justify in (("target", "left"), ("measured", "right"), ("limit", "right"), ("", "left")):
        grid.add_column(column, justify="right" if justify == "right" else "left")
    for target in targets:
        verdict = Text("ok", style="green") if target.ok else Text("not ok", style="bold red")
        limit = f"{'>=' if target.at_least else '<='} {target.limit:g}"
        grid.add_row(Text(target.name), f"{rounded(target.value):g}", limit, verdict)
    return grid


def number(value: float, unit: str = "") -> str:
    """A figure as it stands in a table: as many digits as mean something."""
    text = f"{rounded(value):,.10f}".rstrip("0").rstrip(".")
    return f"{text} {unit}" if unit else text


def ratio(value: float) -> str:
    """A ratio as it stands in a table."""
    return f"{value:.2f}x"


def span(counts: Iterable[int]) -> str:
    """Several counts as they stand in a title: `3`, `3 to 5`."""
    found = sorted(set(counts))
    return str(found[0]) if len(found) == 1 else f"{found[0]} to {found[-1]}"
