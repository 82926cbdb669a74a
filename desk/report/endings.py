"""What must be true of the records, once a journal was followed to its end.

Each rule yields what is wrong, as "so much in the record, so much at the exchange". `of_records` holds at any time: a
record may be behind the exchange with what nobody has looked at, but what it says is so. `of_the_end` holds when all is
over.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator
from decimal import Decimal

from desk.report.books import BY_OCO, Books
from desk.report.records import Child, Exit, Oco, Recorded
from desk.report.truth import ZERO, Group, Sent
from repeg.domain.order.beginnings import leg_id_of
from repeg.domain.reasons import Status

EXACT = Decimal("0.000001")
"""The broker reports average prices to so many dollars."""
Traded = tuple[Decimal, Decimal | None]
"""Shares, and their average price; None where it is not known."""


def of_records(books: Books) -> Iterator[str]:
    """What records say that is not so."""
    yield from _doubled(books.orders)
    for order in books.orders:
        for child in order.children:
            yield from (f"{child.name}: {line}" for line in _child(books, order, child))
        for oco in order.ocos:
            yield from (f"{oco.name}: {line}" for line in _terms_of_oco(books, order, oco))
        yield from (f"{order.order_id}: {line}" for line in _sums(books, order))
    yield from _positions(books)


def of_the_end(books: Books, alerted: Collection[str] | None) -> Iterator[str]:
    """Every order is over, and every share is accounted for; `alerted`: orders that alerts named, if it is known."""
    for order in books.orders:
        for child in order.children:
            if not child.closed:
                yield f"{child.name}: is {child.status}"
        if order.children and not order.status.terminal:
            yield f"{order.order_id}: is {order.status.value}"
        for oco in order.ocos:
            yield from (f"{oco.name}: {line}" for line in _fate_of_oco(books, order, oco))
        live = [sent.client_order_id for sent in books.sent_for(order) if sent.live]
        if live:
            yield f"{order.order_id}: live at the exchange after the end: {', '.join(live)}"
        yield from (f"{order.order_id}: {line}" for line in _exits(books, order))
        yield from (f"{order.order_id}: {line}" for line in _shares(books, order, alerted))


def _doubled(orders: Iterable[Recorded]) -> Iterator[str]:
    """One signal, one order; refusals of a repeated or bad signal stand beside it and send nothing.

    What leaves for an order carries its signal, too. A rebalance has one leg for a symbol and a side in each
    half: it buys a short back in the first, and what is wanted in the second.
    """
    own = [order for order in orders if order.children and order.kind != "unwind"]
    for signal_id, count in Counter(order.signal_id for order in own if not order.rebalance_id).items():
        if count > 1:
            yield f"{signal_id}: became {count} orders"
    legs = ((order.signal_id, order.symbol, order.side, _is_first_half(order)) for order in own if order.rebalance_id)
    for (signal_id, symbol, side, _), count in Counter(legs).items():
        if count > 1:
            yield f"{signal_id}: has {count} legs to {side} {symbol}"


def _is_first_half(order: Recorded) -> bool:
    return order.order_id == leg_id_of(order.signal_id, order.rebalance_id, "sell", order.symbol)


def _child(books: Books, order: Recorded, child: Child) -> Iterator[str]:
    """A child order was sent once, on the recorded terms, and came to what is recorded."""
    chain = books.chain(child.name)
    if not chain:
        if child.closed and child.status != "rejected":
            yield f"in the record as {child.status}, but the exchange never saw it"
        elif child.filled:
            yield _differ("", f"{child.filled} filled", "none")
        return
    yield from _accepted_once(books, child.name)
    placed = chain[0].placed
    yield from _same("symbol", order.symbol, placed["symbol"])
    yield from _same("side", order.side, placed["side"])
    yield from _same("type", child.type, placed["order_type"])
    yield from _same("class", "", placed["order_class"])
    yield from _same("limit", child.limit, placed["limit_price"])
    yield from _same("quantity", child.qty, chain[0].accepted["qty"])
    told, seen = (child.filled, child.price), _traded(chain)
    if told[0] != seen[0]:
        yield f"{told[0]} filled in the record, {seen[0]} at the exchange"
    elif not _agree(told if told[0] else (ZERO, None), seen):
        yield _differ("filled at", told[1], seen[1])
    ended = "live" if chain[-1].live else chain[-1].event
    if child.closed and child.status != ended:
        yield _differ("", child.status, ended)


def _sums(books: Books, order: Recorded) -> Iterator[str]:
    """An order's figures are those of its child orders, and of what its record left out because it is over."""
    seen = books.entered(order)
    if order.filled != seen:
        yield f"{order.filled} filled in the record, {seen} at the exchange"
    if order.status is Status.FILLED and order.remaining != 0:
        yield f"says filled, and {order.remaining} of it are not"
    if order.held < 0:
        yield f"more left than was bought: {-order.held}"
    names = order.older_names()
    older = sum(len(books.truth.by_client_id(name)) for name in names)
    if older != order.older:
        yield f"{order.older} older child orders in the record, {older} at the exchange"
    taken = sum((each.exited for each in books.older_groups(order)), ZERO)
    legs = {sent.order_id for each in books.groups(order) for sent in each.members}
    told = sum((gone.qty for gone in order.exits if gone.reason in BY_OCO and gone.source not in legs), ZERO)
    if told != taken:
        yield f"{told} left by OCOs of long ago in the record, {taken} at the exchange"


