"""What happened at the exchange, order by order, as its journal tells it; it knows nothing of our records."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

Entry = dict[str, Any]
ZERO = Decimal(0)
ENDED = frozenset({"filled", "canceled", "expired", "rejected", "replaced"})


@dataclass
class Sent:
    """One order at the exchange. `left` is what it may still fill; 0 once it is over.

    `placed` is how it began; `accepted` the same, but for the quantity, which a split may restate.
    """

    placed: Entry
    accepted: Entry
    left: Decimal
    event: str = "accepted"
    accepts: int = 0
    """How often it was accepted: once, unless something went wrong."""
    fills: list[tuple[Decimal, Decimal]] = field(default_factory=list)

    @property
    def order_id(self) -> str:
        return str(self.accepted["order_id"])

    @property
    def client_order_id(self) -> str:
        return str(self.accepted["client_order_id"])

    @property
    def symbol(self) -> str:
        return str(self.accepted["symbol"])

    @property
    def sign(self) -> int:
        return 1 if self.accepted["side"] == "buy" else -1

    @property
    def live(self) -> bool:
        return self.event not in ENDED

    @property
    def filled(self) -> Decimal:
        return sum((qty for qty, _ in self.fills), ZERO)

    @property
    def price(self) -> Decimal | None:
        """Average over its fills."""
        return sum((qty * price for qty, price in self.fills), ZERO) / self.filled if self.fills else None

    def happens(self, entry: Entry) -> None:
        """Take in one entry about this order."""
        if entry["type"] == "fill":
            self.fills.append((Decimal(entry["qty"]), Decimal(entry["price"])))
            self.left -= Decimal(entry["qty"])
        else:
            self.event = entry["event"]
            self.accepts += self.event == "accepted"
            if self.event == "restated":
                self.accepted = {**self.accepted, "qty": entry["qty"]}
            left = Decimal(entry["qty"] or 0) - Decimal(entry["filled_qty"])
            self.left = left if self.live and not self._succeeding else ZERO

    @property
    def _succeeding(self) -> bool:
        """True while it waits to take the place of another order."""
        return bool(self.accepted["replaces"]) and self.event == "accepted"


class Truth:
    """All orders and positions of the account, brought forward one journal entry at a time."""

    def __init__(self) -> None:
        self.orders: dict[str, Sent] = {}
        self.positions: dict[str, Decimal] = defaultdict(Decimal)
        self._named: dict[str, list[Sent]] = defaultdict(list)
        self._legs: dict[str | None, list[Sent]] = defaultdict(list)
        self._successors: dict[str | None, list[Sent]] = defaultdict(list)

    def happens(self, entry: Entry) -> Sent | None:
        """Take one entry in; returns the order that it tells of, if it does."""
        if "position_qty" in entry:
            self.positions[entry["symbol"]] = Decimal(entry["position_qty"])
        if entry["type"] not in ("order", "fill"):
            return None
        sent = self.orders.get(entry["order_id"])
        if sent is None:
            sent = self._meet(Sent(entry, entry, ZERO))
        sent.happens(entry)
        if entry["type"] == "fill":
            self.positions[sent.symbol] += Decimal(entry["qty"]) * sent.sign
        return sent

    def _meet(self, sent: Sent) -> Sent:
        self.orders[sent.order_id] = sent
        self._named[sent.client_order_id].append(sent)
        self._legs[sent.accepted["parent_order_id"]].append(sent)
        self._successors[sent.accepted["replaces"]].append(sent)
        return sent

    def first(self, sent: Sent) -> Sent:
        """The order at the head of a chain of replacements."""
        while sent.accepted["replaces"] in self.orders:
            sent = self.orders[sent.accepted["replaces"]]
        return sent

    def chain(self, head: Sent) -> list[Sent]:
        """An order and what replaced it."""
        return [head, *(later for sent in self._successors.get(head.order_id, ()) for later in self.chain(sent))]

    def legs(self, head: Sent) -> list[Sent]:
        """The broker-made stops under an OCO's target, oldest first."""
        return list(self._legs.get(head.order_id, ()))

    def by_client_id(self, client_order_id: str) -> list[Sent]:
        """Orders that were accepted under a client order id: one, unless something went wrong."""
        return list(self._named.get(client_order_id, ()))


@dataclass(frozen=True)
class Group:
    """An OCO at the exchange: its target and its stop (each with what replaced it)."""

    head: Sent
    targets: list[Sent]
    stops: list[Sent]

    @property
    def members(self) -> list[Sent]:
        return [*self.targets, *self.stops]

    @property
    def live(self) -> bool:
        return any(sent.live for sent in self.members)

    @property
    def exited(self) -> Decimal:
        """Shares that target and stop took."""
        return sum((sent.filled for sent in self.members), ZERO)

    @property
    def guards(self) -> Decimal:
        """Shares that it may still sell (or buy back): the same ones by either leg, so they count once."""
        return Decimal(self.head.accepted["qty"]) - self.exited if self.live else ZERO

    @property
    def stop_works(self) -> bool:
        """True while a stop stands by: an OCO that lost it protects nothing."""
        return any(stop.live for stop in self.stops)


def group(truth: Truth, head: Sent) -> Group:
    """The OCO whose target is `head`."""
    return Group(head, truth.chain(head), truth.legs(head))


def is_trading(entry: Entry) -> bool:
    """Whether an entry is a request that counts against the trading limit; market data has a limit of its own."""
    return entry["type"] == "request" and entry["path"].startswith("/v2/") and "/stocks/" not in entry["path"]


def trading_calls(journal: Iterable[Entry]) -> list[str]:
    """Requests that count against the trading limit, as `METHOD /path`."""
    return [f"{entry['method']} {entry['path']}" for entry in journal if is_trading(entry)]
