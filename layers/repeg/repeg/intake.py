"""Intake: a message becomes a record and an execution, or a recorded refusal; it never blocks others."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from repeg.clock import TimeKeeper
from repeg.domain.order.alerts import UNNAMED
from repeg.domain.order.fence import first_worked_by
from repeg.domain.order.record import Order
from repeg.domain.rebalance.record import Rebalance, is_rebalance
from repeg.domain.signals.intake import (
    accepted_adjust,
    accepted_order,
    accepted_rebalance,
    conflicting_order,
    invalid_order,
)
from repeg.domain.signals.parsing import (
    AdjustSignal,
    CancelSignal,
    RebalanceSignal,
    body_hash,
    parse_signal,
    read_json,
    read_loosely,
    usable_signal_id,
)
from repeg.errors import SignalInvalid
from repeg.executions import Executions
from repeg.log import Log
from repeg.store.claims import SignalClaim
from repeg.store.orders import OrderStore
from repeg.store.rebalances import RebalanceStore

Times = tuple[datetime, datetime, datetime]


class Intake:
    """Accepts one message at a time. `dead_letter` is given the body of a bad message and why it is bad.

    `identity` returns the token that is part of our client order ids; `rebalancing` starts rebalances.
    """

    def __init__(
        self,
        orders: OrderStore,
        executions: Executions,
        time: TimeKeeper,
        dead_letter: Callable[[str, str], None],
        log: Log,
        identity: Callable[[], str],
        rebalances: RebalanceStore,
        rebalancing: Executions,
    ) -> None:
        self._orders = orders
        self._executions = executions
        self._rebalances = rebalances
        self._rebalancing = rebalancing
        self._time = time
        self._dead_letter = dead_letter
        self._log = log
        self._identity = identity

    def accept(self, text: str, sent_at: datetime | None = None) -> str | None:
        """Take a message sent at a wall time (None: now); returning means that it is done.

        Returns what was wrong with it if it was refused. Running it again changes nothing.
        """
        times = self._times(sent_at)
        body: Any = None
        try:
            body = read_json(text)
            signal = parse_signal(body)
        except SignalInvalid as problem:
            return self._refuse(text, body, problem, times)
        if isinstance(signal, RebalanceSignal):
            return self._take_rebalance(accepted_rebalance(signal, *times), body, times)
        if isinstance(signal, CancelSignal):
            return self._take_back(signal, body, times)
        if isinstance(signal, AdjustSignal):
            # An order that is not there yet is not waited for: it may never come, and the word outlive its sense.
            return self._take(accepted_adjust(signal, self._orders.find(signal.about), *times), body, times)
        return self._take(accepted_order(signal, *times), body, times)

    def give_up(self, text: str, sent_at: datetime | None, why: str) -> str | None:
        """Refuse a message that could not be taken in; one whose order is on record is done, as `accept` says."""
        problem = SignalInvalid("signal", f"could not be taken in, and is given up: {why}")
        try:
            body = read_loosely(text)
            signal_id = usable_signal_id(body)
            known = self._orders.claim_of(signal_id) if signal_id else None
            if known and known.body_hash == body_hash(read_json(text)):
                return None  # the sweep starts its execution
            return self._refuse(text, body, problem, self._times(sent_at))
        except Exception as error:  # whatever keeps it from being recorded, too: then the queue has to do
            self._log.error(f"a message that is given up could not be recorded: {error}", exc_info=True)
        self._dead_letter(text, str(problem))
        return f"{UNNAMED}: {problem}"

    def _times(self, sent_at: datetime | None) -> Times:
        """Market time of sending as far as it is known, wall time now, and wall time of sending."""
        received_wall = self._time.wall()
        # SQS and Lambda have clocks of their own: no signal was sent after it came.
        sent_at = min(sent_at or received_wall, received_wall)
        return self._time.approximate().at(sent_at), received_wall, sent_at

    def _take(self, order: Order, body: Any, times: Times) -> str | None:
        arn = self._executions.arn(order.order_id, 1)
        named = first_worked_by(order.changed(namespace=self._identity()), arn)
        # Recorded before it is started: the sweep finds an order without an execution, and nobody the contrary.
        known = self._orders.accept(named, body_hash(body))
        if known is None and order.kind == "close":
            self._heed_early_cancel(order.order_id, times)
        return self._started(order.order_id, order.signal_id, known, body, times)

    def _take_back(self, signal: CancelSignal, body: Any, times: Times) -> str | None:
        """End what another signal became, then write down what was found: whoever is delivered again does both again.

        A signal that is not there yet, as it came in another group, finds the word.
        """
        known = self._orders.claim_of(signal.signal_id)
        if known:
            return self._started(known.order_id, signal.signal_id, known, body, times)
        # Read here: no other signal pays for it with its cold start.
        from repeg.cancels import Cancels

        cancels = Cancels(self._orders, self._executions, self._rebalances, self._rebalancing)
        return self._take(cancels.answer(signal, *times), body, times)

    def _heed_early_cancel(self, order_id: str, times: Times) -> None:
        """End a close whose cancel came first: no exit reads a word later. Trouble with that stops no exit."""
        try:
            word = self._orders.halt_about(order_id)
            if word:
                from repeg.cancels import take_back

                take_back(self._orders, self._executions, order_id, word.reason.removeprefix("by "), times[0])
        except Exception as error:
            self._log.error(f"it is not known whether the close was taken back: {error}", order_id=order_id)

    def _take_rebalance(self, rebalance: Rebalance, body: Any, times: Times) -> str | None:
        arn = self._rebalancing.arn(rebalance.rebalance_id, 1)
        named = rebalance.changed(namespace=self._identity()).with_work(execution_arn=arn)
        known = self._rebalances.accept(named, body_hash(body))
        return self._started(rebalance.rebalance_id, rebalance.signal_id, known, body, times)

    def _started(
        self, record_id: str, signal_id: str, known: SignalClaim | None, body: Any, times: Times
    ) -> str | None:
        """Start what a signal became, once and again; a signal whose id is another's is recorded as a conflict."""
        if known and known.body_hash != body_hash(body):
            self._record(conflicting_order(signal_id, body, *times))
            return f"{signal_id}: was used before with another body"
        record_id = known.order_id if known else record_id
        executions = self._rebalancing if is_rebalance(record_id) else self._executions
        executions.start(record_id, 1)
        self._log.info("signal known" if known else "signal accepted", signal_id=signal_id)
        return None

    def _refuse(self, text: str, body: Any, problem: SignalInvalid, times: Times) -> str:
        """A bad message is recorded if it says which signal it is, and goes to the dead-letter queue."""
        self._log.info(f"message refused: {problem}")
        body = read_loosely(text) if body is None else body
        signal_id = usable_signal_id(body)
        if signal_id:
            order = invalid_order(signal_id, body, problem, *times)
            arn = self._executions.arn(order.order_id, 1)
            if self._orders.accept(first_worked_by(order, arn), body_hash(body)):
                self._record(order)
            else:
                self._executions.start(order.order_id, 1)
        # Last: a message that comes again because the record failed is a dead letter once.
        self._dead_letter(text, str(problem))
        return f"{signal_id or f'{UNNAMED} without a signal_id'}: {problem}"

    def _record(self, order: Order) -> None:
        """A refusal that does not own its signal_id; its execution only publishes it."""
        self._orders.record(first_worked_by(order, self._executions.arn(order.order_id, 1)))
        self._executions.start(order.order_id, 1)
