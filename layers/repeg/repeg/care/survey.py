"""What one sweep sees: the account's positions, open orders, quotes and running executions, each in one call."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar

from repeg.domain.loss import PaidIn
from repeg.domain.market.quotes import Quote, Snapshot, quote_rules
from repeg.domain.market.reports import OrderReport, Position, TradingDay
from repeg.domain.order.protection import Protection
from repeg.domain.order.record import Order
from repeg.domain.order.reservation import Priority
from repeg.domain.patience import TOLD_AGAIN_AFTER
from repeg.domain.proof.ours import listed_otherwise
from repeg.domain.proof.standing import Found
from repeg.errors import OperatorError, RetryError
from repeg.executions import Executions, ExecutionState
from repeg.store.sweeps import SweepState
from repeg.worker.book import paid_in_since_close
from repeg.worker.worker import Worker

_Seen = TypeVar("_Seen")


@dataclass
class Survey:
    """One sweep's view. A listing is None when it could not be had: then nothing is concluded from what it lacks."""

    worker: Worker
    executions: Executions
    before: SweepState
    began_at: datetime
    under_way: frozenset[str] | None = None
    positions: dict[str, Position] | None = None
    listed_at: datetime | None = None
    """Market time just before the positions were listed."""
    open_orders: dict[str, OrderReport] | None = None
    quotes: dict[str, Quote] = field(default_factory=dict)
    brackets: dict[str, list[Order]] = field(default_factory=dict)
    """Brackets that hold shares, by symbol, oldest first."""
    session: TradingDay | None = None
    started: int = 0
    clock_checked: bool = False
    """The shared clock was held against the market's own time."""
    histories: int = 0
    """Executions whose history this sweep asked for."""
    positions_after: str = ""
    orders_after: str = ""
    marks: dict[str, datetime] = field(default_factory=dict)
    """Times of what lasts, by order and name; those that are not renewed are forgotten."""
    awaited: dict[str, datetime] = field(default_factory=dict)
    """Firings of schedules that the next sweep looks out for."""
    split: set[str] = field(default_factory=set)
    """Brackets whose position looks split, which nobody confirms."""
    found: dict[str, Found] = field(default_factory=dict)
    """What was found of each position that was looked at."""
    unjudged: set[str] | None = None
    """Positions of which nothing was found yet, by order; None while nobody knows which there are."""
    standing: dict[str, datetime] = field(default_factory=dict)
    """When each metric of the sweep's was last not at nothing."""
    stuck_cancels: int = 0
    unread: set[str] = field(default_factory=set)
    """Orders whose cancels were not looked at."""
    still: list[str] = field(default_factory=list)
    """Entries that may fill, and of which nobody has written for too long how they stand."""
    missed_runs: int = 0
    runs_unseen: bool = False
    """Whether a schedule's runs could not be looked at."""
    unseen: set[str] = field(default_factory=set)
    """Orders that time did not suffice for: what is marked of them stays."""
    _states: dict[str, ExecutionState] = field(default_factory=dict)
    _paid_in: PaidIn | None = None

    @property
    def now(self) -> datetime:
        """Market time, by today's clock."""
        return self.worker.time.approximate().now()

    def late(self, within: timedelta) -> bool:
        """True when so much wall time of the sweep is used up."""
        return self.worker.time.wall() - self.began_at >= within

    def listed_as_running(self, order: Order) -> bool:
        """True when the order's execution ran a moment ago (asked for itself when there is no listing)."""
        if self.under_way is None:
            return self.running(order)
        return f"{order.order_id}-{order.run.executions}" in self.under_way

    def running(self, order: Order) -> bool:
        """True when the order's execution runs; asked for itself unless it is listed."""
        return self.state_of(order) is ExecutionState.RUNNING

    def state_of(self, order: Order) -> ExecutionState:
        """The state of the order's execution."""
        name = f"{order.order_id}-{order.run.executions}"
        # The list is of a moment ago. What ran then is left alone, for a minute at worst; what it lacks may have begun
        # since, and is asked for: a second execution would cost the first its step.
        if self.under_way is not None and name in self.under_way:
            return ExecutionState.RUNNING
        if name not in self._states:
            self._states[name] = self.executions.state(order.order_id, order.run.executions)
        return self._states[name]

    def differs(self, oco: Protection) -> bool:
        """True when an OCO is not listed as the record has it."""
        listed = (self.open_orders or {}).get(oco.broker_order_id or "")
        return listed_otherwise(oco, listed, self.now, oco.is_due(self.session, self.now))

    def quote(self, symbol: str) -> Quote | None:
        """The latest quote, if it may be traded on. It may be quiet, while others tick."""
        quote, settings = self.quotes.get(symbol), self.worker.settings_of_exits
        ticks = [self.quotes[each].at for each in settings.feed_witnesses if each in self.quotes]
        seen = Snapshot(quote=quote, feed_at=max(ticks, default=None))
        return None if quote_rules(settings, any_width=True).problem(seen, self.now) else quote

    def since(self, order: Order, what: str, holds: bool) -> datetime | None:
        """Since when `what` is known to hold of an order, by this sweep and those before it."""
        if not holds:
            return None
        name = f"{order.order_id} {what}"
        self.marks[name] = self.before.marks.get(name, self.now)
        return self.marks[name]

    def paid_in(self) -> PaidIn | None:
        """Deposits less withdrawals since the last close, asked for every five minutes; None: never told today."""
        known = self._paid_in or self.before.paid_in
        if known is None or not known.lasts(self.now):
            broker, trouble = self.worker.broker_for(Priority.ROUTINE), "what was paid in or out cannot be asked"
            fresh = _had(self, trouble, lambda: paid_in_since_close(broker, self.now))
            known = fresh or (known if known and known.is_of(self.now) else None)
        self._paid_in = known
        return known

    def told_lately(self, about: str, what: str) -> bool:
        """True when `what` was alerted in the last 15 minutes."""
        told = self.before.marks.get(name := f"{about} {what}")
        lately = told is not None and timedelta(0) <= self.now - told < TOLD_AGAIN_AFTER
        if told is not None and lately:
            self.marks[name] = told
        return lately

    def due(self, about: str, what: str) -> bool:
        """True when `what` was not alerted yet, or not for 15 minutes. Marks it as alerted now."""
        if self.told_lately(about, what):
            return False
        self.marks[f"{about} {what}"] = self.now
        return True


