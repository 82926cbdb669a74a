"""Reaching the stack, and saying in one line where it is. What goes wrong on the way becomes one line, too."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOError,
)

from desk.cli.output import fail, tell
from desk.stack.connection import DEFAULT_STACK, connect
from desk.stack.place import status
from repeg.errors import OperatorError

if TYPE_CHECKING:
    from desk.doctor.case import Case
    from desk.stack.connection import Connection
    from desk.stack.records import Records
    from repeg.store.orders import OrderStore


@contextmanager
def reaching(stack: str, told: bool = False) -> Iterator[Connection]:
    """A connection to the stack; trouble with it ends the command with exit code 1. `told`: where it is, was said."""
    try:
        connection = connect(stack)
    except (BotoCoreError, ClientError) as error:
        fail(f"{no_local_cloud()}, and on AWS {_why_not(stack or DEFAULT_STACK, error)}")
    if not told:
        tell_where(connection, stack)
    try:
        yield connection
    except (BotoCoreError, ClientError) as error:
        where = "the local cloud" if connection.is_local else f"stack {connection.stack!r} on AWS"
        fail(f"{where} failed: {error}")
    except OperatorError as error:
        fail(f"stack {connection.stack!r}: {error}")


def tell_where(connection: Connection, stack: str) -> None:
    """The first line of a command that reached a stack, where one was named, or a person finds a local cloud."""
    if stack or (connection.is_local and _read_by_a_person()):
        tell(_where(connection))


def _read_by_a_person() -> bool:
    """Who names no stack gets a local cloud that happens to be up. A program reads one line of trouble, or none."""
    return sys.stderr.isatty()


def _where(connection: Connection) -> str:
    """Which stack a command acts on: a local cloud that is up is not the one that was meant if it holds another."""
    if connection.is_local:
        return f"on the local cloud, stack {connection.stack}"
    beside = status()
    held = f" (the local cloud that is up holds {beside.stack})" if beside.up else ""
    return f"on AWS, {connection.region}, stack {connection.stack}{held}"


def lacking(error: Exception) -> str:
    """What AWS cannot be asked without, and the mend; empty where it is not that. With it no call was sent."""
    if isinstance(error, NoRegionError):
        return "there is no region (export AWS_DEFAULT_REGION=us-east-1, say)"
    if isinstance(error, NoCredentialsError):
        return "there are no credentials (aws configure, or aws sso login)"
    if isinstance(error, PartialCredentialsError | CredentialRetrievalError | SSOError | ProfileNotFound):
        return f"there are no credentials: {error} (aws configure, or aws sso login)"
    return ""


def where_of(is_local: bool) -> str:
    """Where a stack is looked for, before anything answered."""
    endpoint = os.environ.get("AWS_ENDPOINT_URL")
    return "on the local cloud" if is_local else f"at {endpoint} (AWS_ENDPOINT_URL)" if endpoint else "on AWS"


def pointed_elsewhere() -> str:
    """Where this shell looks for AWS, and the mend; empty where it is AWS itself."""
    endpoint = os.environ.get("AWS_ENDPOINT_URL")
    return f'AWS_ENDPOINT_URL is {endpoint} (eval "$(repeg local env --unset)" takes it back)' if endpoint else ""


def no_local_cloud() -> str:
    """Why no local cloud was reached, and the mend."""
    from desk.doctor.reach import local_end

    beside = status()
    if beside.up:
        return f"the local cloud that is up holds stack {beside.stack!r}"
    ended = local_end()
    return f"{ended} (make down && make local)" if ended else "no local cloud is up (make local starts one)"


def _why_not(stack: str, error: BotoCoreError | ClientError) -> str:
    """Why the stack was not reached on AWS, and the mend where it is known."""
    if elsewhere := pointed_elsewhere():
        return f"nothing was reached: {elsewhere}"
    if lacks := lacking(error):
        return f"stack {stack!r} was not looked for: {lacks}"
    if isinstance(error, ClientError) and "does not exist" in str(error):
        return f"there is no stack {stack!r} in this account and region (make deploy makes it; --stack names another)"
    return f"stack {stack!r} was not reached: {error}"


@contextmanager
def reaching_orders(stack: str) -> Iterator[OrderStore]:
    """The stack's order store; trouble with it ends the command with exit code 1."""
    from repeg.store.orders import OrderStore

    with reaching(stack) as connection:
        yield OrderStore(connection.dynamodb, connection.table)


@contextmanager
def reaching_records(stack: str) -> Iterator[Records]:
    """The stack's orders and rebalances; trouble with it ends the command with exit code 1."""
    from desk.stack.records import records_of

    with reaching(stack) as connection:
        yield records_of(connection)


@contextmanager
def reaching_case(stack: str, told: bool = False) -> Iterator[Case]:
    """The stack and the broker that it trades at; trouble with either ends the command with exit code 1."""
    from desk.doctor.findings import Trouble
    from desk.doctor.reach import case_of

    with reaching(stack, told) as connection:
        try:
            yield case_of(connection)
        except Trouble as trouble:
            fail(f"{trouble.detail}; {trouble.mend}")