def _terms_of_oco(books: Books, order: Recorded, oco: Oco) -> Iterator[str]:
    """What protects a bracket was sent once, as recorded, on the right sides of the fill."""
    seen = books.group(oco.name)
    if seen:
        yield from _accepted_once(books, oco.name)
        yield from _same_oco(order, oco, seen)
    if order.price is None:
        yield "protects nothing"
        return
    # Somebody may have moved a level since: what we chose is what was placed.
    target = Decimal(seen.head.placed["limit_price"]) if seen else oco.target
    stop = Decimal(seen.stops[0].placed["stop_price"]) if seen and seen.stops else oco.stop
    if order.exits_moved:
        if (target - stop) * order.sign <= 0:
            yield f"stop {stop}, target {target}"
        return
    # The old way takes the signal's levels, on whichever side of them it was filled.
    if order.old_way:
        return
    if (order.price - stop) * order.sign <= 0:
        yield f"stop {stop}, filled at {order.price}"
    if (target - order.price) * order.sign <= 0:
        yield f"target {target}, filled at {order.price}"


def _same_oco(order: Recorded, oco: Oco, seen: Group) -> Iterator[str]:
    target = seen.head.placed
    yield from _same("symbol", order.symbol, target["symbol"])
    yield from _same("side", "sell" if order.sign > 0 else "buy", target["side"])
    yield from _same("quantity", oco.qty, target["qty"])
    yield from _same("class", "oco", target["order_class"])
    yield from _same_level("target", oco.target, seen.targets, "limit_price")
    yield from _same_level("stop", oco.stop, seen.stops, "stop_price")
    yield from _same("time in force", "gtc", target["time_in_force"])
    for stop in (each.placed for each in seen.stops if not each.placed["replaces"]):
        yield from _same("type of its stop", "stop", stop["order_type"])
        yield from _same("quantity of its stop", oco.qty, stop["qty"])
        yield from _same("time in force of its stop", "gtc", stop["time_in_force"])


def _same_level(what: str, told: Decimal, legs: list[Sent], field: str) -> Iterator[str]:
    """The level of an OCO; one that somebody moved may be recorded as it was or as it is."""
    prices = [Decimal(leg.placed[field]) for leg in legs if leg.placed[field] is not None]
    if told not in prices:
        yield _differ(what, told, " then ".join(f"{price:f}" for price in prices) or None)


def _fate_of_oco(books: Books, order: Recorded, oco: Oco) -> Iterator[str]:
    """Nothing is recorded of an OCO that was not, and what its legs took is recorded."""
    seen = books.group(oco.name)
    if seen is None:
        if oco.status != "refused":
            yield f"in the record as {oco.status}, but the exchange never saw it"
    elif oco.closed is seen.live:
        yield _differ("", oco.status, "live" if seen.live else "over")
    for reason, legs in (("target", seen.targets if seen else []), ("stop", seen.stops if seen else [])):
        ids = {leg.order_id for leg in legs}
        told = _sum(gone for gone in order.exits if gone.source in ids and gone.reason == reason)
        if not _agree(told, _traded(legs)):
            yield _differ(f"by its {reason}", _words(told), _words(_traded(legs)))


