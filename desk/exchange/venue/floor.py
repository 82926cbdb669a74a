"""The trading floor: stops are elected, orders execute, size returns, auctions are held."""

from __future__ import annotations

from decimal import Decimal
from functools import partial
from typing import Any

from msgspec.structs import replace

from desk.exchange.market.model import Fill, MarketEvent, Order, OrderType, Side, Status, TimeInForce, Trade
from desk.exchange.market.moments import SECOND
from desk.exchange.market.sessions import Phase, may_trade
from desk.exchange.rules.drafting import trailed
from desk.exchange.venue.book import Book, price_for, reaches
from desk.exchange.venue.groups import Groups
from desk.exchange.venue.life import Life
from desk.exchange.venue.matching import Execution, executions, market_orders_left
from desk.exchange.venue.state import State

_REFILL_NS = SECOND
_KEEP_STATUS = (Status.PENDING_CANCEL, Status.PENDING_REPLACE)


class Floor:
    """Lets the live orders of a state trade against its books."""

    def __init__(self, state: State, life: Life, groups: Groups) -> None:
        self._state = state
        self._life = life
        self._groups = groups
        self._sliced = False

    def match(self, symbol: str, refill: Side | None = None) -> None:
        """Execute whatever may trade in the symbol now; `refill`: size has returned for market orders of that side."""
        state = self._state
        book, phase = state.books.get(symbol), state.phase
        if book is None or book.quote is None or book.halted:
            return
        # Stops sleep outside the regular session: docs.alpaca.markets/docs/orders-at-alpaca.
        if refill is None and phase is Phase.CORE:
            self._elect(book)
        open_orders = state.orders.open(symbol)
        ready = [o for o in open_orders if o.live and not o.dormant and may_trade(phase, o.extended_hours)]
        if not ready:
            return
        for execution in executions(ready, book, refill, self._slice, state.now):
            self._execute(book, execution)
        for side in market_orders_left(state.orders.open(symbol), book):
            due = state.now + _REFILL_NS
            # Several orders that wait for size share one return of it.
            if book.await_refill(side, due):
                state.schedule.add(due, partial(self._refill, book, side, due), relative=True)
        if self._sliced:
            self._sliced = False
            state.schedule.add(state.now + _REFILL_NS, partial(self.match, symbol), relative=True)

    def arrive(self, order: Order) -> None:
        """A live order meets the market; one that may not rest ends with what it got at once."""
        # Asked before it trades: it must not keep a part.
        if order.time_in_force is TimeInForce.FOK and not self._fills_whole(order):
            self._life.finish(order, Status.CANCELED)
            return
        self.match(order.symbol)
        order = self._state.find(order.id)
        if not order.time_in_force.rests and not order.status.final:
            self._life.finish(order, Status.CANCELED)

    def auction(self, order_id: str) -> None:
        """The auction of an order: all of it at the touch if its limit allows, or nothing."""
        order = self._state.find(order_id)
        book = self._state.books.get(order.symbol)
        if order.status.final:
            return
        price = price_for(order, book.quote) if book and book.quote and not book.halted else None
        if book is None or price is None:
            self._life.finish(order, Status.CANCELED)
            return
        qty = order.left_at(price)
        book.last = Trade(price, qty, self._state.now)
        self._execute(book, Execution(order, price, qty, completes=True))

    def _elect(self, book: Book) -> None:
        state, quote = self._state, book.quote
        assert quote is not None
        for order in state.orders.open(book.symbol):
            if not order.live or not order.dormant:
                continue
            if order.type is OrderType.TRAILING_STOP:
                moved = trailed(order, quote.touch(order.side))
                # No event: a trail that moves is seen by whoever reads the order.
                if moved is not order:
                    order = replace(moved, updated_at=state.now)
                    state.orders.put(order)
            if reaches(order, quote):
                state.journal.elected(state.now, order, quote)
                if order.covered:
                    self._groups.take_over(order)
                else:
                    state.orders.put(replace(order, elected=True, updated_at=state.now))

    def _fills_whole(self, order: Order) -> bool:
        book = self._state.books.get(order.symbol)
        if book is None or book.quote is None or book.halted:
            return False
        price = price_for(order, book.quote)
        return price is not None and order.left_at(price) <= book.left(order.side)

    def _slice(self, order: Order, qty: Decimal) -> Decimal:
        """Part of an execution that chance lets through; the rest is looked at again a second later."""
        # docs.alpaca.markets/docs/paper-trading: a random size, the rest is looked at anew.
        probability = self._state.settings.partial_fill_probability
        if qty < 2 or not probability or order.time_in_force is TimeInForce.FOK:
            return qty
        if Decimal(self._state.chance.random()) >= probability:
            return qty
        self._sliced = True
        return Decimal(self._state.chance.randint(1, int(qty) - 1))

    def _refill(self, book: Book, side: Side, due: int) -> None:
        if book.refill_due(side, due):
            self.match(book.symbol, refill=side)

    def _execute(self, book: Book, execution: Execution) -> None:
        state, quote = self._state, book.quote
        order = state.find(execution.order.id)
        assert quote is not None
        qty, price = execution.qty, execution.price
        position = state.ledger.book(order.symbol, order.side, qty, price, state.now)
        if order.side is Side.SELL:
            state.proceeds.note(state.now, qty * price)
        fill = Fill(order.id, price, qty, quote.bid, quote.ask, position)
        state.journal.fill(state.now, order, fill)
        state.tell_market(MarketEvent(order.symbol, state.now, trade=Trade(price, qty, state.now)))
        changes: dict[str, Any] = {
            "filled_qty": order.filled_qty + qty,
            "filled_value": order.filled_value + qty * price,
        }
        # The execution says so, as a notional order is complete with cents left over.
        if execution.completes:
            order = state.change(order, "filled", fill, status=Status.FILLED, filled_at=state.now, **changes)
            self._groups.after_end(order)
            return
        # A part that fills does not undo a cancel or a replacement that was asked for.
        if order.status not in _KEEP_STATUS:
            changes["status"] = Status.PARTIALLY_FILLED
        order = state.change(order, "partially_filled", fill, **changes)
        self._groups.after_fill(order)
