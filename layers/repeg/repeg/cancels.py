"""Taking back an order or a rebalance: its worker is replaced by one that ends it.

From the write that hands it on the worker that had it can write nothing, and so send nothing that it has not written.
What it has written, and is about to send, it holds against the word in the table (`Worker.halt`) right before it sends.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from repeg.domain.halt import Halt, Scope, taken_back
from repeg.domain.order.children import ChildStatus
from repeg.domain.order.record import Order, order_id_for
from repeg.domain.patience import EARLY_CANCEL_LIVES
from repeg.domain.reasons import Reason
from repeg.domain.rebalance.legs import leg_id
from repeg.domain.rebalance.record import Rebalance, is_rebalance, rebalance_id_for
from repeg.domain.rules.life import is_told, may_be_taken_back
from repeg.domain.rules.walking import is_exit
from repeg.domain.signals.intake import answered_cancel
from repeg.domain.signals.parsing import CancelSignal
from repeg.errors import RetryError, StaleExecution, StoreConflict
from repeg.executions import Executions
from repeg.log import Log
from repeg.store.orders import OrderStore
from repeg.store.rebalances import RebalanceStore

TRIES = 3
"""Its own worker may write it at the same time; after so many the word in the table has to do, and the sweep."""


class Taken(NamedTuple):
    """What a cancel found, and whether that ends by it."""

    found: Order | Rebalance | None
    """As it was found; None: there is none."""
    ends: bool = False


@dataclass(frozen=True)
class Cancels:
    """The records that can be taken back, and the machines that work them."""

    orders: OrderStore
    executions: Executions
    rebalances: RebalanceStore
    rebalancing: Executions

    def answer(self, signal: CancelSignal, market_now: datetime, received_wall: datetime, sent_wall: datetime) -> Order:
        """Do what a cancel asks for, and say what was found. Done again it changes nothing."""
        claim = self.orders.claim_of(signal.about)
        ids = [claim.order_id] if claim else [order_id_for(signal.about), rebalance_id_for(signal.about)]
        # Before anything is looked at: from here on nothing that reads it is sent, and what comes in now finds it.
        for record_id in ids:
            self.orders.keep_halt(taken_back(record_id, signal.signal_id, received_wall))
        claim = claim or self.orders.claim_of(signal.about)
        taken = Taken(None)
        if claim:
            taken = self.take_back(claim.order_id, signal.signal_id, market_now)
            needed = {claim.order_id} if taken.ends and not is_over(taken.found) else set()
            for record_id in set(ids) - needed:
                self.orders.forget_order(record_id)
        return answered_cancel(signal, taken.found, taken.ends, market_now, received_wall, sent_wall)

    def take_back(self, record_id: str, by: str, now: datetime) -> Taken:
        """Have an order or a rebalance end, within seconds, whatever it waits for. `now` is market time."""
        if is_rebalance(record_id):
            return self._take_rebalance_back(record_id, by, now)
        return take_back(self.orders, self.executions, record_id, by, now)

    def _take_rebalance_back(self, rebalance_id: str, by: str, now: datetime) -> Taken:
        """Its machine places nothing more; its legs are taken back each for itself."""
        found = Taken(None)
        for _ in range(TRIES):
            rebalance = self.rebalances.get(rebalance_id)
            ends = rebalance is not None and (not rebalance.status.terminal or is_taken_back(rebalance))
            found = Taken(rebalance, ends)
            if rebalance is None or rebalance.status.terminal:
                return found
            number = rebalance.work.executions
            if not is_taken_back(rebalance):
                number += 1
                try:
                    self.rebalances.take_back(rebalance, by, self.rebalancing.arn(rebalance_id, number), now)
                except (StoreConflict, StaleExecution):
                    continue
            # Only now: until it was handed on, its worker could write one leg more.
            ids = [leg_id(rebalance, leg) for leg in (*rebalance.sells, *rebalance.buys)]
            for leg in self.orders.several(ids)[0]:
                take_back(self.orders, self.executions, leg, by, now)
            self.rebalancing.start(rebalance_id, number)
            return found
        return found

    def sweep(self, wall: datetime, now: Callable[[], datetime], log: Log) -> None:
        """See to words about single orders: what is not ended by them yet is, what is over is forgotten."""
        words = [word for word in self.orders.halts() if word.scope is Scope.ORDER]
        ids = [word.of for word in words if not is_rebalance(word.of)]
        # A batch at a time: whoever cancels what never comes leaves a thousand words, and the sweep has a minute.
        known = {name for some in self.orders.several(ids) for name in some} | set(self.rebalances.to_do())
        for word in words:
            try:
                if word.of in known:
                    self._see_to(word, now())
                elif word.since is None or wall - word.since >= EARLY_CANCEL_LIVES:
                    self.orders.forget_order(word.of)
            except RetryError as error:
                log.info(f"left to the next sweep: {error}", order_id=word.of)
            except Exception as error:  # one record that is bad must not keep the others from ending
                log.error(f"could not be taken back: {error}", order_id=word.of)

    def _see_to(self, word: Halt, now: datetime) -> None:
        taken = self.take_back(word.of, word.reason.removeprefix("by "), now)
        if not taken.ends or is_over(taken.found):
            self.orders.forget_order(word.of, taken.found.signal_id if taken.found else "")


def is_over(found: Order | Rebalance | None) -> bool:
    """True for what places and sends nothing more."""
    return found is not None and found.status.terminal


def take_back(orders: OrderStore, executions: Executions, order_id: str, by: str, now: datetime) -> Taken:
    """Have an order ended by a cancel, within seconds, whatever it waits for. `by` says whose, `now` is market time.

    Done again it changes nothing, and starts what a death kept from being started.
    """
    found = Taken(None)
    for _ in range(TRIES):
        order = orders.get(order_id)
        found = Taken(order, order is not None and (may_be_taken_back(order) or is_taken_back(order)))
        if order is None or not found.ends or _is_being_sent(order):
            return found
        number = order.run.executions
        if not is_taken_back(order):
            number += 1
            try:
                orders.take_back(order, by, executions.arn(order_id, number), now)
            except (StoreConflict, StaleExecution):
                continue
        if not is_told(order):
            executions.start(order_id, number)
        return found
    return found


def is_taken_back(found: Order | Rebalance) -> bool:
    """True for what a cancel ended, or ends."""
    return found.reason is Reason.CANCELLED


def _is_being_sent(order: Order) -> bool:
    """True while a child order is written down of which nobody knows whether it was sent.

    Its worker reads the word before it sends, and at its next look: who took over now would have to wait until the
    broker certainly has nothing. Exits read no word.
    """
    child = order.open_child
    return child is not None and child.status is ChildStatus.INTENT and not is_exit(order)
