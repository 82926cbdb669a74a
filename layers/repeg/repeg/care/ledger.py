"""The records that profit and loss follow from, kept in the process: read again only while they may change."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from functools import lru_cache

from repeg.care.survey import Survey
from repeg.domain.market.sessions import EASTERN
from repeg.domain.order.adjustments import CorporateAction
from repeg.domain.order.record import Order
from repeg.domain.order.reservation import Priority
from repeg.domain.profit import Books, began_on, split_perhaps
from repeg.domain.rules.life import is_told
from repeg.errors import OperatorError, RetryError
from repeg.store.orders import BATCH, OrderStore
from repeg.worker.evidence import actions_by_two

RECORDS = 5000
"""What was bought before the newest so many orders, and is not held by brackets, earns and loses nothing here."""
SETTLES_AFTER = timedelta(hours=1)
"""What an order filled is sometimes told late; by then the comparison of the book has found it."""
KNOWN_IN_A_ROW = 200
"""Orders come in all but in order: behind so many that are known nothing is new."""
READS_FOR = timedelta(seconds=10)
"""What is left is read by the next sweep. Of its own: what watching positions took may be more than all of that."""


class Ledger:
    """Records by id. Those that nothing changes any more are kept without their events."""

    def __init__(self) -> None:
        self._settled: dict[str, Order] = {}
        self._moving: dict[str, Order] = {}
        self._unread: set[str] = set()
        self._listed = False
        self._asked_on: date | None = None
        self._asked: set[str] = set()
        self._splits: tuple[CorporateAction, ...] = ()

    def read(self, survey: Survey) -> list[Order] | None:
        """All records as they stand; None: there was no time to read them all, or one cannot be read."""
        store = survey.worker.orders
        self._unread |= self._new(store)
        # Read anew each time: what may still change.
        wanted = [*sorted(self._unread), *sorted(self._moving.keys() - self._unread)]
        ends_at = survey.worker.time.wall() + READS_FOR
        for place in range(0, len(wanted), BATCH):
            if survey.worker.time.wall() >= ends_at:
                told = f"{place} of {len(wanted)} records were read for what strategies lost; the next sweep goes on"
                survey.worker.log.error(told)
                return None
            found, broken = store.several(wanted[place : place + BATCH])
            if broken:
                # Their entries wait, and expire: nobody would know why.
                told = f"what strategies lost cannot be reckoned, their entries wait: {broken}"
                survey.worker.log.error(told, alert=survey.due("sweep", "losses"))
                return None
            self._unread -= set(wanted[place : place + BATCH])
            for order in found.values():
                self._keep(order, survey.now)
        return [*self._settled.values(), *self._moving.values()]

    def splits(self, survey: Survey, books: Books) -> tuple[CorporateAction, ...]:
        """The splits in force of shares that may have been split, asked for once a day: market data."""
        day, since = survey.now.astimezone(EASTERN).date(), began_on(books)
        if self._asked_on != day:
            self._asked_on, self._asked, self._splits = day, set(), ()
        missing = split_perhaps(books) - self._asked
        if missing and since:
            try:
                broker = survey.worker.broker_for(Priority.ROUTINE)
                found = actions_by_two(survey.worker, broker, missing, since)
            except (RetryError, OperatorError) as error:  # asked again by the next sweep; there is one once in years
                survey.worker.log.info(f"splits cannot be asked for: {error}")
            else:
                self._asked |= missing
                self._splits += tuple(split for split in found if split.ex_date <= day)
        return self._splits

    def _new(self, store: OrderStore) -> set[str]:
        # However long ago: what is held is listed.
        fresh = set() if self._listed else set(store.holding_shares())
        in_a_row = 0
        for order_id in store.newest_ids(RECORDS):
            known = order_id in self._settled or order_id in self._moving or order_id in self._unread
            in_a_row = in_a_row + 1 if known else 0
            if not known:
                fresh.add(order_id)
            elif self._listed and in_a_row >= KNOWN_IN_A_ROW:
                break
        self._listed = True
        return fresh

    def _keep(self, order: Order, now: datetime) -> None:
        order = order.without_events()
        ended = max((at for at in (order.completed_at, order.exit_at) if at), default=now)
        settled = is_told(order) and order.unexited_qty <= 0 and now - ended > SETTLES_AFTER
        (self._settled if settled else self._moving)[order.order_id] = order
        if settled:
            self._moving.pop(order.order_id, None)


@lru_cache(maxsize=1)
def ledger_of(store: OrderStore) -> Ledger:
    """The ledger of this process."""
    return Ledger()
