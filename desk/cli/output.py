"""What a command leaves behind: one JSON document or one clear line, and an exit code."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn

import typer

_FORMULAS = ("=", "+", "-", "@", "\t", "\r")
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?", re.ASCII)
_PROGRAMS = ("repeg", ".venv/bin/repeg", "make", "aws", "source", "eval", "export")
_USUAL = 80
FAILED = 1
BAD_INPUT = 2


def print_json(document: Any) -> None:
    """The one JSON document of a `--json` command, on stdout."""
    sys.stdout.write(json.dumps(document, indent=2) + "\n")


def print_csv(rows: Iterable[dict[str, Any]], columns: str) -> None:
    """The lines of a `--csv` command, on stdout: these columns, their names first; nothing for what is not known."""
    import csv

    # As every other output of a command line: csv by itself ends its lines as on Windows.
    writer = csv.DictWriter(sys.stdout, columns.split(), extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _cell(value) for name, value in row.items()} for row in rows)


def _cell(value: Any) -> Any:
    """As it is, but for text that a spreadsheet would take for a formula: who names a strategy runs nothing by it."""
    if isinstance(value, str) and value.startswith(_FORMULAS) and not _NUMBER.fullmatch(value):
        return f"'{value}"
    return value


@contextmanager
def all_read(broken: dict[str, str]) -> Iterator[None]:
    """Show what was found of the records; those that could not be read are named before, and are a failure after it.

    Whatever lists or sums up: a script that books on must not take a part for the whole.
    """
    if broken:
        named = ", ".join(list(broken)[:5]) + (", ..." if len(broken) > 5 else "")
        why = next(iter(broken.values())).splitlines()[0][:120]
        tell(f"left out: {len(broken)} of the records, which cannot be read ({named}: {why})")
    yield
    if broken:
        raise typer.Exit(FAILED)


def told_without_table(found: Sequence[Any], as_json: bool, nothing: str) -> bool:
    """Print what was found where that takes no table: as the JSON document, or as the remark that it is nothing.

    False: a table is needed. Only then is anything imported that draws one.
    """
    if as_json:
        print_json(found)
    elif not found:
        tell(nothing)
    return as_json or not found


def tell(line: str) -> None:
    """A remark for the person at the terminal, on stderr: there in lines that end with words, else in one."""
    said = " ".join(line.split())
    width = _columns() if sys.stderr.isatty() else None
    sys.stderr.write("\n".join(at_words(said, width) if width else [said]) + "\n")


def at_words(said: str, width: int, first: int = 0) -> list[str]:
    """In lines of so many columns; `first`: how many of those of the first line are taken.

    A command is never broken: pasted by halves, `repeg resume --symbol S` would lift the halt of the account.
    """
    lines, left = [""], width - first
    for piece in _pieces(said.split()):
        if lines[-1] and len(lines[-1]) + 1 + len(piece) > left:
            lines.append("")
            left = width
        lines[-1] += f" {piece}" if lines[-1] else piece
    return lines


def _pieces(words: Sequence[str]) -> list[str]:
    """Words, and commands, in brackets, too: these reach as far as the next punctuation mark or bracket."""
    pieces: list[str] = []
    within = False
    for word in words:
        within = within and not word.startswith("(")
        if within:
            pieces[-1] += f" {word}"
        else:
            pieces.append(word)
        within = (within or word.removeprefix("(") in _PROGRAMS) and not word.endswith((";", ",", ":", ")"))
    return pieces


def _columns() -> int:
    """Of the terminal that remarks are on: stdout may be a file."""
    told = os.environ.get("COLUMNS", "")
    if told.isdecimal() and int(told):
        return int(told)
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns or _USUAL
    except (OSError, ValueError):
        return _USUAL


def end_as_by_ctrl_c() -> None:
    """Ended from outside, or with its terminal, too, a command stops what it has started."""
    for name in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(name) is not signal.SIG_IGN:
            signal.signal(name, signal.default_int_handler)


def refuse(line: str) -> NoReturn:
    """End with exit code 2: the input has to be mended."""
    tell(line)
    raise typer.Exit(BAD_INPUT)


def fail(line: str) -> NoReturn:
    """End with exit code 1: what was asked for did not come about."""
    tell(line)
    raise typer.Exit(FAILED)


@contextmanager
def trouble_told() -> Iterator[None]:
    """Trouble with the local cloud ends the command: with code 2 where something else has to be asked for, else 1."""
    from desk.cloud.errors import CloudError, CloudRefused

    try:
        yield
    except CloudRefused as problem:
        refuse(str(problem))
    except CloudError as problem:
        fail(str(problem))
