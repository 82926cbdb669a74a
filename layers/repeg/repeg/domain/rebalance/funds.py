"""What a rebalance's buys may cost, and how it is shared out among them.

Three things keep the buys within the cash: they are planned anew once the sells are over, on what the account shows
then; each is budgeted at its worst price (`domain/rebalance/prices.py`); and each is cut to its budget when it is
released, and never becomes a market order (`within_cost` in `domain/rules/timing.py`, `price_of` in
`domain/rules/walking.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from repeg.domain.money import floor_qty
from repeg.domain.order.parts import Funds
from repeg.domain.patience import ON_RECORD_AFTER
from repeg.domain.rebalance.book import ZERO, Book, Holding, Targets
from repeg.domain.rebalance.planned import Plan


class Wish(NamedTuple):
    """Shares that a buy wants, at most so many, and what one of them may cost in dollars."""

    qty: Decimal
    price: Decimal
    fractionable: bool


def lends(book: Book, targets: Targets) -> bool:
    """True when buys may use the broker's money: a cash account has none to lend."""
    return targets.margin and book.settled_cash is None


def at_hand(book: Book) -> Decimal:
    """Cash in dollars that may be spent at once, before shorts and buffer are thought of; may be negative."""
    left = book.cash - book.spoken_for
    if _unknown(book):
        left = min(ZERO, left)
    # What rests at the broker it has taken off the settled cash by itself.
    return left if book.settled_cash is None else min(left, book.settled_cash)


def _unknown(book: Book) -> bool:
    """True when more may be spoken for than can be told: without margin the settled cash is less all that rests."""
    return bool(book.unknown_cost) and book.settled_cash is None


def scarcity(book: Book, targets: Targets) -> str:
    """Why nothing can be bought, whatever cash there is, in words; or empty."""
    return book.unknown_cost if _unknown(book) and not lends(book, targets) else ""


def for_covers(book: Book, targets: Targets) -> Decimal:
    """Dollars that buying shorts back may cost: what came of them is there for that."""
    # What is sold at the same time does not count: it may not be sold in the end.
    return max(ZERO, book.buying_power if lends(book, targets) else at_hand(book))


def owed(book: Book, covered: dict[str, Decimal]) -> Decimal:
    """Dollars that it may take to buy back the shorts that are left once so many shares of each symbol are covered."""
    # Whoever's they are, and whatever: what came of an option that was written is no more ours than that of a short.
    shorts = [each for each in book.holdings if each.qty < 0]
    return sum((_buys_back(book, each, max(ZERO, -each.qty - covered.get(each.symbol, ZERO))) for each in shorts), ZERO)


def _buys_back(book: Book, short: Holding, shares: Decimal) -> Decimal:
    if short.symbol in book.prices:
        return shares * book.prices[short.symbol].buys_back
    return abs(short.value or ZERO) * shares / abs(short.qty)


def spendable(
    book: Book, targets: Targets, equity: Decimal, proceeds: Decimal, cover_costs: Decimal, still_owed: Decimal
) -> Decimal:
    """Dollars that buys may cost besides covers. `proceeds`: of the sells that come before them, at their worst."""
    # In a cash account what is sold today settles tomorrow: to buy with it and sell again is a violation there.
    coming = proceeds if book.settled_cash is None else ZERO
    power = book.buying_power + coming
    if lends(book, targets):
        return max(ZERO, power - cover_costs)
    if _unknown(book):
        return ZERO
    own = at_hand(book) + coming - cover_costs - still_owed - targets.cash_buffer * equity
    return max(ZERO, min(own, power))


def planned_on(
    book: Book, targets: Targets, planned: Plan, since_wall: datetime, known: Iterable[tuple[str, datetime]]
) -> Funds | None:
    """What the buys of a plan are planned on; None where the broker's money may be used.

    `since_wall` is before the account was looked at; `known`: when the orders arrived that were seen then, by id.
    """
    if lends(book, targets):
        return None
    # An order bears the time at which its intake began, and is on record, and in the index, only some time later.
    since_wall -= ON_RECORD_AFTER
    counted = tuple(order_id for order_id, arrived in known if arrived >= since_wall)
    spare = planned.spendable - sum((leg.cost or ZERO for leg in planned.buys), ZERO)
    return Funds(spare=spare, since_wall=since_wall, counted=counted)


def share_out(wishes: Sequence[Wish], dollars: Decimal) -> list[Decimal]:
    """Shares for each wish: all that is wanted, or what the dollars pay for, every wish cut in the same proportion.

    What rounding down leaves goes to the first wishes that it still pays for.
    """
    wanted = sum((wish.qty * wish.price for wish in wishes), ZERO)
    if wanted <= dollars:
        return [wish.qty for wish in wishes]
    part = dollars / wanted
    shares = [floor_qty(wish.qty * part, wish.fractionable) for wish in wishes]
    left = dollars - sum((qty * wish.price for qty, wish in zip(shares, wishes, strict=True)), ZERO)
    for place, wish in enumerate(wishes):
        more = floor_qty(min(wish.qty - shares[place], left / wish.price), wish.fractionable)
        shares[place] += more
        left -= more * wish.price
    return shares
