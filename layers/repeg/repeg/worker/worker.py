"""What every step works with, and the small things that all of them do."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cached_property, partial
from typing import NamedTuple

from repeg.broker.port import Broker
from repeg.clock import MarketClock, TimeKeeper
from repeg.domain.halt import UNREADABLE, Halt, halt_of, heeds_halts
from repeg.domain.history import is_due
from repeg.domain.market.quotes import Quote, quote_rules
from repeg.domain.market.reports import TradingDay
from repeg.domain.money import plain, quoted
from repeg.domain.order.alerts import Stack, order_line
from repeg.domain.order.course import waited
from repeg.domain.order.guarding import nothing_to_guard
from repeg.domain.order.record import Order
from repeg.domain.order.reservation import Priority, R, Reservation, drawn
from repeg.domain.order.views import order_view
from repeg.domain.patience import BAD_QUOTE_PAUSE_SECONDS, BAD_QUOTE_READS, BROKER_TRIES, MAX_WAITS_PER_EXECUTION
from repeg.domain.reasons import Reason
from repeg.domain.routes import Next, Route
from repeg.domain.rules.walking import is_exit, is_served_first
from repeg.domain.settings import Settings
from repeg.errors import CredentialsRefused, DataFeedDenied, OperatorError, RetryError
from repeg.events import ALERT, EXITED, Publisher
from repeg.executions import Executions
from repeg.log import Log
from repeg.meter import Meter, NoMeter
from repeg.store.orders import OrderStore


class Look(NamedTuple):
    """A look at the market: the quote, why it must not be traded on (or None), and the clock that it was judged by."""

    clock: MarketClock
    quote: Quote | None = None
    problem: Reason | None = None
    doubt: str | None = None
    """Why the quote shows no market, in words: it may in a moment, and is worth waiting for."""
    clock_is_newer: bool = False
    """The clock was read for this look: what was judged by an older one must be judged again."""
    last: Decimal | None = None
    """The last trade in dollars, if it is recent."""


@dataclass
class Worker:
    """Ports and clients of one process. Seconds of `sleep` are market seconds."""

    orders: OrderStore
    time: TimeKeeper
    make_broker: Callable[[], Broker]
    make_publisher: Callable[[], Publisher]
    make_executions: Callable[[], Executions]
    settings: Callable[[], Settings]
    sleep: Callable[[float], None]
    log: Log
    stack: Stack = field(default_factory=Stack)
    meter: Meter = field(default_factory=NoMeter)
    state: Route = Route.ASSESS_MARKET
    """The state of the machine whose step is taken: what is noted is noted under it."""
    seen: object = None
    """What `worker/book.py` read for the order at hand."""

    def at(self, state: Route) -> Worker:
        """The same worker, at another state; what it has connected stays."""
        other = copy(self)
        other.state = state
        return other

    def on_behalf_of(self, owner: Order | None) -> Worker:
        """The same worker, which writes other orders only while it still has `owner` (None: again without that)."""
        other = copy(self)
        other.orders = self.orders.on_behalf_of(owner)
        return other

    @cached_property
    def publisher(self) -> Publisher:
        """The event bus, connected on first use."""
        return self.make_publisher()

    @cached_property
    def executions(self) -> Executions:
        """The machine, connected on first use."""
        return self.make_executions()

    def broker_for(self, what: Order | Priority) -> Broker:
        """The broker by the keys and the feed in force, with this priority, or the order's: exits are served first."""
        broker = self.make_broker()
        urgent = is_served_first(what) if isinstance(what, Order) else what is Priority.URGENT
        return broker.urgent() if urgent else broker

    def drawing(self, record: R) -> tuple[Callable[[], Broker], R]:
        """The urgent broker for one request that was reserved for `record`, and the record without that request.

        It connects when it is called: trouble with the keys is trouble with the request, and handled where that is.
        """
        return partial(self._drawing_on, record.reserved), drawn(record)

    def _drawing_on(self, reserved: Reservation | None) -> Broker:
        return self.make_broker().urgent(reserved)

    def give_back(self, unused: Reservation | None) -> None:
        """Give back what was reserved and not drawn.

        Only after a record without it is saved: given back twice, it would let others send too much; not given back,
        it comes back by itself.
        """
        if unused:
            self.make_broker().give_back(unused)

    def clock_of(self, order: Order) -> MarketClock:
        """The reading that this execution works by."""
        return self.time.carry_on(order.run.clock) if order.run.clock else self.time.approximate()

    def now(self, order: Order) -> datetime:
        """Market time."""
        return self.clock_of(order).now()

    def session_open(self, order: Order) -> bool:
        """True while the regular session is open."""
        return self.session_of(order) is not None

    def session_of(self, order: Order) -> TradingDay | None:
        """The regular session that is on, or None."""
        now = self.now(order)
        return self.time.calendar(self.broker_for(Priority.URGENT), now).session_at(now)

    def next_open(self, order: Order) -> datetime | None:
        """When the regular session opens next, as far as the calendar goes."""
        now = self.now(order)
        upcoming = self.time.calendar(self.broker_for(Priority.URGENT), now).next_session(now)
        return upcoming.opens_at if upcoming else None

    @property
    def settings_of_exits(self) -> Settings:
        """The settings by which positions are guarded and left; those that are built in when none can be read."""
        try:
            return self.settings()
        # Nobody is kept from leaving by a document that cannot be read; what enters is refused.
        except OperatorError as error:
            self.log.error(f"positions are looked after by settings that are built in: {error}")
            return Settings()

    def settings_for(self, order: Order) -> Settings:
        """The settings that an order is worked by.

        Raises:
            OperatorError: none can be read, and it is no exit.
        """
        return self.settings_of_exits if is_exit(order) else self.settings()

    def halt(self, order: Order) -> Halt | None:
        """The operator's word that keeps the order's next child order from being sent, read anew; or None."""
        # Exits do not even ask: none of them waits for the table, or fails with it.
        if not heeds_halts(order):
            return None
        return halt_of(self.halts(), order)

    def halts(self) -> tuple[Halt, ...]:
        """Every word of an operator that is in force, read anew."""
        try:
            return self.orders.halts()
        except Exception as error:  # what cannot be read is taken for a halt
            self.log.error(f"halts cannot be read: {error}")
            return (UNREADABLE,)

    def note(self, order: Order, detail: str) -> Order:
        """The order with one more event, under the state that is being worked, also logged."""
        self.log.info(detail, state=self.state.value, order_id=order.order_id, symbol=order.symbol)
        return order.noted(self.now(order), self.state.value, detail)

    def wait(self, order: Order, route: Route, seconds: int, requeue: bool = False) -> Next:
        """Wait `seconds` in the machine; after very many waits end here, and let a fresh execution take over."""
        held = waited(order, self.wall_in(seconds))
        self.orders.save(held, requeue)
        if held.run.waits_since_start >= MAX_WAITS_PER_EXECUTION:
            return Next(Route.DONE)
        return Next(route, seconds)

    def wall_in(self, seconds: float) -> datetime:
        """Wall time in so many market seconds."""
        return self.time.wall() + timedelta(seconds=seconds / self.time.speed)

    def alert(self, order: Order, detail: str, **more: str) -> None:
        """Tell the operator: a log line that alarms watch, and an event. Failing to publish never stops a step."""
        # First: an alarm watches this line, should the bus not take the event.
        self.log.error(detail, alert=True, order_id=order.order_id, symbol=order.symbol, **more)
        try:
            about = {"order_id": order.order_id, "signal_id": order.signal_id, "symbol": order.symbol}
            message = order_line(self.stack, order, detail)
            self.publisher.publish(ALERT, {**about, "alert": detail, "message": message})
        except Exception as error:  # the log line above has alarmed already
            self.log.error(f"alert was not published: {error}", order_id=order.order_id)

    def alert_about(self, about: str, detail: str, command: str) -> None:
        """Tell the operator of something that is no order; `command` is where to begin. Never raises."""
        self.log.error(f"{about}: {detail}", alert=True)
        nothing = {"order_id": None, "signal_id": None, "symbol": None}
        try:
            message = self.stack.line(about, detail, command)
            self.publisher.publish(ALERT, {**nothing, "alert": detail, "message": message})
        except Exception as error:  # the log line above has alarmed already
            self.log.error(f"alert was not published: {error}")

    def alert_lasting(self, order: Order, what: str, detail: str) -> Order:
        """Alert of trouble called `what` at once and again every 15 minutes while it lasts; the caller saves the order.

        `order.no_longer(what)` says that it is over.
        """
        now = self.now(order)
        if not is_due(order.told, what, now):
            return order
        self.alert(order, detail, lasting=what)
        return order.having_told(what, now)

    def save_exits(self, before: Order, order: Order) -> Order:
        """Save a position's exits; that all shares are exited is published first, as an event twice does no harm."""
        return order if order == before else self.orders.save(self.told_exits(before, order))

    def told_exits(self, before: Order, order: Order) -> Order:
        """The order as it is to be saved with more exits than `before`, which are told here and now."""
        if order.unexited_qty < 0 <= before.unexited_qty:
            too_many = f"{plain(-order.unexited_qty)} {order.symbol} too many have left: the position may be reversed"
            self.alert(order, f"{too_many}; {self.stack.by_hand(order.symbol)}")
        if order.unexited_qty < 1:
            from repeg.domain.proof.agreement import exits_as_they_were  # read where shares leave

            order = exits_as_they_were(order)
        if 0 < order.unexited_qty < 1 and order.status.terminal:
            order = nothing_to_guard(order)  # of less than a share there is nothing to protect
        # Published before it is saved: once the record shows the position as exited, no sweep looks at it again.
        if before.unexited_qty > 0 >= order.unexited_qty and order.status.terminal:
            how = f"position left at {quoted(order.exit_price)}: {order.exit_reason}"
            order = self.note(nothing_to_guard(order), how)
            try:
                self.publisher.publish(EXITED, order_view(order))
            except Exception as error:  # the record has it, and leaving must go on
                self.log.error(f"exit was not published: {error}", order_id=order.order_id)
        return order

    def fresh_quote(self, order: Order, clock: MarketClock) -> Look:
        """The latest quote as it is judged for this order.

        Locked and crossed quotes are read again within two seconds; what shows no market is left to the caller, but
        for an exit, which does not wait for it. A feed whose time contradicts the clock has the clock read anew before
        anything is judged. An exit goes on without a quote if there is none to be had.
        """
        try:
            return self._judged_quote(order, clock)
        except (RetryError, DataFeedDenied) as error:
            # Keys that are refused now and then are no reason to sell blindly, as long as more tries may help.
            refused = isinstance(error, CredentialsRefused) and order.sending.broker_failures + 1 < BROKER_TRIES
            if refused or not is_exit(order):
                raise
            self.log.error(f"no quote for {order.symbol}: {error}", order_id=order.order_id)
            return Look(clock, problem=Reason.NO_QUOTE)

    def _judged_quote(self, order: Order, clock: MarketClock) -> Look:
        settings, broker = self.settings_for(order), self.broker_for(order)
        rules = quote_rules(settings, any_width=is_exit(order))
        seen = broker.snapshot(order.symbol, settings.feed_witnesses)
        contradicted = not clock.fresh and not clock.agrees_with(seen.newest_at, float(rules.max_age))
        if contradicted:
            clock = self.time.read(broker, seen.newest_at)
        problem, doubt = rules.problem(seen, clock.now()), rules.doubt(seen, clock.now())
        for _ in range(BAD_QUOTE_READS):
            if problem is not Reason.BAD_QUOTE or (doubt and not is_exit(order)):
                break
            self.sleep(BAD_QUOTE_PAUSE_SECONDS)
            seen = broker.snapshot(order.symbol, settings.feed_witnesses)
            problem, doubt = rules.problem(seen, clock.now()), rules.doubt(seen, clock.now())
        told = doubt if problem is Reason.BAD_QUOTE else None
        return Look(clock, seen.quote, problem, told, contradicted, seen.last_trade(clock.now()))
