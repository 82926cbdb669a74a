"""The exchange as a deterministic discrete-event machine.

It knows nothing of HTTP, threads or the wall clock: callers move its market time with `advance_to`, and everything
that falls due happens at its exact instant, in order. The same core serves clients live and replays in virtual time.
"""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID

from desk.exchange.alpaca.order_request import Replacement
from desk.exchange.market.assets import listed_assets
from desk.exchange.market.model import (
    ZERO,
    Asset,
    Fill,
    Intent,
    MarketEvent,
    Order,
    OrderEvent,
    OrderRequest,
    OrderType,
    Quote,
    Status,
    TimeInForce,
)
from desk.exchange.market.prices import on_tick
from desk.exchange.market.sessions import Phase, account_phase, next_boundary, sessions_from
from desk.exchange.market.settlement import Proceeds
from desk.exchange.rules.admission import Standing, admit
from desk.exchange.rules.drafting import Timing, draft, timing, trailed
from desk.exchange.rules.settings import Settings, nanoseconds
from desk.exchange.venue.blotter import Blotter
from desk.exchange.venue.book import Book
from desk.exchange.venue.corporate import CorporateAction
from desk.exchange.venue.floor import Floor
from desk.exchange.venue.groups import Groups
from desk.exchange.venue.history import History
from desk.exchange.venue.journal import Journal
from desk.exchange.venue.ledger import Ledger, Valuation
from desk.exchange.venue.replacing import Replacements
from desk.exchange.venue.schedule import Schedule
from desk.exchange.wire.errors import ApiError, not_found, unprocessable

_ENDED_AT = {Status.CANCELED: "canceled_at", Status.EXPIRED: "expired_at", Status.REJECTED: "failed_at"}

Listener = Callable[[OrderEvent], None]
MarketListener = Callable[[MarketEvent], None]


