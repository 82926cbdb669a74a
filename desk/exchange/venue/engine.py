"""The exchange as a deterministic discrete-event machine.

It knows nothing of HTTP, threads or the wall clock: callers move its market time with `advance_to`, and everything
that falls due happens at its exact instant, in order. The same core serves clients live and replays in virtual time.
"""

from __future__ import annotations

import dataclasses
import random
from decimal import Decimal
from functools import partial

from msgspec.structs import replace

from desk.exchange.market.model import Intent, MarketEvent, Order, OrderType, Quote, Status, TimeInForce
from desk.exchange.market.moments import eastern
from desk.exchange.market.requests import OrderRequest, Replacement
from desk.exchange.market.sessions import Session, last_closed, next_boundary, sessions_from
from desk.exchange.rules.admission import admit
from desk.exchange.rules.drafting import Timing, draft, timing, trailed
from desk.exchange.rules.settings import Settings
from desk.exchange.venue.fate import Fate
from desk.exchange.venue.floor import Floor
from desk.exchange.venue.groups import Groups
from desk.exchange.venue.life import Life
from desk.exchange.venue.replacing import Replacements
from desk.exchange.venue.state import State


class Engine(State):
    """The state, and what may be done to it: time moves, the market moves, orders come, are replaced and cancelled."""

    def __init__(self, start: int, settings: Settings | None = None, ids: random.Random | None = None) -> None:
        super().__init__(start, settings or Settings(), ids or random.Random(0))
        self._set_up()

    def _set_up(self) -> None:
        self.life = Life(self)
        self.groups = Groups(self, self.life)
        self.floor = Floor(self, self.life, self.groups)
        self._replacements = Replacements(self, self.life, self.groups, self.floor)
        # The watch over a stop begins before its target may trade.
        self.life.on_market = (self.groups.reached_market, self.floor.arrive)
        self.life.on_end = (self.groups.after_end,)
        self._arm_boundary()

    def reset(self, settings: Settings) -> None:
        """Back to an empty exchange; the clock, the listeners and the order ids go on."""
        self.clear(settings)
        self._set_up()
        self.journal.clear()
        for listener in self.reset_listeners:
            listener()

    # --- time

    def advance_to(self, instant: int) -> None:
        """Let market time reach the instant; what falls due on the way happens at its own time."""
        while (due := self.schedule.next_at) is not None and due <= instant:
            at, action = self.schedule.pop()
            # What was planned for an instant that is past happens now: market time never runs backwards by itself.
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
        self.closes = {day: equity for day, equity in self.closes.items() if day < eastern(instant).date()}
        self._arm_boundary()

    def _arm_boundary(self) -> None:
        self._boundary = next_boundary(self.now)
        self.schedule.add(self._boundary, partial(self._cross_boundary, self._boundary))

    def _cross_boundary(self, instant: int) -> None:
        # The clock was set back meanwhile, and another boundary armed.
        if instant != self._boundary:
            return
        session = next(sessions_from(instant), None)
        if session is not None and instant == session.close:
            # Alpaca's last_equity is that of the previous close.
            self._note_close(session)
        if session is not None and instant == session.pre_open:
            # A short that waited overnight is cancelled once its asset is hard to borrow:
            # docs.alpaca.markets/docs/margin-and-short-selling.
            self._end_unborrowable_shorts()
        self._arm_boundary()
        # Orders that may trade in the new phase only have waited for it, and no quote need come.
        for symbol in list(self.books):
            self.floor.match(symbol)

    def _note_close(self, session: Session) -> None:
        before, account = last_closed(session.close - 1), self.ledger.account
        if before is not None:
            self.closes.setdefault(before.day, account.last_equity)
        equity = self.closes[session.day] = self.ledger.equity(self.mark)
        self.ledger.account = dataclasses.replace(account, last_equity=equity)

    def _end_unborrowable_shorts(self) -> None:
        for order in self.orders.open():
            if order.position_intent is Intent.SELL_TO_OPEN and not self.assets[order.symbol].easy_to_borrow:
                self.cancel_now(order)

    # --- the market

    def put_quote(self, symbol: str, quote: Quote, last: Decimal | None = None) -> None:
        """A quote event: new touch, size given back, resting orders that it reaches execute.

        `last`: price of the last sale, in place of the midpoint.
        """
        self.asset(symbol)
        book = self.book(symbol)
        book.show(quote, last)
        self.journal.quote(self.now, symbol, quote)
        # A quote that was old when it came is no news of a sale.
        trade = book.last if (quote.mid or last) and quote.at >= self.now else None
        self.tell_market(MarketEvent(symbol, self.now, quote=quote, trade=trade))
        self.floor.match(symbol)

    def set_halt(self, symbol: str, halted: bool) -> None:
        """Stop or resume trading in the symbol; orders stay, and those that came during the halt wait for its end."""
        self.book(symbol).halted = halted
        self.journal.halt(self.now, symbol, halted)
        self.tell_market(MarketEvent(symbol, self.now, halted=halted))
        if halted:
            return
        self.life.resume(symbol)
        self.floor.match(symbol)

    # --- orders

    def submit(self, request: OrderRequest, fate: Fate | None = None) -> Order:
        """Accept an order or raise ApiError; `fate` is what happens in place of the venue's taking it."""
        admission = admit(request, self.standing(request.symbol))
        asset = self.assets[request.symbol]
        # Legs get their ids with the order, as the client is told them at once.
        when = timing(self.now, request.time_in_force, request.extended_hours, self.overnight)
        head, *legs = draft(request, admission, asset, len(self.orders) + 1, self.new_id, self.now, when.expires_at)
        book = self.books.get(request.symbol)
        if head.type is OrderType.TRAILING_STOP and book and book.quote:
            head = trailed(head, book.quote.touch(head.side))
        waits = not when.at_once or (book is not None and book.halted)
        head = replace(head, status=Status.ACCEPTED if waits else Status.PENDING_NEW)
        for order in (head, *legs):
            self.record("accepted", order)
        # Before the expiry: an auction and the end of its orders fall on one instant, and what is planned first goes
        # first.
        self._plan(head, when, fate)
        for order in (head, *legs):
            self.schedule.add(order.expires_at, partial(self.life.expire, order.id))
        return head

    def _plan(self, order: Order, when: Timing, fate: Fate | None) -> None:
        if order.time_in_force is TimeInForce.OPG:
            # Without the latency, which would let it miss the auction of that instant.
            self.schedule.add(when.starts_at, partial(self.life.acknowledge, order.id, fate))
        else:
            self.life.send(order, when.starts_at, at_once=when.at_once, fate=fate)
        if order.time_in_force.auction:
            self.schedule.add(order.expires_at, partial(self.floor.auction, order.id))

    def replace_order(self, order_id: str, wanted: Replacement, fate: Fate | None = None) -> Order:
        """Ask for an order to be replaced; returns the new order. Raises ApiError."""
        return self._replacements.request(order_id, wanted, fate)

    def cancel(self, order_id: str, fate: Fate | None = None) -> Order:
        """Ask for a cancel of an order and its group, `cancel_ms` later unless it has another fate. Raises ApiError."""
        return self.life.cancel(order_id, fate)

    def cancel_now(self, order: Order) -> None:
        """Cancel without delay (liquidation of positions does)."""
        self.life.cancel_now(order.id)

    def release_stuck(self) -> None:
        """Let the cancels that hang take effect after all."""
        self.life.release_stuck()
