"""When shares of brackets were guarded by nothing, and nobody was selling them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from decimal import ROUND_DOWN, Decimal
from typing import NamedTuple

from desk.report.books import Books
from desk.report.records import View, read
from desk.report.truth import ZERO, Entry, Sent, group


class Bare(NamedTuple):
    """Whole shares without a stop, at most so many, from when to when (market time); `until` None: it lasts."""

    since: datetime
    until: datetime | None
    qty: Decimal


def bare_times(orders: Iterable[View], journal: Iterable[Entry], symbol: str, own: Decimal = ZERO) -> Iterator[Bare]:
    """All such times of a symbol. `own`: shares that the account held before, signed; they belong to no bracket."""
    shares = _Shares(Books(read(order) for order in orders if order["symbol"] == symbol), own)
    since, most = None, ZERO
    for entry in journal:
        if entry["type"] not in ("order", "fill") or entry["symbol"] != symbol:
            continue
        bare, at = shares.bare_after(entry), datetime.fromisoformat(entry["at"])
        if bare > 0:
            since, most = since or at, max(most, bare)
        elif since:
            yield Bare(since, at, most)
            since, most = None, ZERO
    if since:
        yield Bare(since, None, most)


class _Shares:
    """Shares of brackets and free ones by the exchange, signed; strangers and closes take free ones first."""

    def __init__(self, books: Books, free: Decimal) -> None:
        self._books = books
        self._free = free
        self._bracketed = ZERO

    def bare_after(self, entry: Entry) -> Decimal:
        """Take in an entry; returns how many whole shares of brackets are bare now."""
        sent = self._books.happens(entry)
        if sent and entry["type"] == "fill":
            self._fill(sent, Decimal(entry["qty"]) * sent.sign)
        if self._bracketed * self._free < 0:
            return ZERO  # somebody holds the opposite of a bracket: whose shares they are cannot be told
        whole = abs(self._bracketed).quantize(Decimal(1), ROUND_DOWN)
        return whole - self._guarded() - self._leaving("unwind") - max(ZERO, self._leaving("close") - abs(self._free))

    def _fill(self, sent: Sent, change: Decimal) -> None:
        owner = self._books.owner(sent)
        if owner and owner.kind in ("bracket", "unwind"):
            self._bracketed += change
            return
        from_free = min(abs(change), abs(self._free)) if change * self._free < 0 else ZERO
        self._free += from_free * (1 if change > 0 else -1)
        rest = change - from_free * (1 if change > 0 else -1)
        if rest * self._bracketed < 0:
            self._bracketed += rest
        else:
            self._free += rest

    def _guarded(self) -> Decimal:
        heads = (head for name in self._books.ocos for head in self._books.truth.by_client_id(name))
        groups = (group(self._books.truth, head) for head in heads)
        return sum((each.guards for each in groups if each.stop_works), ZERO)

    def _leaving(self, kind: str) -> Decimal:
        leaving = (order for order in self._books.orders if order.kind == kind)
        return sum((sent.left for order in leaving for sent in self._books.sent_for(order)), ZERO)
