"""Reaching the stack: the local cloud when one is up, else AWS. What goes wrong on the way becomes one line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from desk.cli.output import fail
from desk.cloud.connection import connect
from repeg.errors import OperatorError

if TYPE_CHECKING:
    from desk.cloud.connection import Connection
    from repeg.store.orders import OrderStore


@contextmanager
def reaching(stack: str) -> Iterator[Connection]:
    """A connection to the stack; trouble with it ends the command with exit code 1."""
    try:
        connection = connect(stack)
    except (BotoCoreError, ClientError) as error:
        fail(f"no local cloud is up (make local starts one), and stack {stack!r} was not reached on AWS: {error}")
    try:
        yield connection
    except (BotoCoreError, ClientError) as error:
        where = "the local cloud" if connection.is_local else f"stack {connection.stack!r} on AWS"
        fail(f"{where} failed: {error}")
    except OperatorError as error:
        fail(f"stack {connection.stack!r}: {error}")


@contextmanager
def reaching_orders(stack: str) -> Iterator[OrderStore]:
    """The stack's order store; trouble with it ends the command with exit code 1."""
    from repeg.store.orders import OrderStore

    with reaching(stack) as connection:
        yield OrderStore(connection.dynamodb, connection.table)
