"""`repeg settings`: what can be tuned without a deployment."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from desk.cli.options import AsJson, StackName
from desk.cli.output import fail, print_json, refuse, tell

if TYPE_CHECKING:
    from rich.console import Group
    from rich.table import Table

    from desk.stack.connection import Connection
    from desk.stack.overrides import Documents, OverridesStore
    from repeg.settings import Kept

app = typer.Typer(help="Show and change the settings of a stack.", no_args_is_help=True)


@app.command()
def show(stack: StackName = "", as_json: AsJson = False) -> None:
    """Show every setting, and which of them are overridden."""
    with _stored(stack) as (store, connection):
        _show(store.read(), as_json, _last_valid(connection))


@app.command("set")
def set_(
    pairs: Annotated[list[str], typer.Argument(metavar="KEY=VALUE...", help="For example max_slippage_bps=15.")],
    stack: StackName = "",
    as_json: AsJson = False,
) -> None:
    """Override settings; lists are separated by commas."""
    from desk.stack.overrides import read_pairs
    from repeg.errors import ConfigurationError

    with _stored(stack) as (store, _):
        before = store.read()
        try:
            document = before.changed(read_pairs(pairs))
        except ConfigurationError as problem:
            refuse(f"{problem}; nothing was changed")
        _write(store, before, document, as_json)


@app.command()
def load(
    file: Annotated[Path, typer.Argument(help="JSON object of settings, at most 4 KB.")],
    stack: StackName = "",
    as_json: AsJson = False,
) -> None:
    """Replace all overrides by those of a file."""
    from desk.stack.overrides import read_document
    from repeg.errors import ConfigurationError

    try:
        wanted = read_document(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        refuse(f"{file}: cannot be read ({getattr(error, 'strerror', None) or 'not UTF-8 text'}); nothing was changed")
    except ConfigurationError as problem:
        refuse(f"{file}: {problem}; nothing was changed")
    with _stored(stack) as (store, _):
        before = store.read()
        try:
            document = before.replaced(wanted)
        except ConfigurationError as problem:
            refuse(f"{file}: {problem}; nothing was changed")
        _write(store, before, document, as_json)


@app.command()
def reset(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[KEY...]", help="Only these. Default: all, which is asked about.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before all are reset.")] = False,
    stack: StackName = "",
    as_json: AsJson = False,
) -> None:
    """Put settings back to their defaults: those that are named, or all."""
    from repeg.errors import ConfigurationError

    if not names and not yes and not sys.stdin.isatty():
        refuse("KEY: name some, or say --yes for all, as nobody can be asked here; nothing was changed")
    with _stored(stack) as (store, _):
        before = store.read()
        try:
            document = before.without(names) if names else "{}"
        except ConfigurationError as problem:
            refuse(f"{problem}; nothing was changed")
        if not names and not yes and before.overrides is not None and not typer.confirm(_all_of(before), err=True):
            fail("nothing was changed")
        _write(store, before, document, as_json)


def _all_of(before: Documents) -> str:
    """The question before all is reset. A document that cannot be read is what is most often reset."""
    from repeg.errors import ConfigurationError

    with suppress(ConfigurationError):
        return f"Put {', '.join(before.overridden())} back to the defaults?"
    return "Put all settings back to their defaults?"


@contextmanager
def _stored(stack: str) -> Iterator[tuple[OverridesStore, Connection]]:
    from desk.cli.reaching import reaching
    from desk.stack.overrides import OverridesStore

    with reaching(stack) as connection:
        yield OverridesStore(connection.ssm, connection.settings_defaults, connection.settings_overrides), connection


def _last_valid(connection: Connection) -> Kept | None:
    """What the stack has checked and kept: documents that are still those need no check here."""
    from botocore.exceptions import BotoCoreError, ClientError

    from repeg.store.shared import SharedStore

    with suppress(BotoCoreError, ClientError):  # whoever may not read the table waits for the check instead
        return SharedStore(connection.dynamodb, connection.table).load()
    return None


def _write(store: OverridesStore, before: Documents, document: str, as_json: bool) -> None:
    """Write, and answer with what that changed: among all settings nobody would find it."""
    from desk.stack.overrides import Documents

    store.write(document)
    now = Documents(store.read().defaults, None if document == "{}" else document)
    if as_json:
        _show(now, as_json)
    else:
        _show_changed(before, now)


def _show_changed(before: Documents, now: Documents) -> None:
    from repeg.errors import ConfigurationError

    try:
        was, was_refused = before.in_force(), False
    except ConfigurationError:
        was, was_refused = {}, True
    in_force = now.in_force()
    names = [name for name, value in in_force.items() if was and was.get(name) != value]
    if names:
        from desk.telling.render import console

        console().print(changed_table({name: (was.get(name), in_force[name]) for name in names}))
    told = f"{len(names)} changed" if names else "nothing is another value than before"
    tell(f"{'the overrides before were refused' if was_refused else told}; {_overridden(now.overridden())}")


def changed_table(changed: dict[str, tuple[Any, Any]]) -> Table:
    """One line for each setting that has another value: before, now, and what it is."""
    from rich.table import Table

    from desk.stack.overrides import meanings

    known = meanings()
    shown = Table(box=None, header_style="bold", pad_edge=False)
    shown.add_column("setting", no_wrap=True)
    for name in ("before", "now", "what it is"):
        shown.add_column(name, overflow="fold")
    for name, (before, now) in changed.items():
        shown.add_row(name, "" if before is None else _text(before), _text(now), known.get(name, ""))
    return shown


def _overridden(overridden: dict[str, Any]) -> str:
    return f"{len(overridden)} overridden" if overridden else "all at their defaults"


def _show(documents: Documents, as_json: bool, last: Kept | None = None) -> None:
    from repeg.errors import ConfigurationError

    try:
        in_force, overridden = documents.in_force(last), documents.overridden()
    except ConfigurationError as problem:
        fail(f"these settings are refused, the last valid ones stay in force: {problem}; fix: repeg settings reset")
    if as_json:
        print_json({"settings": in_force, "overrides": overridden})
        return
    from desk.stack.overrides import meanings
    from desk.telling.render import ROOMY, console

    known = meanings()
    screen = console()
    # A name such as `enabled` reads like a kill switch where nothing says what it is of.
    lines = [(name, _text(value), name in overridden, known.get(name, "")) for name, value in in_force.items()]
    screen.print(_wide(lines) if screen.width >= ROOMY else _narrow(lines))
    tell(_overridden(overridden))


Line = tuple[str, str, bool, str]
"""A setting's name, its value, whether it is overridden, and what it is."""


def _wide(lines: list[Line]) -> Table:
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("setting", no_wrap=True)
    for name in ("value", "", "what it is"):
        table.add_column(name, overflow="fold")
    for name, value, changed, meaning in lines:
        word, style = ("overridden", "yellow") if changed else ("", "")
        table.add_row(name, value, word, meaning, style=style)
    return table


def _narrow(lines: list[Line]) -> Group:
    """What a setting is in a line below it: names are copied, and beside it they would be broken."""
    from rich.console import Group
    from rich.padding import Padding
    from rich.text import Text

    parts: list[Text | Padding] = []
    for name, value, changed, meaning in lines:
        said = Text(f"{name} = {value}{'  overridden' if changed else ''}", style="yellow" if changed else "bold")
        parts += [said, Padding(Text(meaning, style="dim"), (0, 0, 0, 2))]
    return Group(*parts)


def _text(value: Any) -> str:
    if isinstance(value, list):
        return " ".join(value)
    if isinstance(value, dict):
        return json.dumps(value)
    return str(value).lower() if isinstance(value, bool) else str(value)
