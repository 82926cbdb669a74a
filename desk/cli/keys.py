"""`repeg keys`: the Alpaca key pair, from the keyboard or a pipe into the stack's secret; never by argument or file."""

from __future__ import annotations

import json
import sys
from getpass import getpass

import typer

from desk.cli.options import StackName
from desk.cli.output import refuse, tell

app = typer.Typer(help="Put the Alpaca key pair into the stack's secret.", no_args_is_help=True)


@app.command("set")
def set_(stack: StackName = "") -> None:
    """Ask for the key pair and store it; from a pipe: {"key_id": "...", "secret_key": "..."}."""
    from desk.cli.reaching import reaching

    piped = None if sys.stdin.isatty() else _checked(_piped(sys.stdin.read()))
    with reaching(stack) as connection:
        where = "the local cloud" if connection.is_local else f"stack {connection.stack} on AWS"
        pair = piped or _checked(_asked(where))
        connection.secretsmanager.put_secret_value(SecretId=connection.secret_id, SecretString=json.dumps(pair))
    tell(f"the keys of {where} are changed; functions take them up within half a minute; repeg doctor tries them")


def _asked(where: str) -> dict[str, str]:
    tell(f"for {where}: the pair from alpaca.markets (paper trading has its own); the secret key is not shown")
    return {"key_id": input("key id: ").strip(), "secret_key": getpass("secret key: ").strip()}


def _checked(pair: dict[str, str]) -> dict[str, str]:
    for name, value in pair.items():
        if not value or not value.isascii() or not value.isprintable() or " " in value:
            refuse(f"{name}: is empty, or not a key; nothing was changed")
    return pair


def _piped(text: str) -> dict[str, str]:
    try:
        document = json.loads(text)
        return {name: document[name].strip() for name in ("key_id", "secret_key")}
    except (ValueError, KeyError, TypeError, AttributeError):
        refuse('stdin: must be {"key_id": "...", "secret_key": "..."}; nothing was changed')
