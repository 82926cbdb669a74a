"""What commands are given: options that several share, and files, or stdin in their place."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from desk.cli.output import refuse

StackName = Annotated[
    str,
    typer.Option(
        "--stack",
        envvar="REPEG_STACK",
        help="Stack to talk to. Without it: the local cloud that is up, else the stack repeg on AWS.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]


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
