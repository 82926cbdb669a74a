"""Options that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

StackName = Annotated[
    str,
    typer.Option(
        "--stack",
        envvar="REPEG_STACK",
        help="Stack to talk to. Without it: the local cloud that is up, else the stack repeg on AWS.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]
