"""What must hold at every moment: whose an order is, its cap, its quantity, one live order a symbol, no oversell.

Each rule takes the books as they stand after one entry of the journal, and yields what is wrong.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from desk.report.books import Books
from desk.report.records import Recorded
from desk.report.truth import ZERO, Entry, Sent, group

Finding = tuple[str, str, str]
"""The rule, what it is about, and what is wrong: one finding of a rule about a thing is enough."""


def wrong_now(books: Books, sent: Sent, entry: Entry, strangers: bool) -> Iterator[Finding]:
    """What an entry about an order makes wrong. With `strangers` others send orders, too, and theirs are left out."""
    owner = books.owner(sent)
    if owner is None:
        if not strangers:
            yield "stray", sent.client_order_id, f"{sent.client_order_id}: at the exchange, but in no record"
        return
    if entry["type"] == "fill":
        yield from _cap(books, sent, entry)
    yield from _exposure(books, owner, entry)
    yield from _oversold(books, books.by_id.get(owner.parent_id or "", owner), entry)
    yield from _turn(books, sent.symbol)
    yield from _exits(books, sent.symbol)


def _cap(books: Books, sent: Sent, entry: Entry) -> Iterator[Finding]:
    """A limit fills inside its order's cap, unless somebody else moved it."""
    order, child = books.children.get(sent.client_order_id, (None, None))
    if order is None or child is None or child.type != "limit" or order.cap is None:
        return
    if (Decimal(entry["price"]) - order.cap) * sent.sign > 0:
        yield "cap", child.name, f"{child.name}: filled at {entry['price']}, beyond the cap of {order.cap}"


def _exposure(books: Books, order: Recorded, entry: Entry) -> Iterator[Finding]:
    """Filled plus live quantity never exceeds what was asked for."""
    exposed = sum((child.filled + child.left for child in books.sent_for(order)), ZERO)
    if order.requested is not None and exposed > order.requested:
        told = f"{order.order_id}: {exposed} filled or live at {entry['at']}, {order.requested} wanted"
        yield "exposure", order.order_id, told


def _oversold(books: Books, order: Recorded, entry: Entry) -> Iterator[Finding]:
    """No more leaves a bracket than it bought."""
    if order.kind == "bracket":
        bought = books.entered(order)
        gone = books.left_by_ocos(order) + books.left_by_unwinds(order)
        if gone > bought:
            yield "oversold", order.order_id, f"{order.order_id}: {gone} left of {bought} bought, at {entry['at']}"


def _turn(books: Books, symbol: str) -> Iterator[Finding]:
    """One live order per symbol; beside an entry whose cancel is under way, the exit of what it bought."""
    live = [sent for sent in books.live(symbol) if sent.left > 0 and books.is_child(sent)]
    if len(live) < 2:
        return
    owners = [owner for owner in map(books.owner, live) if owner]
    parents = {owner.parent_id for owner in owners}
    alone = len({owner.order_id for owner in owners}) == len(live)
    for sent, owner in zip(live, owners, strict=True):
        gives_way = owner.order_id in parents and sent.event == "pending_cancel"
        if not alone or not (owner.kind == "unwind" or gives_way):
            names = [each.client_order_id for each in live]
            yield "turn", symbol, f"{symbol}: has several live orders: {', '.join(names)}"
            return


def _exits(books: Books, symbol: str) -> Iterator[Finding]:
    """Live exits, an OCO counted once, never exceed the position."""
    live = [(sent, owner) for sent in books.live(symbol) if (owner := books.owner(sent))]
    heads = {head.order_id: head for head in (books.head(sent) for sent, _ in live if not books.is_child(sent))}
    guarded = sum((group(books.truth, head).guards for head in heads.values()), ZERO)
    leaving = [sent for sent, owner in live if owner.kind in ("close", "unwind") and books.is_child(sent)]
    selling = sum((sent.left for sent in leaving), ZERO)
    position = books.truth.positions[symbol]
    if guarded + selling > abs(position):
        told = f"{guarded} in protection and {selling} in exits exceed the position of {position}"
        yield "exits", symbol, f"{symbol}: {told}"
