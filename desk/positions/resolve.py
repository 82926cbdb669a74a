"""An operator's word on a position: written against the table, and handed to a new execution, which acts on it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from botocore.exceptions import BotoCoreError, ClientError

from desk.doctor.case import Case
from desk.doctor.findings import Trouble
from desk.doctor.market import broker
from repeg.clock import MarketClock, TimeKeeper
from repeg.domain.market.reports import Position
from repeg.domain.order.beginnings import by_clock
from repeg.domain.order.bracket import Levels
from repeg.domain.order.record import Order
from repeg.domain.proof.resolving import NotResolvable, forgotten, holding
from repeg.errors import RepegError, StaleExecution, StoreConflict
from repeg.executions import Executions, ExecutionState
from repeg.store.orders import OrderStore


@dataclass(frozen=True)
class Word:
    """What the operator says: so many shares at these levels; None: forget them."""

    qty: Decimal
    levels: Levels


def disputed(orders: OrderStore, symbol: str, order_id: str | None = None) -> Order:
    """The bracket that is meant.

    Raises:
        NotResolvable: none is, or several are.
    """
    brackets = [bracket for bracket in orders.holding(symbol) if order_id in (None, bracket.order_id)]
    if not brackets:
        raise NotResolvable(f"{symbol}: no bracket holds shares of it")
    frozen = [bracket for bracket in brackets if bracket.care.frozen or bracket.care.doubted_at]
    if not frozen:
        raise NotResolvable(f"{symbol}: record and account agree, as far as the sweep knows; nothing to resolve")
    if len(frozen) > 1:
        ids = ", ".join(bracket.order_id for bracket in frozen)
        raise NotResolvable(f"{symbol}: several brackets are meant; name one with --order: {ids}")
    return frozen[0]


def resolve(
    orders: OrderStore,
    executions: Executions,
    clock: MarketClock,
    order: Order,
    word: Word | None,
    position: Position | None,
) -> Order:
    """Take the operator's word; `position` is what the account shows, if it could be asked.

    Raises:
        NotResolvable: it cannot be taken, or the order is being worked on just now.
    """
    if executions.state(order.order_id, order.run.executions) is ExecutionState.RUNNING:
        raise NotResolvable(f"{order.order_id} is being worked on just now; try again in a minute")
    now = clock.now()
    order = by_clock(order, clock.anchor)
    # First to see whether the word can be taken: an order that nobody decides about keeps its execution.
    _decided(order, word, position, now)
    number = order.run.executions + 1
    try:
        adopted = orders.adopt(order, executions.arn(order.order_id, number))
        saved = orders.save(_decided(adopted, word, position, now))
    except (StaleExecution, StoreConflict):
        raise NotResolvable(f"{order.order_id} moved meanwhile; look again: repeg positions {order.symbol}") from None
    if word is not None:
        _start(executions, order.order_id, number)
    return saved


def _decided(order: Order, word: Word | None, position: Position | None, now: datetime) -> Order:
    return forgotten(order, now) if word is None else holding(order, word.qty, word.levels, position, now)


def _start(executions: Executions, order_id: str, number: int) -> None:
    """The sweep does it within a minute where this fails."""
    with suppress(BotoCoreError, ClientError):
        executions.start(order_id, number)


def executions(case: Case) -> Executions:
    """The machine that works orders."""
    return Executions(case.connection.stepfunctions, case.connection.state_machines["execute_order"])


def clock(case: Case) -> MarketClock:
    """Market time, by the reading that the stack keeps."""
    return TimeKeeper(case.market, case.connection.speed or 1.0, case.wall).approximate()


def shown(case: Case, symbol: str) -> Position | None:
    """The account's position; None too when it cannot be asked."""
    with suppress(Trouble, RepegError):
        return case.fact(broker).urgent().position(symbol)
    return None
