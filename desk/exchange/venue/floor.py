"""The trading floor: stops are elected, orders execute, size returns, auctions are held."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any

from desk.exchange.market.model import Fill, MarketEvent, Order, OrderType, Side, Status, TimeInForce, Trade
from desk.exchange.market.moments import SECOND
from desk.exchange.market.sessions import Phase, may_trade
from desk.exchange.rules.drafting import trailed
from desk.exchange.venue.book import Book, price_for, reaches
from desk.exchange.venue.matching import Execution, executions, market_orders_left

if TYPE_CHECKING:
    from desk.exchange.venue.engine import Engine

_REFILL_NS = SECOND
_KEEP_STATUS = (Status.PENDING_CANCEL, Status.PENDING_REPLACE)


class Floor:
    """Lets the live orders of an engine trade against its books."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._sliced = False

    def match(self, symbol: str, refill: Side | None = None) -> None:
        """Execute whatever may trade in the symbol now; `refill`: size has returned for market orders of that side."""
        engine = self._engine
        book, phase = engine.books.get(symbol), engine.phase
        if book is None or book.quote is None or book.halted:
            return
        if refill is None and phase is Phase.CORE:
            self._elect(book)
        open_orders = engine.orders.open(symbol)
        ready = [o for o in open_orders if o.live and not o.dormant and may_trade(phase, o.extended_hours)]
        if not ready:
            return
        for execution in executions(ready, book, refill, self._slice, engine.now):
            self._execute(book, execution)
        for side in market_orders_left(engine.orders.open(symbol), book):
            due = engine.now + _REFILL_NS
            if book.await_refill(side, due):
                engine.schedule.add(due, partial(self._refill, book, side, due), relative=True)
        if self._sliced:
            self._sliced = False
            engine.schedule.add(engine.now + _REFILL_NS, partial(self.match, symbol), relative=True)

    def arrive(self, order: Order) -> None:
        """A live order meets the market; one that may not rest ends with what it got at once."""
        if order.time_in_force is TimeInForce.FOK and not self._fills_whole(order):
            self._engine.finish(order, Status.CANCELED)
            return
        self.match(order.symbol)
        order = self._engine.find(order.id)
        if not order.time_in_force.rests and not order.status.final:
            self._engine.finish(order, Status.CANCELED)

    def auction(self, order_id: str) -> None:
        """The auction of an order: all of it at the touch if its limit allows, or nothing."""
        order = self._engine.find(order_id)
        book = self._engine.books.get(order.symbol)
        if order.status.final:
            return
        price = price_for(order, book.quote) if book and book.quote and not book.halted else None
        if book is None or price is None:
            self._engine.finish(order, Status.CANCELED)
            return
        qty = order.left_at(price)
        book.last = Trade(price, qty, self._engine.now)
        self._execute(book, Execution(order, price, qty, completes=True))

    def _elect(self, book: Book) -> None:
        engine, quote = self._engine, book.quote
        assert quote is not None
        for order in engine.orders.open(book.symbol):
            if not order.live or not order.dormant:
                continue
            if order.type is OrderType.TRAILING_STOP:
                moved = trailed(order, quote.touch(order.side))
                if moved is not order:
                    order = replace(moved, updated_at=engine.now)
                    engine.orders.put(order)
            if reaches(order, quote):
                engine.journal.elected(engine.now, order, quote)
                if order.covered:
                    engine.groups.take_over(order)
                else:
                    engine.orders.put(replace(order, elected=True, updated_at=engine.now))

    def _fills_whole(self, order: Order) -> bool:
        book = self._engine.books.get(order.symbol)
        if book is None or book.quote is None or book.halted:
            return False
        price = price_for(order, book.quote)
        return price is not None and order.left_at(price) <= book.left(order.side)

    def _slice(self, order: Order, qty: Decimal) -> Decimal:
        """Part of an execution that chance lets through; the rest is looked at again a second later."""
        probability = self._engine.settings.partial_fill_probability
        if qty < 2 or not probability or order.time_in_force is TimeInForce.FOK:
            return qty
        if Decimal(self._engine.chance.random()) >= probability:
            return qty
        self._sliced = True
        return Decimal(self._engine.chance.randint(1, int(qty) - 1))

    def _refill(self, book: Book, side: Side, due: int) -> None:
        if book.refill_due(side, due):
            self.match(book.symbol, refill=side)

    def _execute(self, book: Book, execution: Execution) -> None:
        engine, quote = self._engine, book.quote
        order = engine.find(execution.order.id)
        assert quote is not None
        qty, price = execution.qty, execution.price
        position = engine.ledger.book(order.symbol, order.side, qty, price, engine.now)
        if order.side is Side.SELL:
            engine.proceeds.note(engine.now, qty * price)
        fill = Fill(order.id, price, qty, quote.bid, quote.ask, position)
        engine.journal.fill(engine.now, order, fill)
        engine.tell_market(MarketEvent(order.symbol, engine.now, trade=Trade(price, qty, engine.now)))
        changes: dict[str, Any] = {
            "filled_qty": order.filled_qty + qty,
            "filled_value": order.filled_value + qty * price,
        }
        if execution.completes:
            order = engine.change(order, "filled", fill, status=Status.FILLED, filled_at=engine.now, **changes)
            engine.groups.after_end(order)
            return
        if order.status not in _KEEP_STATUS:
            changes["status"] = Status.PARTIALLY_FILLED
        order = engine.change(order, "partially_filled", fill, **changes)
        engine.groups.after_fill(order)
