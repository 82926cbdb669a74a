"""The life of one order: sent, acknowledged, on the market, cancelled, expired, ended.

What its way through life means to others is handed in: `on_market` and `on_end` are called in their order.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from typing import Any

from msgspec.structs import replace

from desk.exchange.market.model import Order, OrderType, Status, TimeInForce
from desk.exchange.market.prices import on_tick
from desk.exchange.rules.settings import nanoseconds
from desk.exchange.venue.fate import Fate, Happening
from desk.exchange.venue.state import State
from desk.exchange.wire.errors import ApiError, unprocessable

Act = Callable[[Order], None]

_ENDED_AT = {Status.CANCELED: "canceled_at", Status.EXPIRED: "expired_at", Status.REJECTED: "failed_at"}


class Life:
    """Moves the orders of a state on, each event a latency after its cause."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._parked: dict[str, list[tuple[str, Fate | None]]] = {}
        self.on_market: tuple[Act, ...] = ()
        self.on_end: tuple[Act, ...] = ()

    # --- to the market

    def send(self, order: Order, starts_at: int, *, at_once: bool, fate: Fate | None = None) -> None:
        """Let the venue acknowledge the order, a latency after the start."""
        acknowledged = starts_at + nanoseconds(self._state.settings.ack_ms)
        self._state.schedule.add(acknowledged, partial(self.acknowledge, order.id, fate), relative=at_once)

    def acknowledge(self, order_id: str, fate: Fate | None, resumed: bool = False) -> None:
        """The venue takes the order, unless it has another fate; while its symbol is halted, that waits for the end."""
        state = self._state
        order = state.find(order_id)
        if order.status.final:
            return
        if state.book(order.symbol).halted:
            # docs.alpaca.markets/docs/245-trading: it stays accepted.
            self._parked.setdefault(order.symbol, []).append((order_id, fate))
            return
        if fate is not None:
            take = partial(self.acknowledge, order_id, None, resumed)
            fate(Happening(state, order, go_on=take, refuse=partial(self.finish, order, Status.REJECTED)))
            return
        # A cancel may have been asked for meanwhile: the order reaches the market all the same, and may fill.
        if order.status in (Status.PENDING_NEW, Status.ACCEPTED, Status.HELD):
            state.change(order, "new", status=Status.NEW, collar=self._collar(order))
        if order.time_in_force.auction:
            return
        # The halt that it waited for stands for the latency.
        if resumed:
            self._reach_market(order_id)
            return
        reached = state.now + nanoseconds(state.settings.fill_ms)
        state.schedule.add(reached, partial(self._reach_market, order_id), relative=True)

    def resume(self, symbol: str) -> None:
        """A halt is over: what was sent during it goes on, without another latency."""
        for order_id, fate in self._parked.pop(symbol, []):
            self.acknowledge(order_id, fate, resumed=True)

    def _collar(self, order: Order) -> Decimal | None:
        """The limit that the broker gives a market order, from the touch as it is sent on."""
        book, percent = self._state.book(order.symbol), self._state.settings.market_collar_percent
        if order.type is not OrderType.MARKET or order.time_in_force.auction or not percent or book.quote is None:
            return None
        touch = book.quote.touch(order.side)
        return on_tick(touch * (1 + order.side.sign * percent / 100)) if touch > 0 else None

    def _reach_market(self, order_id: str) -> None:
        order = self._state.find(order_id)
        if order.status.final:
            return
        # No event: Alpaca does not tell when an order arrives at the market, and clients count events.
        order = replace(order, live=True)
        self._state.orders.put(order)
        for act in self.on_market:
            act(order)

    # --- to its end

    def cancel(self, order_id: str, fate: Fate | None = None) -> Order:
        """Ask for a cancel of an order and its group, `cancel_ms` later unless it has another fate. Raises ApiError."""
        order = self._state.find(order_id)
        if order.status.final:
            # bennycode/trading-signals#1079. In 2021 it was a 204 all the same: alpacahq/user-docs#150.
            raise unprocessable(f'order is already in "{order.status}" state')
        # Asking twice is refused, as public clients have met it; who asked can take it for done.
        if order.status is Status.PENDING_CANCEL:
            raise unprocessable("order pending cancel")
        if order.status is Status.PENDING_REPLACE or order.succeeding:
            raise unprocessable("cannot cancel order in pending_replace status")
        # Cancelling one member cancels its group, and liquidates nothing: forum.alpaca.markets/t/11938.
        for member in self._state.members(order):
            if member.status is not Status.PENDING_CANCEL:
                self._begin_cancel(member, fate)
        return self._state.find(order_id)

    def _begin_cancel(self, order: Order, fate: Fate | None) -> None:
        stuck = fate is not None
        asked = self._state.change(order, "pending_cancel", status=Status.PENDING_CANCEL, stuck=stuck)
        if fate is None:
            self._plan_cancel(order.id)
        else:
            keep = partial(self._keep, asked, order.status)
            fate(Happening(self._state, asked, go_on=partial(self._plan_cancel, order.id), refuse=keep))

    def _keep(self, order: Order, status: Status) -> None:
        self._state.change(order, "order_cancel_rejected", status=status, stuck=False)

    def release_stuck(self) -> None:
        """Let the cancels that hang take effect after all."""
        for order in self._state.orders.open():
            if order.stuck:
                self._state.orders.put(replace(order, stuck=False))
                self._plan_cancel(order.id)

    def _plan_cancel(self, order_id: str) -> None:
        effective = self._state.now + nanoseconds(self._state.settings.cancel_ms)
        self._state.schedule.add(effective, partial(self.cancel_now, order_id), relative=True)

    def cancel_now(self, order_id: str) -> None:
        """Cancel without delay, unless it has ended before."""
        order = self._state.find(order_id)
        if not order.status.final:
            self.finish(order, Status.CANCELED)

    def expire(self, order_id: str) -> None:
        """The order's time is over, unless it has ended before: a GTC order is cancelled for its age."""
        order = self._state.find(order_id)
        if order.status.final:
            return
        if order.time_in_force is not TimeInForce.GTC:
            self.finish(order, Status.EXPIRED)
            return
        # Its cancel or its replacement is under way already.
        with contextlib.suppress(ApiError):
            self.cancel(order_id)

    def finish(self, order: Order, status: Status) -> None:
        """End an order without completing it, and what depends on it."""
        ended = self.end(order, status)
        for act in self.on_end:
            act(ended)

    def end(self, order: Order, status: Status) -> Order:
        """End an order alone."""
        ended: dict[str, Any] = {"status": status, _ENDED_AT[status]: self._state.now}
        return self._state.change(order, status.value, **ended)
