"""The records beside the truth: which order of the exchange belongs to which record."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal

from desk.report.records import Exit, Recorded
from desk.report.truth import ZERO, Entry, Group, Sent, Truth, group

BY_OCO = ("target", "stop")
"""Reasons of exits that an OCO's legs took."""


class Books:
    """Records as they are, and the exchange as far as its journal was followed."""

    def __init__(self, orders: Iterable[Recorded]) -> None:
        self.orders = list(orders)
        self.by_id = {order.order_id: order for order in self.orders}
        self.truth = Truth()
        self.children = {child.name: (order, child) for order in self.orders for child in order.children}
        self.ocos = {oco.name: (order, oco) for order in self.orders for oco in order.ocos}
        self.older_children = {name: order for order in self.orders for name in order.older_names()}
        self.older_ocos = {name: order for order in self.orders for name in order.older_oco_names()}
        self.leaving: dict[str, list[Recorded]] = defaultdict(list)
        self.booked: dict[str, list[Exit]] = defaultdict(list)
        self._named: dict[str, list[str]] = defaultdict(list)
        self._owners: dict[str, Recorded | None] = {}
        self._live: dict[str, dict[str, Sent]] = defaultdict(dict)
        for order in self.orders:
            if order.parent_id:
                self.leaving[order.parent_id].append(order)
            for gone in order.exits:
                self.booked[gone.source].append(gone)
            self._named[order.order_id] += [*(child.name for child in order.children), *order.older_names()]

    def happens(self, entry: Entry) -> Sent | None:
        """Take one entry of the journal in; returns the order that it tells of, if it does."""
        sent = self.truth.happens(entry)
        if sent and sent.live:
            self._live[sent.symbol][sent.order_id] = sent
        elif sent:
            self._live[sent.symbol].pop(sent.order_id, None)
        return sent

    def live(self, symbol: str) -> list[Sent]:
        """Orders of a symbol that are not over at the exchange."""
        return list(self._live[symbol].values())

    def head(self, sent: Sent) -> Sent:
        """What we sent ourselves, and this order came of: a replaced one is its successor's, a target its stop's."""
        first = self.truth.first(sent)
        return self.truth.orders.get(first.placed["parent_order_id"] or "", first)

    def owner(self, sent: Sent) -> Recorded | None:
        """The record that answers for an order: for a child, an OCO, its stop, and what replaced one of them."""
        if sent.order_id not in self._owners:
            self._owners[sent.order_id] = self._owner(self.head(sent).client_order_id)
        return self._owners[sent.order_id]

    def _owner(self, name: str) -> Recorded | None:
        known = self.children.get(name) or self.ocos.get(name)
        return known[0] if known else self.older_children.get(name) or self.older_ocos.get(name)

    def is_child(self, sent: Sent) -> bool:
        """True for an entry or an exit that we sent, false for protection."""
        name = self.head(sent).client_order_id
        return name in self.children or name in self.older_children

    def chain(self, name: str) -> list[Sent]:
        """What was accepted under a name, and what replaced it."""
        return [one for head in self.truth.by_client_id(name) for one in self.truth.chain(head)]

    def sent_for(self, order: Recorded) -> list[Sent]:
        """An order's child orders at the exchange."""
        return [sent for name in self._named[order.order_id] for sent in self.chain(name)]

    def group(self, name: str) -> Group | None:
        """The OCO of a name at the exchange."""
        return next((group(self.truth, head) for head in self.truth.by_client_id(name)), None)

    def groups(self, order: Recorded) -> list[Group]:
        """The OCOs that an order's record lists."""
        found = (self.group(oco.name) for oco in order.ocos)
        return [each for each in found if each]

    def older_groups(self, order: Recorded) -> list[Group]:
        """OCOs that its record left out."""
        found = (self.group(name) for name in order.older_oco_names())
        return [each for each in found if each]

    def entered(self, order: Recorded) -> Decimal:
        """Shares that its child orders filled."""
        return sum((sent.filled for sent in self.sent_for(order)), ZERO)

    def left_by_ocos(self, order: Recorded) -> Decimal:
        """Shares that its OCOs took."""
        return sum((each.exited for each in (*self.groups(order), *self.older_groups(order))), ZERO)

    def left_by_unwinds(self, order: Recorded) -> Decimal:
        """Shares that the orders took which leave for it."""
        return sum((self.entered(other) for other in self.leaving[order.order_id]), ZERO)
