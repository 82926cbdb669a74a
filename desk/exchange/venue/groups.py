"""Orders that depend on each other: brackets, OCO and OTO groups."""

from __future__ import annotations

from decimal import Decimal

from msgspec.structs import replace

from desk.exchange.market.model import ZERO, Order, Role, Status
from desk.exchange.venue.life import Life
from desk.exchange.venue.state import State


class Groups:
    """Carries what happens to one member of a group over to the others."""

    def __init__(self, state: State, life: Life) -> None:
        self._state = state
        self._life = life

    def after_end(self, order: Order) -> None:
        """An order has reached a final status other than replaced."""
        if order.group is None:
            return
        others = self._state.members(order)
        # Only by an entry that is filled whole: forum.alpaca.markets/t/3697. One that was filled in part and cancelled
        # leaves shares without legs.
        if order.role is Role.ENTRY and order.status is Status.FILLED:
            self._activate(others)
            return
        ending = Status.EXPIRED if order.status is Status.EXPIRED else Status.CANCELED
        for other in others:
            # A stop that was elected has ended its target itself, and goes on alone.
            if not other.elected and not self._state.find(other.id).status.final:
                self._life.finish(other, ending)

    def lose(self, leg: Order, status: Status) -> None:
        """One leg ends alone; its shares are kept by the other, which works on by itself once the entry is complete."""
        leg = self._life.end(leg, status)
        others = self._state.members(leg)
        # While the entry is open its legs only wait, and a target without its stop needs nobody.
        if leg.role is not Role.TAKE_PROFIT or any(member.role is Role.ENTRY for member in others):
            return
        for stop in [other for other in others if other.covered]:
            self._stand_alone(stop)

    def _stand_alone(self, stop: Order) -> None:
        # It was watched already, beside its target: it is at the market, and only its name changes.
        if stop.live and stop.status is Status.HELD:
            self._state.change(stop, "new", status=Status.NEW, covered=False)
            return
        self._state.orders.put(replace(stop, covered=False, updated_at=self._state.now))
        if not stop.live:
            self._life.send(stop, self._state.now, at_once=True)

    def after_fill(self, order: Order) -> None:
        """A target has sold some of its shares: the stop is for the rest only."""
        if order.role is not Role.TAKE_PROFIT or order.status is Status.FILLED:
            return
        # A stop for more than is left would sell short: docs.alpaca.markets/docs/orders-at-alpaca.
        left = order.left_at(order.reserve_price)
        for stop in self._stops(order):
            if stop.qty != left:
                self._resize(stop, left)

    def reached_market(self, order: Order) -> None:
        """A target works from now on, and so does the watch over its stop."""
        if order.role is Role.TAKE_PROFIT:
            for stop in self._stops(order):
                self._state.orders.put(replace(stop, live=True))

    def take_over(self, stop: Order) -> Order:
        """A stop that its target covered was elected: the target ends, the shares are the stop's."""
        # Marked first: the end of the target would otherwise end its stop as well.
        stop = replace(stop, covered=False, elected=True)
        self._state.orders.put(stop)
        for target in self._state.members(stop):
            if target.role is Role.TAKE_PROFIT:
                self._life.finish(target, Status.CANCELED)
        if stop.status is Status.HELD:
            stop = self._state.change(stop, "new", status=Status.NEW)
        return stop

    def _stops(self, order: Order) -> list[Order]:
        return [m for m in self._state.members(order) if m.role is Role.STOP_LOSS and not m.elected]

    def _activate(self, legs: list[Order]) -> None:
        """The entry is complete: the legs work, but a stop beside a target is held."""
        # The target becomes new, its stop stays held until it is reached: forum.alpaca.markets/t/3697.
        targets = [leg for leg in legs if leg.role is Role.TAKE_PROFIT]
        for leg in targets or legs:
            self._state.orders.put(replace(leg, covered=False, updated_at=self._state.now))
            self._life.send(leg, self._state.now, at_once=True)

    def _resize(self, stop: Order, qty: Decimal) -> None:
        stop = replace(stop, qty=max(qty, ZERO), updated_at=self._state.now)
        self._state.orders.put(stop)
        self._state.journal.resized(self._state.now, stop)
