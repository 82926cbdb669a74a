"""What commands are given: options that several share, and files, or stdin in their place."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from desk.cli.output import refuse

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_AGO = re.compile(r"(\d+)([dh])", re.ASCII)
_UNITS = {"d": "days", "h": "hours"}

StackName = Annotated[
    str,
    typer.Option(
        "--stack",
        envvar="REPEG_STACK",
        help="Stack to talk to. Without it: the local cloud that is up, else the stack repeg on AWS.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]


SymbolFilter = Annotated[str | None, typer.Option("--symbol", metavar="S", help="Only of this symbol.")]
StrategyFilter = Annotated[str | None, typer.Option("--strategy", metavar="N", help="Only of this strategy.")]
Since = Annotated[
    str | None,
    typer.Option(
        "--since", metavar="TIME", help="From then on, as 2026-11-20T09:30:00-05:00, 2026-11-20, 7d or 12h ago."
    ),
]
Today = Annotated[bool, typer.Option("--today", help="Only of this market day, in New York.")]
AsCsv = Annotated[bool, typer.Option("--csv", help="Print comma-separated values, a line each, and nothing else.")]


def begin_of(since: str | None, today: bool, now: Callable[[], datetime]) -> datetime | None:
    """From when on things are listed; None: all of them. `now` is market time, asked for only where it is needed."""
    if since is not None and today:
        refuse("--today: not beside --since")
    if today:
        from desk.stack.market_time import day_begin

        return day_begin(now())
    return None if since is None else time_of("--since", since, now)


def time_of(option: str, text: str, now: Callable[[], datetime]) -> datetime:
    """The moment that an option names: a time, a day, which begins in New York, or so long ago (`7d`, `12h`)."""
    from desk.exchange.market.moments import from_ns, parse_instant
    from repeg.domain.market.sessions import EASTERN

    try:
        if ago := _AGO.fullmatch(text):
            return now() - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        if _DAY.fullmatch(text):
            return datetime.fromisoformat(text).replace(tzinfo=EASTERN)
        return from_ns(parse_instant(text if ":" in text else ""))
    except (ValueError, OverflowError):
        a_time = "a time such as 2026-11-20T09:30:00-05:00, nor a day such as 2026-11-20, nor so long ago as 7d or 12h"
        refuse(f"{option}: {text} is not {a_time}")


def one_form(as_json: bool, as_csv: bool) -> None:
    """One document, of one form."""
    if as_json and as_csv:
        refuse("--csv: not beside --json")


def name_of(file: str) -> str:
    """A file as it is called where something is wrong with it."""
    return "stdin" if file == "-" else file


def text_of(file: str, most_bytes: int, remark: str) -> str:
    """What stands in a file; trouble with it ends the command with code 2, and `remark` says what did not happen."""
    try:
        data = sys.stdin.buffer.read(most_bytes + 1) if file == "-" else Path(file).read_bytes()
    except OSError as error:
        refuse(f"{file}: cannot be read ({error.strerror}); {remark}")
    if len(data) > most_bytes:
        refuse(f"{name_of(file)}: is larger than {_size(most_bytes)}; {remark}")
    try:
        return data.decode()
    except UnicodeDecodeError:
        refuse(f"{name_of(file)}: body: is not UTF-8 text; {remark}")


def _size(count: int) -> str:
    return f"{count // 1024**2} MB" if count >= 1024**2 else f"{count // 1024} KB"
