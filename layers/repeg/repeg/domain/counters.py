"""What the entries of a day come to, counted in the table, and what the records say that it should be.

An entry is counted once, when it is first sent, under its own name: counted again, by whoever sends it again, it
changes nothing. When it is over, what it did not use is given back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple

import msgspec

from repeg.domain.market.sessions import EASTERN
from repeg.domain.models import Frozen
from repeg.domain.order.record import ZERO, Order
from repeg.domain.order.reservation import Counted
from repeg.domain.reasons import Reason

ORDERS, NOTIONAL, OPEN, SETTLED, SETTLED_AT = "orders", "notional", "open", "settled", "settled_at"
_RESERVED, _TWIN = "entry ", "twin "


def name_of(counter: str, strategy: str | None = None) -> str:
    """The name of a counter, of the account or of a strategy."""
    return f"{counter} of {strategy}" if strategy else counter


def entry_name(order_id: str) -> str:
    """Under which an entry is counted."""
    return f"{_RESERVED}{order_id}"


class Entry(Frozen):
    """What an entry is counted as."""

    order_id: str
    strategy: str | None
    notional: Decimal
    """Dollars that it may cost at most."""
    twin: str
    """What looks the same has the same."""
    at: datetime
    """Market time."""

    @property
    def name(self) -> str:
        """Under which it is counted."""
        return entry_name(self.order_id)

    @property
    def twin_name(self) -> str:
        """Under which it is remembered for those that look the same."""
        return f"{_TWIN}{self.twin}"

    @property
    def adds(self) -> dict[str, Decimal]:
        """What is added to which counter."""
        scopes = {None, self.strategy or None}
        one = {name_of(counter, scope): Decimal(1) for counter in (ORDERS, OPEN) for scope in scopes}
        return one | {name_of(NOTIONAL, scope): self.notional for scope in scopes}


class Bound(NamedTuple):
    """An entry is refused, for `reason`, when a counter stands above `most` before it."""

    counter: str
    most: Decimal
    reason: Reason
    detail: str


def refusing(bounds: Iterable[Bound], counted: Mapping[str, Decimal]) -> Bound | None:
    """The first bound that refuses an entry while the counters stand so; None: it is admitted."""
    return next((bound for bound in bounds if counted.get(bound.counter, ZERO) > bound.most), None)


def impossible(bounds: Iterable[Bound]) -> Bound | None:
    """The first bound that refuses an entry even if it is the day's first; None: there is none."""
    return next((bound for bound in bounds if bound.most < 0), None)


def day_of(now: datetime) -> date:
    """The day to which an entry counts: New York's."""
    return now.astimezone(EASTERN).date()


def settling(order: Order) -> dict[str, Decimal]:
    """What is added to which counter when an entry that was counted is over; what it did not use is given back."""
    counted = order.sending.counted
    if counted is None:
        return {}
    used = used_of(order, counted)
    scopes = {None, order.strategy or None}
    adds = {name_of(OPEN, scope): Decimal(-1) for scope in scopes}
    adds |= {name_of(NOTIONAL, scope): used - counted.notional for scope in scopes}
    if not was_sent(order):
        adds |= {name_of(ORDERS, scope): Decimal(-1) for scope in scopes}
    return adds | {SETTLED: used}


def taking_out(order: Order, notional: Decimal) -> dict[str, Decimal]:
    """What is added to which counter when an entry stands as so many dollars of which its record does not know."""
    scopes = {None, order.strategy or None}
    adds = {name_of(counter, scope): Decimal(-1) for counter in (OPEN, ORDERS) for scope in scopes}
    return adds | {name_of(NOTIONAL, scope): -notional for scope in scopes}


def settling_late(before: Order, after: Order) -> dict[str, Decimal]:
    """What is added to which counter when an entry that was settled as `before` turns out to be `after`."""
    stood, stands = settling(before), settling(after)
    return {name: by - stood.get(name, ZERO) for name, by in stands.items() if by != stood.get(name, ZERO)}


def used_of(order: Order, counted: Counted) -> Decimal:
    """Dollars of what was counted that the entry used: what was filled, all of it as long as a price is missing."""
    if order.filled_qty <= 0:
        return ZERO
    price = order.avg_fill_price
    # Rounded to what the table takes as a number.
    return counted.notional if price is None else round(order.filled_qty * price, 9)


def was_sent(order: Order) -> bool:
    """True when something of it reached the broker, or may have."""
    return bool(order.sent or order.bygone.sent or any(child.ambiguous for child in order.children))


class Counters(Frozen):
    """How the counters of a day stand."""

    totals: dict[str, Decimal] = msgspec.field(default_factory=dict)
    """By name; those at zero are left out."""
    entries: dict[str, Decimal] = msgspec.field(default_factory=dict)
    """Dollars of each entry that counts as being at work, by order."""
    settled_at: datetime | None = None
    """When an entry was last over, in market time."""

    @property
    def settled(self) -> Decimal:
        """Dollars of the entries that are over."""
        return self.totals.get(SETTLED, ZERO)


def counters_of(fields: Mapping[str, Decimal]) -> Counters:
    """The counters of an item's numbers."""
    entries = {name.removeprefix(_RESERVED): value for name, value in fields.items() if name.startswith(_RESERVED)}
    beside = (SETTLED_AT,)
    totals = {
        name: value
        for name, value in fields.items()
        if value and name not in beside and not name.startswith((_RESERVED, _TWIN))
    }
    at = fields.get(SETTLED_AT)
    settled_at = datetime.fromtimestamp(float(at), EASTERN) if at is not None else None
    return Counters(totals=totals, entries=entries, settled_at=settled_at)


def reckoned(day: date, orders: Iterable[Order]) -> Counters:
    """What the counters of a day should be, by the records of its orders (those that it does not concern count not)."""
    totals: dict[str, Decimal] = {}
    entries: dict[str, Decimal] = {}
    for order in orders:
        counted = order.sending.counted
        if counted is None or counted.day != day:
            continue
        over = order.status.terminal
        if not over:
            entries[order.order_id] = counted.notional
        used = used_of(order, counted)
        adds = {
            ORDERS: Decimal(was_sent(order) if over else 1),
            OPEN: Decimal(not over),
            NOTIONAL: used if over else counted.notional,
        }
        for name, value in adds.items():
            for scope in {None, order.strategy or None}:
                totals[name_of(name, scope)] = totals.get(name_of(name, scope), ZERO) + value
        totals[SETTLED] = totals.get(SETTLED, ZERO) + (used if over else ZERO)
    return Counters(totals={name: value for name, value in totals.items() if value}, entries=entries)
