"""Commands that mend, ready to paste, and figures as people read them."""

from __future__ import annotations

import sys
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from desk.stack.connection import Connection

SET_CLOCK = "sudo sntp -sS time.apple.com" if sys.platform == "darwin" else "sudo timedatectl set-ntp true"


def start_afresh() -> str:
    """How to start the local cloud anew; one that keeps what it holds goes on with it."""
    from desk.stack.place import here

    processes = here().processes()
    return f"make down && make local{' ARGS=--keep' if processes and processes.keeps else ''}"


def aws(connection: Connection, words: str) -> str:
    """A command of the AWS command line against the stack."""
    if not connection.is_local:
        return f"aws {words}"
    # Some versions take a queue's endpoint from the command line only.
    return f'(eval "$(repeg local env)"; aws --endpoint-url {connection.endpoint_url} {words})'


def deploy(stack: str) -> str:
    """How to deploy a stack to AWS."""
    sections = {"repeg": "", "repeg-live": " CONFIG=live"}
    return f"make deploy{sections.get(stack, f' CONFIG=<the section of samconfig.toml for {stack}>')}"


def deploy_again(connection: Connection) -> str:
    """How to bring the stack back to what the template says."""
    return start_afresh() if connection.is_local else deploy(connection.stack)


def repeg(connection: Connection, words: str) -> str:
    """A command of repeg's against the stack."""
    stack = "" if connection.is_local or connection.stack == "repeg" else f" --stack {connection.stack}"
    return f"repeg {words}{stack}"


def seconds_of(length: timedelta) -> str:
    """A length of time in its largest sensible unit."""
    seconds = abs(length.total_seconds())
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"


def some(count: int, what: str) -> str:
    """A count with its noun."""
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
