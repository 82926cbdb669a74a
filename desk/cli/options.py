"""What commands are given: options that several share, and files, or stdin in their place."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass, is_dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

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
AsCsv = Annotated[bool, typer.Option("--csv", help="Print comma-separated values, a line each, and nothing else.")]
SymbolFilter = Annotated[str | None, typer.Option("--symbol", metavar="S", help="Only of this symbol.")]
StrategyFilter = Annotated[str | None, typer.Option("--strategy", metavar="N", help="Only of this strategy.")]
Since = Annotated[
    str | None,
    typer.Option(
        "--since", metavar="TIME", help="From then on, as 2026-11-20T09:30:00-05:00, 2026-11-20, 7d or 12h ago."
    ),
]
Today = Annotated[bool, typer.Option("--today", help="Only of this market day, in New York.")]
Limit = Annotated[int, typer.Option("--limit", min=1, help="At most so many, the newest first.")]


@dataclass(frozen=True)
class Listing:
    """What every list takes: from when on, from which stack, and in which form."""

    since: Since = None
    today: Today = False
    stack: StackName = ""
    as_json: AsJson = False
    as_csv: AsCsv = False

    def judged(self) -> datetime | None:
        """From when on things are listed; None: all of them. What is wrong with it ends the command."""
        if self.as_json and self.as_csv:
            refuse("--csv: not beside --json")
        return begin_of(self.since, self.today, self.stack)


def spread(command: Callable[..., None]) -> Callable[..., None]:
    """The command with the fields of each dataclass that it takes as options of its own: several share them so."""
    taken = inspect.signature(command, eval_str=True).parameters
    groups: dict[str, Any] = {name: each.annotation for name, each in taken.items() if is_dataclass(each.annotation)}
    fields = {name: inspect.signature(kind, eval_str=True).parameters for name, kind in groups.items()}
    options = [each for name in taken for each in (fields[name].values() if name in fields else (taken[name],))]

    def with_groups(**given: Any) -> None:
        made = {name: kind(**{each: given.pop(each) for each in fields[name]}) for name, kind in groups.items()}
        command(**given, **made)

    with_groups.__doc__, with_groups.__name__ = command.__doc__, command.__name__
    with_groups.__annotations__ = {each.name: each.annotation for each in options}
    typed = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in options]
    with_groups.__signature__ = inspect.Signature(typed)  # type: ignore[attr-defined]
    return with_groups


def begin_of(since: str | None, today: bool, stack: str) -> datetime | None:
    """From when on things are listed, by the clock of the stack; None: all of them."""
    if since is not None and today:
        refuse("--today: not beside --since")
    if today:
        from desk.stack.market_time import day_begin

        return day_begin(_now(stack))
    return None if since is None else time_of("--since", since, stack)


def time_of(option: str, text: str, stack: str) -> datetime:
    """The moment that an option names: a time, a day, which begins in New York, or so long ago (`7d`, `12h`)."""
    from desk.exchange.market.moments import from_ns, parse_instant
    from repeg.domain.market.sessions import EASTERN

    try:
        if ago := _AGO.fullmatch(text):
            return _now(stack) - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        if _DAY.fullmatch(text):
            return datetime.fromisoformat(text).replace(tzinfo=EASTERN)
        return from_ns(parse_instant(text if ":" in text else ""))
    except (ValueError, OverflowError):
        a_time = "a time such as 2026-11-20T09:30:00-05:00, nor a day such as 2026-11-20, nor so long ago as 7d or 12h"
        refuse(f"{option}: {text} is not {a_time}")


def _now(stack: str) -> datetime:
    """Market time, read without a call: what is typed is judged before any stack is reached."""
    from desk.stack import market_time

    return market_time.now_of(stack)


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