def begin(worker: Worker, executions: Executions) -> Survey:
    """A survey that has seen nothing yet but what the last sweep left."""
    try:
        before = worker.orders.sweep_state()
    except Exception as error:  # it only spares alerts: shares past their stop are left without it
        worker.log.error(f"what the last sweep left cannot be read: {error}")
        before = SweepState()
    return Survey(worker, executions, before, worker.time.wall())


def end(survey: Survey) -> None:
    """Leave to the next sweep what it needs."""
    # Of orders that nobody looked at nothing is over: forgotten, their trouble would be alerted again as new.
    kept = {name: at for name, at in survey.before.marks.items() if name.partition(" ")[0] in survey.unseen}
    state = SweepState(
        # Kept where all were looked at: that was in the same order, and who came first then was unseen longest.
        positions_after=survey.positions_after or survey.before.positions_after,
        orders_after=survey.orders_after or survey.before.orders_after,
        marks=kept | survey.marks,
        awaited=survey.awaited,
        standing=survey.standing,
        paid_in=survey._paid_in or survey.before.paid_in,
    )
    if state != survey.before:
        survey.worker.orders.keep_sweep_state(state)


def in_turn(ids: Collection[str], after: str) -> list[str]:
    """The ids from the one after `after` on, then those before: who came too late last time comes first."""
    every = sorted(ids)
    return [each for each in every if each > after] + [each for each in every if each <= after]


def list_executions(survey: Survey) -> None:
    """Which executions run, in one call; without it each is asked for when it matters."""
    if survey.under_way is not None:
        return
    try:
        survey.under_way = survey.executions.under_way()
    except Exception as error:  # a courtesy: describing each is slower, and says the same
        survey.worker.log.info(f"executions are not listed: {error}")


def list_account(survey: Survey, orders: Collection[Order]) -> None:
    """Quotes of what is held, open orders and positions of the account: two trading requests for all.

    By night there is nothing to see of what no order protects yet: it waits for the open.
    """
    worker = survey.worker
    broker = worker.broker_for(Priority.URGENT)
    symbols = {order.symbol for order in orders} | worker.settings_of_exits.feed_witnesses
    stops = "stops cannot be compared with the market"
    # First: quotes cost no trading request, and give a wrong clock away before anything is judged by it.
    survey.quotes = _had(survey, stops, lambda: worker.broker_for(Priority.ROUTINE).quotes(symbols)) or {}
    _check_clock(survey, survey.quotes)
    calendar = _had(survey, "the calendar cannot be read", lambda: worker.time.calendar(broker, survey.now))
    survey.session = calendar.session_at(survey.now) if calendar else None
    # Else two trading requests a minute, all night long, with nothing to see.
    if survey.session is None and not any(order.guard.protections for order in orders):
        return
    listed = _had(survey, "protection cannot be watched, open orders are not listed", broker.open_orders)
    survey.open_orders = None if listed is None else {report.broker_order_id: report for report in listed}
    survey.listed_at = survey.now
    held = _had(survey, "positions cannot be compared, they are not listed", broker.positions)
    survey.positions = None if held is None else {position.symbol: position for position in held}


def check_clock(survey: Survey, symbol: str) -> None:
    """Compare the shared clock with the times of quotes, once a sweep; costs no trading request."""
    if survey.clock_checked:
        return
    worker = survey.worker
    symbols = {symbol} | worker.settings_of_exits.feed_witnesses
    quotes = _had(
        survey,
        "the clock cannot be compared with the market",
        lambda: worker.broker_for(Priority.ROUTINE).quotes(symbols),
    )
    _check_clock(survey, quotes or {})


def _check_clock(survey: Survey, quotes: dict[str, Quote]) -> None:
    worker = survey.worker
    survey.clock_checked = True
    broker, trouble = worker.broker_for(Priority.URGENT), "the clock is behind the market and cannot be read"
    _had(survey, trouble, lambda: worker.time.hold_against(broker, quotes.values()))


def _had(survey: Survey, trouble: str, ask: Callable[[], _Seen]) -> _Seen | None:
    """The answer, or None when there is none now: a line in the log that alarms watch, not every minute."""
    try:
        return ask()
    except (RetryError, OperatorError) as error:
        survey.worker.log.error(f"{trouble}: {error}", alert=survey.due("sweep", trouble))
        return None
