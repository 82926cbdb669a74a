"""The exchange as a deterministic discrete-event machine.

It knows nothing of HTTP, threads or the wall clock: callers move its market time with `advance_to`, and everything
that falls due happens at its exact instant, in order. The same core serves clients live and replays in virtual time.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import time, timedelta
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID

from desk.exchange.admission import Standing, admit
from desk.exchange.assets import listed_assets
from desk.exchange.blotter import Blotter
from desk.exchange.book import Book
from desk.exchange.errors import not_found, unprocessable
from desk.exchange.journal import Journal
from desk.exchange.ledger import Ledger, Valuation
from desk.exchange.matching import Execution, executions, market_orders_left
from desk.exchange.model import (
    Asset,
    Fill,
    Order,
    OrderEvent,
    OrderRequest,
    Quote,
    Side,
    Status,
    TimeInForce,
)
from desk.exchange.moments import SECOND, eastern, eastern_ns
from desk.exchange.schedule import Schedule
from desk.exchange.sessions import may_trade, next_boundary, order_session, phase_at, sessions_from
from desk.exchange.settings import Settings, nanoseconds

_GTC_DAYS = timedelta(days=90)
_GTC_CANCEL = time(16, 15)
_REFILL_NS = SECOND

Listener = Callable[[OrderEvent], None]


class Engine:
    """Orders, books and the account, driven by market time in nanoseconds.

    `ids` makes order ids, `seed` drives chance (partial fills, faults): same inputs, same outcome.
    """

    def __init__(self, start: int, settings: Settings | None = None, ids: random.Random | None = None) -> None:
        self.now = start
        self.journal = Journal()
        self.listeners: list[Listener] = []
        self._ids = ids or random.Random(0)
        self.account_id = self._new_id()
        self._clear(settings or Settings())

    def _clear(self, settings: Settings) -> None:
        self.settings = settings
        self.chance = random.Random(settings.seed)
        self.assets = listed_assets()
        self.ledger = Ledger()
        self.orders = Blotter()
        self.books: dict[str, Book] = {}
        self.schedule = Schedule()
        self._sliced = False
        self._arm_boundary()

    def reset(self, settings: Settings) -> None:
        """Back to an empty exchange; the clock, the listeners and the order ids go on."""
        self._clear(settings)
        self.journal.clear()

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
        self._arm_boundary()
        for symbol in list(self.books):
            self._match(symbol)

    # --- the market

    def asset(self, symbol: str) -> Asset:
        """The asset, listed with default terms if it is new."""
        return self.assets.setdefault(symbol, Asset(symbol=symbol, name=symbol))

    def book(self, symbol: str) -> Book:
        return self.books.setdefault(symbol, Book(symbol))

    def put_quote(self, symbol: str, quote: Quote) -> None:
        """A quote event: new touch, size given back, resting orders that it reaches execute."""
        self.asset(symbol)
        self.book(symbol).show(quote)
        self.journal.quote(self.now, symbol, quote)
        self._match(symbol)

    def set_halt(self, symbol: str, halted: bool) -> None:
        """Stop or resume trading in the symbol; orders stay."""
        self.book(symbol).halted = halted
        self.journal.halt(self.now, symbol, halted)
        self._match(symbol)

    def mark(self, symbol: str) -> Decimal | None:
        """Price that positions are valued at: the last sale."""
        book = self.books.get(symbol)
        return book.last.price if book and book.last else None

    def valuation(self) -> Valuation:
        return self.ledger.value(self.mark, self.orders.open())

    # --- orders

    def submit(self, request: OrderRequest, *, reject: bool = False) -> Order:
        """Accept an order or raise ApiError; `reject` lets the venue refuse it after it was accepted."""
        book = self.books.get(request.symbol)
        standing = Standing(
            asset=self.assets.get(request.symbol),
            account=self.ledger.account,
            valuation=self.valuation(),
            position=self.ledger.held(request.symbol),
            open_orders=tuple(self.orders.open(request.symbol)),
            client_id_taken=self._taken(request.client_order_id),
            quote=book.quote if book else None,
            last_price=self.mark(request.symbol),
            phase=phase_at(self.now),
        )
        admission = admit(request, standing)
        tradable = may_trade(standing.phase, request.extended_hours)
        session = order_session(self.now, request.extended_hours)
        day = request.time_in_force is TimeInForce.DAY
        order = Order(
            id=self._new_id(),
            client_order_id=request.client_order_id or self._new_id(),
            number=len(self.orders) + 1,
            symbol=request.symbol,
            asset_id=self.assets[request.symbol].id,
            side=request.side,
            type=request.type,
            time_in_force=request.time_in_force,
            qty=request.qty,
            notional=request.notional,
            limit_price=request.limit_price,
            extended_hours=request.extended_hours,
            position_intent=admission.intent,
            reserve_price=admission.reserve_price,
            status=Status.PENDING_NEW if tradable else Status.ACCEPTED,
            created_at=self.now,
            updated_at=self.now,
            expires_at=session.closing(request.extended_hours) if day else self._gtc_end(),
        )
        self._record("accepted", order)
        start = self.now if tradable else session.opening(request.extended_hours)
        acknowledged = start + nanoseconds(self.settings.ack_ms)
        self.schedule.add(acknowledged, partial(self._acknowledge, order.id, reject), relative=tradable)
        self.schedule.add(order.expires_at, partial(self._expire, order.id))
        return order

    def cancel(self, order_id: str, *, stuck: bool = False) -> Order:
        """Ask for a cancel, which takes effect `cancel_ms` later (never, while `stuck`). Raises ApiError."""
        order = self.find(order_id)
        if order.status.final:
            raise unprocessable(f'order is already in "{order.status}" state')
        if order.status is Status.PENDING_CANCEL:
            raise unprocessable("order pending cancel")
        order = self._change(order, "pending_cancel", status=Status.PENDING_CANCEL, stuck=stuck)
        if not stuck:
            self._plan_cancel(order_id)
        return order

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

    def _taken(self, client_order_id: str | None) -> bool:
        return client_order_id is not None and self.orders.by_client_id(client_order_id) is not None

    def _new_id(self) -> str:
        return str(UUID(int=self._ids.getrandbits(128), version=4))

    def _gtc_end(self) -> int:
        return eastern_ns(eastern(self.now).date() + _GTC_DAYS, _GTC_CANCEL)

    def _plan_cancel(self, order_id: str) -> None:
        effective = self.now + nanoseconds(self.settings.cancel_ms)
        self.schedule.add(effective, partial(self._cancelled, order_id), relative=True)

    # --- the life of an order

    def _acknowledge(self, order_id: str, reject: bool) -> None:
        order = self.find(order_id)
        if order.status.final:
            return
        if reject:
            self._change(order, "rejected", status=Status.REJECTED, failed_at=self.now)
            return
        if order.status is not Status.PENDING_CANCEL:
            self._change(order, "new", status=Status.NEW)
        reached = self.now + nanoseconds(self.settings.fill_ms)
        self.schedule.add(reached, partial(self._reach_market, order_id), relative=True)

    def _reach_market(self, order_id: str) -> None:
        order = self.find(order_id)
        if not order.status.final:
            self.orders.put(replace(order, live=True))
            self._match(order.symbol)

    def _cancelled(self, order_id: str) -> None:
        order = self.find(order_id)
        if not order.status.final:
            self._change(order, "canceled", status=Status.CANCELED, canceled_at=self.now)

    def _expire(self, order_id: str) -> None:
        order = self.find(order_id)
        if not order.status.final:
            self._change(order, "expired", status=Status.EXPIRED, expired_at=self.now)

    # --- executions

    def _match(self, symbol: str, refill: Side | None = None) -> None:
        book, phase = self.books.get(symbol), phase_at(self.now)
        if book is None or book.quote is None or book.halted:
            return
        ready = [o for o in self.orders.open(symbol) if o.live and may_trade(phase, o.extended_hours)]
        if not ready:
            return
        for execution in executions(ready, book, refill, self._slice, self.now):
            self._execute(book, execution)
        for side in market_orders_left(self.orders.open(symbol), book):
            due = self.now + _REFILL_NS
            if book.await_refill(side, due):
                self.schedule.add(due, partial(self._refill, book, side, due), relative=True)
        if self._sliced:
            self._sliced = False
            self.schedule.add(self.now + _REFILL_NS, partial(self._match, symbol), relative=True)

    def _slice(self, qty: Decimal) -> Decimal:
        """Part of an execution that chance lets through; the rest is looked at again a second later."""
        probability = self.settings.partial_fill_probability
        if qty < 2 or not probability or Decimal(self.chance.random()) >= probability:
            return qty
        self._sliced = True
        return Decimal(self.chance.randint(1, int(qty) - 1))

    def _refill(self, book: Book, side: Side, due: int) -> None:
        if book.refill_due(side, due):
            self._match(book.symbol, refill=side)

    def _execute(self, book: Book, execution: Execution) -> None:
        order, quote = self.find(execution.order.id), book.quote
        assert quote is not None
        qty, price = execution.qty, execution.price
        position = self.ledger.book(order.symbol, order.side, qty, price)
        fill = Fill(order.id, price, qty, quote.bid, quote.ask, position)
        self.journal.fill(self.now, order, fill)
        changes: dict[str, Any] = {
            "filled_qty": order.filled_qty + qty,
            "filled_value": order.filled_value + qty * price,
        }
        if execution.completes:
            self._change(order, "filled", fill, status=Status.FILLED, filled_at=self.now, **changes)
        elif order.status is Status.PENDING_CANCEL:
            self._change(order, "partially_filled", fill, **changes)
        else:
            self._change(order, "partially_filled", fill, status=Status.PARTIALLY_FILLED, **changes)

    def _change(self, order: Order, event: str, fill: Fill | None = None, **changes: Any) -> Order:
        order = replace(order, updated_at=self.now, **changes)
        self._record(event, order, fill)
        return order

    def _record(self, event: str, order: Order, fill: Fill | None = None) -> None:
        self.orders.put(order)
        self.journal.order(self.now, event, order)
        happened = OrderEvent(event, order, self.now, fill)
        for listener in self.listeners:
            listener(happened)
