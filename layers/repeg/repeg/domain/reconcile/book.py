"""Both sides of a comparison, as plain values: what the broker shows, and what the store has. Times are market time."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from repeg.domain.counters import Counters
from repeg.domain.market.quotes import Quote
from repeg.domain.market.reports import Fill, OrderReport, Position, TradingDay
from repeg.domain.order.record import Order
from repeg.domain.rules.walking import sees_to_protection

_OURS = re.compile(r"(?P<name>(?P<order>ord-[0-9a-f]{20})(?:-(?P<token>[0-9a-f]{8}))?)-(?P<kind>[ep])(?P<number>\d+)")


class Queue(NamedTuple):
    """A symbol's line: who has the turn, and who stands in it, by order id."""

    holder: str | None
    waiting: tuple[str, ...] = ()


class Counter(NamedTuple):
    """A figure that is kept, and what it should be by what it counts."""

    name: str
    kept: Decimal
    counted: Decimal


class Day(NamedTuple):
    """The counters of the day's entries, and what they should be by the records."""

    kept: Counters
    counted: Counters


class Name(NamedTuple):
    """A client order id in our form: of which order, an entry's (`e`) or an OCO's (`p`), and which of them."""

    order_id: str
    name: str
    kind: str
    number: int
    token: str


class Book(NamedTuple):
    """The broker's side was read before the store's: what was sent before has its record by then."""

    now: datetime
    wall: datetime
    positions: Mapping[str, Position]
    open_orders: Mapping[str, OrderReport]
    """Open orders by the broker's ids, legs under their parents."""
    fills: tuple[Fill, ...]
    asked: Mapping[str, OrderReport]
    """Orders behind fills that no record names, and those of records whose fills none shows, as read by their ids."""
    quotes: Mapping[str, Quote]
    session: TradingDay | None
    orders: Mapping[str, Order]
    broken: Mapping[str, str]
    """Records that cannot be read, and why."""
    running: frozenset[str]
    """Orders whose executions run."""
    listed: frozenset[str]
    """Brackets on the lists of positions."""
    to_do: frozenset[str]
    """Orders that are not over, or whose outcome was not published."""
    queues: Mapping[str, Queue]
    counters: tuple[Counter, ...] = ()
    day: Day | None = None
    """None where no limit counts entries, or not all records of the day could be read."""
    token: str = ""
    """The table's identity: ids with another one are another stack's."""
    fills_since: datetime | None = None
    """From when on the fills are all that there were; None: not known."""

    def is_at_work(self, order: Order) -> bool:
        """True while somebody works on an order: what differs then is a matter of moments."""
        return order.order_id in self.running

    def brackets(self) -> Iterator[tuple[str, list[Order]]]:
        """Brackets that hold shares, by symbol, oldest first."""
        held = [order for order in self.orders.values() if order.unexited_qty > 0]
        for symbol in sorted({order.symbol for order in held}):
            mine = [order for order in held if order.symbol == symbol]
            yield symbol, sorted(mine, key=lambda order: (order.ask.received_wall, order.order_id))

    def exit_at_work(self, symbol: str) -> bool:
        """True while an order has the symbol's turn that takes protection down, to sell the shares or to move exits."""
        queue = self.queues.get(symbol)
        holder = self.orders.get(queue.holder or "") if queue else None
        return holder is not None and sees_to_protection(holder) and self.is_at_work(holder)

    def ours(self, client_order_id: str) -> Name | None:
        """What an id of ours says; None: it is somebody else's."""
        found = name_of(client_order_id)
        if found is None:
            return None
        order = self.orders.get(found.order_id)
        if found.token == self.token or (order is not None and order.name_at_broker == found.name):
            return found
        return None


def name_of(client_order_id: str) -> Name | None:
    """What a client order id in our form says, whichever stack made it."""
    match = _OURS.fullmatch(client_order_id)
    if match is None:
        return None
    number = int(match["number"])
    return Name(match["order"], match["name"], match["kind"], number, match["token"] or "")
