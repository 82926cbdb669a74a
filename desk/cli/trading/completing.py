"""Ids that a shell completes while a command is typed: those of what came last."""

from __future__ import annotations

import os
from collections.abc import Callable, Container, Iterable
from contextlib import suppress
from itertools import chain
from threading import Thread
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from desk.stack.records import Records

DEADLINE_S = 1.5
"""Nobody waits longer for a tab."""
ORDERS, REBALANCES = 50, 10
"""So many of the newest are looked at."""
_KINDS = {"order", "close", "bracket", "rebalance_leg", "unwind"}
"""Not what says something of another order."""
_RECORDS = ("ord-", "reb-")
Ids = tuple[str, str]


def any_id(ctx: typer.Context, incomplete: str) -> list[str]:
    """Of orders and rebalances."""
    return _recent(ctx, incomplete, lambda records: chain(_orders(records), _rebalances(records)))


def order_id(ctx: typer.Context, incomplete: str) -> list[str]:
    """Of orders."""
    return _recent(ctx, incomplete, _orders)


def bracket_id(ctx: typer.Context, incomplete: str) -> list[str]:
    """Of brackets."""
    return _recent(ctx, incomplete, lambda records: _orders(records, {"bracket"}))


def rebalance_id(ctx: typer.Context, incomplete: str) -> list[str]:
    """Of rebalances."""
    return _recent(ctx, incomplete, _rebalances)


def _orders(records: Records, kinds: Container[str] = _KINDS) -> Iterable[Ids]:
    return ((each.signal_id, each.order_id) for each in records.orders.newest(ORDERS, {}) if each.kind in kinds)


def _rebalances(records: Records) -> Iterable[Ids]:
    return ((each.signal_id, each.rebalance_id) for each in records.rebalances.newest(REBALANCES, {}))


def _recent(ctx: typer.Context, incomplete: str, read: Callable[[Records], Iterable[Ids]]) -> list[str]:
    """Signal ids, or records' own where they begin so; what was not read by the deadline is left out."""
    stack, found = str(ctx.params.get("stack") or os.environ.get("REPEG_STACK", "")), list[str]()

    def look() -> None:
        # Whatever it is: a word in the middle of a line that somebody types helps nobody.
        with suppress(Exception):
            found.extend(name for ids in read(_records(stack)) for name in ids if _is_meant(name, incomplete))

    looking = Thread(target=look, daemon=True)
    looking.start()
    looking.join(DEADLINE_S)
    return list(dict.fromkeys(found))


def _is_meant(name: str, incomplete: str) -> bool:
    # Beside each signal's id that of its record would make the list twice as long.
    return name.startswith(incomplete) and (bool(incomplete) or not name.startswith(_RECORDS))


def _records(stack: str) -> Records:
    """The table by its name, without a look at the stack: one call less to wait for."""
    from botocore.config import Config

    from desk.stack.connection import DEFAULT_STACK, aws_session, connect_local, local_for
    from desk.stack.records import Records, records_of

    config = Config(connect_timeout=1, read_timeout=1, retries={"mode": "standard", "total_max_attempts": 1})
    if local := local_for(stack):
        return records_of(connect_local(local, config))
    return Records(aws_session().create_client("dynamodb", config=config), stack or DEFAULT_STACK)