def _exits(books: Books, order: Recorded) -> Iterator[str]:
    """What our own orders sold for a bracket is on its record, and nothing else is booked on them."""
    sold = {other.order_id: (other.filled, other.price) for other in books.leaving[order.order_id] if other.filled}
    told = {gone.source: (gone.qty, gone.price) for gone in order.exits if gone.reason == "unwind"}
    if told.keys() != sold.keys() or not all(_agree(told[name], sold[name]) for name in sold):
        yield f"unwound {_list(told)} in the record, its unwinds sold {_list(sold)}"
    if order.kind == "close":
        booked = books.booked[order.order_id]
        qty = sum((gone.qty for gone in booked), ZERO)
        if qty > order.filled:
            yield f"sold {order.filled}, and {qty} are booked on brackets"
        elif not all(_agree((gone.qty, gone.price), (gone.qty, order.price)) for gone in booked):
            yield f"sold at {order.price}, and booked at {', '.join(str(gone.price) for gone in booked)}"


def _shares(books: Books, order: Recorded, alerted: Collection[str] | None) -> Iterator[str]:
    """No ending leaves shares that are neither protected nor flat nor alerted."""
    if order.kind != "bracket":
        if order.ocos:
            yield "is no bracket, and has protection"
        return
    groups = books.groups(order)
    guarded = sum((each.guards for each in groups), ZERO)
    if guarded > order.held or (order.protected and guarded != int(order.held)):
        yield f"{order.held} held by the record, {guarded} guarded at the exchange"
    if not all(each.stop_works for each in groups if each.guards):
        yield "a target without its stop"
    if order.status is Status.UNWOUND and order.held:
        yield f"is unwound and holds {order.held}"
    if alerted is not None and guarded < order.held and not order.bare_by_choice and order.order_id not in alerted:
        yield f"nobody was alerted that {order.held - guarded} are unprotected"


def _positions(books: Books) -> Iterator[str]:
    """Symbol by symbol, what our records bought and sold is what our orders did at the exchange."""
    seen: dict[str, Decimal] = defaultdict(Decimal)
    for sent in books.truth.orders.values():
        if books.owner(sent):
            seen[sent.symbol] += sent.filled * sent.sign
    told: dict[str, Decimal] = defaultdict(Decimal)
    unread = set()
    for order in books.orders:
        by_ocos = sum((gone.qty for gone in order.exits if gone.reason in BY_OCO), ZERO)
        if order.side:
            told[order.symbol] += (order.filled - by_ocos) * order.sign
        if books.left_by_ocos(order) > by_ocos:
            unread.add(order.symbol)  # nobody has looked since
    for symbol in sorted((seen.keys() | told.keys()) - unread):
        if seen[symbol] != told[symbol]:
            yield f"{symbol}: a position of {told[symbol]} by the records, {seen[symbol]} at the exchange"


def _accepted_once(books: Books, name: str) -> Iterator[str]:
    times = sum(sent.accepts for sent in books.truth.by_client_id(name))
    if times != 1:
        yield f"accepted {times} times"


def _same(what: str, told: object, seen: str | None) -> Iterator[str]:
    same = told == (Decimal(seen) if seen is not None and isinstance(told, Decimal) else seen)
    if not same:
        yield _differ(what, told, seen)


def _differ(what: str, told: object, seen: object) -> str:
    return f"{what} {told} in the record, {seen} at the exchange".strip()


def _sum(exits: Iterable[Exit]) -> Traded:
    mine = list(exits)
    return _average([(gone.qty, gone.price) for gone in mine])


def _traded(legs: Iterable[Sent]) -> Traded:
    return _average([fill for leg in legs for fill in leg.fills])


def _average(trades: Iterable[tuple[Decimal, Decimal | None]]) -> Traded:
    known = list(trades)
    qty = sum((qty for qty, _ in known), ZERO)
    if not qty or any(price is None for _, price in known):
        return qty, None
    return qty, sum((qty * (price or ZERO) for qty, price in known), ZERO) / qty


def _agree(told: Traded, seen: Traded) -> bool:
    if told[0] != seen[0] or (told[1] is None) is not (seen[1] is None):
        return False
    return abs((told[1] or ZERO) - (seen[1] or ZERO)) <= EXACT


def _words(traded: Traded) -> str:
    return f"{traded[0]} at {traded[1]:f}" if traded[1] is not None else str(traded[0])


def _list(traded: dict[str, Traded]) -> str:
    return ", ".join(_words(each) for each in traded.values()) or "nothing"