class Engine:
    """Orders, books and the account, driven by market time in nanoseconds.

    `ids` makes order ids, `seed` drives chance (partial fills, faults): same inputs, same outcome.
    """

    def __init__(self, start: int, settings: Settings | None = None, ids: random.Random | None = None) -> None:
        self.now = start
        self.journal = Journal()
        self.listeners: list[Listener] = []
        self.market_listeners: list[MarketListener] = []
        self.reset_listeners: list[Callable[[], None]] = []
        self._ids = ids or random.Random(0)
        self.account_id = self.new_id()
        self._clear(settings or Settings())

    def _clear(self, settings: Settings) -> None:
        self.settings = settings
        self.chance = random.Random(settings.seed)
        self.assets = listed_assets()
        self.ledger = Ledger()
        self.orders = Blotter()
        self.books: dict[str, Book] = {}
        self.schedule = Schedule()
        self.history = History()
        self.floor = Floor(self)
        self.groups = Groups(self)
        self.replacements = Replacements(self)
        self.proceeds = Proceeds()
        self.announced: list[CorporateAction] = []
        self._parked: dict[str, list[tuple[str, bool]]] = {}
        self._arm_boundary()

    def reset(self, settings: Settings) -> None:
        """Back to an empty exchange; the clock, the listeners and the order ids go on."""
        self._clear(settings)
        self.journal.clear()
        for listener in self.reset_listeners:
            listener()

    def configure(self, changes: dict[str, Any]) -> None:
        """Change settings; ControlError names a bad one. A new seed restarts chance."""
        self.settings = self.settings.updated(changes)
        if "seed" in changes:
            self.chance = random.Random(self.settings.seed)

    # --- time

    def advance_to(self, instant: int) -> None:
        """Let market time reach the instant; what falls due on the way happens at its own time."""
        while (due := self.schedule.next_at) is not None and due <= instant:
            at, action = self.schedule.pop()
            self.now = max(self.now, at)
            action()
        self.now = max(self.now, instant)

    def set_back(self, instant: int) -> None:
        """Move market time to an earlier instant; latencies in flight keep their length."""
        self.schedule.shift(instant - self.now)
        self.now = instant
        self.orders.forget_versions(instant)
        self.ledger.forget_history(instant)
        self.history.forget_after(instant)
        self._arm_boundary()

    def _arm_boundary(self) -> None:
        self._boundary = next_boundary(self.now)
        self.schedule.add(self._boundary, partial(self._cross_boundary, self._boundary))

    def _cross_boundary(self, instant: int) -> None:
        if instant != self._boundary:
            return
        session = next(sessions_from(instant), None)
        if session is not None and instant == session.close:
            self.ledger.account = replace(self.ledger.account, last_equity=self.valuation().equity)
        if session is not None and instant == session.pre_open:
            self._end_unborrowable_shorts()
        self._arm_boundary()
        for symbol in list(self.books):
            self.floor.match(symbol)

    def _end_unborrowable_shorts(self) -> None:
        for order in self.orders.open():
            if order.position_intent is Intent.SELL_TO_OPEN and not self.assets[order.symbol].easy_to_borrow:
                self.cancel_now(order)

    @property
    def _overnight(self) -> bool:
        return not self.ledger.account.disable_overnight_trading

    @property
    def phase(self) -> Phase:
        """Phase of the day, as far as the account trades in it."""
        return account_phase(self.now, self._overnight)

    # --- the market

    def asset(self, symbol: str) -> Asset:
        """The asset, listed with default terms if it is new."""
        return self.assets.setdefault(symbol, Asset(symbol=symbol, name=symbol))

    def book(self, symbol: str) -> Book:
        return self.books.setdefault(symbol, Book(symbol))

    def put_quote(self, symbol: str, quote: Quote) -> None:
        """A quote event: new touch, size given back, resting orders that it reaches execute."""
        self.asset(symbol)
        book = self.book(symbol)
        book.show(quote)
        self.journal.quote(self.now, symbol, quote)
        # A quote that was old when it came is no news of a sale.
        trade = book.last if quote.mid and quote.at >= self.now else None
        self.tell_market(MarketEvent(symbol, self.now, quote=quote, trade=trade))
        self.floor.match(symbol)

    def set_halt(self, symbol: str, halted: bool) -> None:
        """Stop or resume trading in the symbol; orders stay, and those that came during the halt wait for its end."""
        self.book(symbol).halted = halted
        self.journal.halt(self.now, symbol, halted)
        self.tell_market(MarketEvent(symbol, self.now, halted=halted))
        if halted:
            return
        for order_id, reject in self._parked.pop(symbol, []):
            self._acknowledge(order_id, reject, resumed=True)
        self.floor.match(symbol)

    def tell_market(self, event: MarketEvent) -> None:
        """Publish what everybody can see."""
        self.history.note(event)
        for listener in self.market_listeners:
            listener(event)

    def mark(self, symbol: str) -> Decimal | None:
        """Price that positions are valued at: the last sale."""
        book = self.books.get(symbol)
        return book.last.price if book and book.last else None

    def valuation(self, without: Order | None = None) -> Valuation:
        """The account now, as it would be without one of its open orders."""
        others = [o for o in self.orders.open() if without is None or o.id != without.id]
        return self.ledger.value(self.mark, others, self.unsettled)

    @property
    def unsettled(self) -> Decimal:
        """Proceeds of sales that the account may not buy with yet: none, unless it is a cash account.

        Alpaca's own accounts are margin accounts, and the smallest of them (multiplier 1) trade on unsettled funds:
        alpaca.markets/support/alpaca-cash-accounts.
        """
        if not self.ledger.account.cash_only:
            return ZERO
        return self.proceeds.unsettled(self.now, self.settings.settlement_days)

    # --- orders

    def submit(self, request: OrderRequest, *, reject: bool = False) -> Order:
        """Accept an order or raise ApiError; `reject` lets the venue refuse it after it was accepted."""
        admission = admit(request, self.standing(request.symbol))
        asset = self.assets[request.symbol]
        head, *legs = draft(request, admission, asset, len(self.orders) + 1, self.new_id, self.now)
        book = self.books.get(request.symbol)
        if head.type is OrderType.TRAILING_STOP and book and book.quote:
            head = trailed(head, book.quote.touch(head.side))
        when = timing(self.now, request.time_in_force, request.extended_hours, self._overnight)
        waits = not when.at_once or (book is not None and book.halted)
        head = replace(head, status=Status.ACCEPTED if waits else Status.PENDING_NEW)
        for order in (head, *legs):
            self.record("accepted", order)
        self._plan(head, when, reject)
        for order in (head, *legs):
            self.schedule.add(order.expires_at, partial(self.expire, order.id))
        return head

    def _plan(self, order: Order, when: Timing, reject: bool) -> None:
        if order.time_in_force is TimeInForce.OPG:
            self.schedule.add(when.starts_at, partial(self._acknowledge, order.id, reject))
        else:
            self.send(order, when.starts_at, at_once=when.at_once, reject=reject)
        if order.time_in_force.auction:
            self.schedule.add(order.expires_at, partial(self.floor.auction, order.id))

    def send(self, order: Order, starts_at: int, *, at_once: bool, reject: bool = False) -> None:
        """Let the venue acknowledge the order, a latency after the start."""
        acknowledged = starts_at + nanoseconds(self.settings.ack_ms)
        self.schedule.add(acknowledged, partial(self._acknowledge, order.id, reject), relative=at_once)

    def replace_order(self, order_id: str, wanted: Replacement, *, reject: bool = False) -> Order:
        """Ask for an order to be replaced; returns the new order. Raises ApiError."""
        return self.replacements.request(order_id, wanted, reject=reject)

    def cancel(self, order_id: str, *, stuck: bool = False) -> Order:
        """Ask for a cancel of an order and its group, `cancel_ms` later (never, while `stuck`). Raises ApiError."""
        order = self.find(order_id)
        if order.status.final:
            raise unprocessable(f'order is already in "{order.status}" state')
        if order.status is Status.PENDING_CANCEL:
            raise unprocessable("order pending cancel")
        if order.status is Status.PENDING_REPLACE or order.succeeding:
            raise unprocessable("cannot cancel order in pending_replace status")
        for member in self.groups.members(order):
            if member.status is not Status.PENDING_CANCEL:
                self.change(member, "pending_cancel", status=Status.PENDING_CANCEL, stuck=stuck)
                if not stuck:
                    self._plan_cancel(member.id)
        return self.find(order_id)

    def cancel_now(self, order: Order) -> None:
        """Cancel without delay (liquidation of positions does)."""
        self._cancelled(order.id)

    def release_stuck(self) -> None:
        """Let the cancels that hang take effect after all."""
        for order in self.orders.open():
            if order.stuck:
                self.orders.put(replace(order, stuck=False))
                self._plan_cancel(order.id)

    def find(self, order_id: str) -> Order:
        """The order as it is now; ApiError 404 if there is none."""
        if (order := self.orders.get(order_id)) is None:
            raise not_found(f"order not found for {order_id}")
        return order

    def standing(self, symbol: str, without: Order | None = None) -> Standing:
        """What a new order in the symbol is judged by; `without` the order that it would replace."""
        book = self.books.get(symbol)
        others = [order for order in self.orders.open(symbol) if without is None or order.id != without.id]
        return Standing(
            now=self.now,
            asset=self.assets.get(symbol),
            account=self.ledger.account,
            valuation=self.valuation(without),
            position=self.ledger.sellable(symbol, self.positions_known_at),
            open_orders=tuple(others),
            client_id_taken=self.client_id_taken,
            quote=book.quote if book else None,
            last_price=self.mark(symbol),
            phase=self.phase,
            settings=self.settings,
        )

    @property
    def positions_known_at(self) -> int:
        """The instant up to which fills show in positions."""
        return self.now - nanoseconds(self.settings.position_lag_ms)

    def client_id_taken(self, client_order_id: str | None) -> bool:
        """Whether an order of this client id was ever accepted."""
        return client_order_id is not None and self.orders.by_client_id(client_order_id) is not None

    def new_id(self) -> str:
        """An id for an order."""
        return str(UUID(int=self._ids.getrandbits(128), version=4))

    def _plan_cancel(self, order_id: str) -> None:
        effective = self.now + nanoseconds(self.settings.cancel_ms)
        self.schedule.add(effective, partial(self._cancelled, order_id), relative=True)

    # --- the life of an order

    def _acknowledge(self, order_id: str, reject: bool, resumed: bool = False) -> None:
        order = self.find(order_id)
        if order.status.final:
            return
        if self.book(order.symbol).halted:
            self._parked.setdefault(order.symbol, []).append((order_id, reject))
            return
        if reject:
            self.finish(order, Status.REJECTED)
            return
        if order.status in (Status.PENDING_NEW, Status.ACCEPTED, Status.HELD):
            self.change(order, "new", status=Status.NEW, collar=self._collar(order))
        if order.time_in_force.auction:
            return
        if resumed:
            self._reach_market(order_id)
            return
        reached = self.now + nanoseconds(self.settings.fill_ms)
        self.schedule.add(reached, partial(self._reach_market, order_id), relative=True)

    def _collar(self, order: Order) -> Decimal | None:
        """The limit that the broker gives a market order, from the touch as it is sent on."""
        book, percent = self.book(order.symbol), self.settings.market_collar_percent
        if order.type is not OrderType.MARKET or order.time_in_force.auction or not percent or book.quote is None:
            return None
        touch = book.quote.touch(order.side)
        return on_tick(touch * (1 + order.side.sign * percent / 100)) if touch > 0 else None

    def _reach_market(self, order_id: str) -> None:
        order = self.find(order_id)
        if not order.status.final:
            order = replace(order, live=True)
            self.orders.put(order)
            self.groups.reached_market(order)
            self.floor.arrive(order)

    def _cancelled(self, order_id: str) -> None:
        order = self.find(order_id)
        if not order.status.final:
            self.finish(order, Status.CANCELED)

    def expire(self, order_id: str) -> None:
        """The order's time is over, unless it has ended before: a GTC order is cancelled for its age."""
        order = self.find(order_id)
        if order.status.final:
            return
        if order.time_in_force is not TimeInForce.GTC:
            self.finish(order, Status.EXPIRED)
            return
        with contextlib.suppress(ApiError):
            self.cancel(order_id)

    def finish(self, order: Order, status: Status) -> None:
        """End an order without completing it, and what depends on it."""
        self.groups.after_end(self.end(order, status))

    def end(self, order: Order, status: Status) -> Order:
        """End an order alone."""
        ended: dict[str, Any] = {"status": status, _ENDED_AT[status]: self.now}
        return self.change(order, status.value, **ended)

    def change(self, order: Order, event: str, fill: Fill | None = None, **changes: Any) -> Order:
        """The next version of an order, recorded under an event."""
        order = replace(order, updated_at=self.now, **changes)
        self.record(event, order, fill)
        return order

    def record(self, event: str, order: Order, fill: Fill | None = None) -> None:
        """Store a version of an order, write the event down and tell the listeners."""
        self.orders.put(order)
        self.journal.order(self.now, event, order)
        happened = OrderEvent(event, order, self.now, fill)
        if fill is not None:
            self.history.executions.append(happened)
        for listener in self.listeners:
            listener(happened)
