"""How many shares an exit or a sell may work, of those that were asked for.

Shares that are held by orders cannot be sold. Those of brackets come free when a close takes their protection down;
those of orders that are not ours are somebody else's business, unless the close's signal says that they give way.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal

from repeg.domain.market.reports import OrderReport, Position
from repeg.domain.models import Frozen, Side, opposite
from repeg.domain.money import floor_qty, plain, quoted
from repeg.domain.order.adjustments import Adjustment, Seen
from repeg.domain.order.record import ZERO, Order
from repeg.domain.order.verdicts import Refusal
from repeg.domain.reasons import Reason
from repeg.domain.rules.walking import is_exit

MOST_NAMED = 3


class Release(Frozen):
    """Shares are held by protection: take down that of these orders first."""

    order_ids: tuple[str, ...]
    position: Decimal
    by_brackets: Decimal
    """What the account held before, and what of it by the records of brackets."""


class Sizing(Frozen):
    """Side and quantity to work, in shares; `asked` is what was asked for, `cut` why it is not all worked."""

    side: Side
    qty: Decimal
    asked: Decimal
    cut: Reason | None = None
    note: str | None = None
    held: Decimal | None = None
    by_brackets: Decimal | None = None
    """Shares in the account, long or short, and what of them by the records of brackets, when that decided."""
    by_others: Decimal = ZERO
    """Shares in the account that orders hold which are not ours."""
    seen: Seen | None = None
    adjustment: Adjustment | None = None
    """The position as it is seen here, and what a split within the order made of its shares."""
    late: bool = False
    """The account may not show yet what was bought last."""


def releases(brackets: Iterable[Order], wanted: Decimal) -> tuple[str, ...]:
    """Orders whose protection must come down to free `wanted` shares: the oldest first, no more than needed."""
    # No more than needed: a close of a part leaves the other brackets guarded.
    ids: list[str] = []
    for order in brackets:
        held = sum((oco.covers for oco in order.guard.protections), ZERO)
        if wanted > 0 and held > 0:
            ids.append(order.order_id)
            wanted -= held
    return tuple(ids)


def size_close(position: Position | None, qty: Decimal | None, foreign: Sequence[OrderReport] = ()) -> Sizing | Refusal:
    """What closing means for the position as it is: sell a long, buy back a short, never more than there is.

    `foreign`: open orders of the symbol that are not ours.
    """
    if position is None or position.qty == 0:
        return Refusal(reason=Reason.NO_POSITION, detail="the account is flat in this symbol")
    side: Side = "sell" if position.qty > 0 else "buy"
    held, others = abs(position.qty), holding_of(foreign, side)
    asked = qty or held
    wanted = min(held, asked)
    # Alpaca refuses a sale of shares that open orders hold ("insufficient qty available for order").
    free = min(wanted, abs(position.qty_available))
    if free == 0:
        return _held(others, foreign)
    sizing = Sizing(side=side, qty=free, asked=asked, held=held, by_others=others)
    return _cut(sizing, wanted, foreign)


def limit_sell(
    position: Position | None, wanted: Decimal | None, foreign: Sequence[OrderReport] = ()
) -> Sizing | Refusal:
    """A sell takes at most what is available: it never opens a short. Without `wanted`, that is the quantity."""
    if position is None or position.qty == 0:
        return Refusal(reason=Reason.NO_POSITION, detail="there is no position to sell")
    if position.qty < 0:
        return Refusal(reason=Reason.OPPOSITE_POSITION, detail="the account is short; buy to cover, or send a close")
    others = holding_of(foreign, "sell")
    if position.qty_available <= 0:
        ours = position.qty - others > 0
        return _held(ZERO if ours else others, foreign, " Send a close to take its protection down." if ours else "")
    asked = position.qty_available if wanted is None else wanted
    qty = min(asked, position.qty_available)
    sizing = Sizing(side="sell", qty=qty, asked=asked, held=position.qty, by_others=others)
    return _cut(sizing, min(asked, position.qty), foreign)


def lacks_shares(sizing: Sizing | Refusal) -> bool:
    """True when orders hold shares that are wanted: worth a look at whose they are."""
    if isinstance(sizing, Refusal):
        return sizing.reason is Reason.HELD_BY_PROTECTION
    return sizing.cut is Reason.HELD_BY_PROTECTION


def whole_shares(sizing: Sizing) -> Sizing | Refusal:
    """The sizing of an asset that the broker trades in whole shares only."""
    whole = floor_qty(sizing.qty, fractionable=False)
    left = plain(sizing.qty - whole)
    detail = f"{left} of a share stay: the broker trades the symbol in whole shares only"
    if whole == 0:
        return Refusal(reason=Reason.NOT_FRACTIONABLE, detail=detail)
    note = f"{sizing.note}; {detail}" if sizing.note else detail
    return sizing.changed(qty=whole, cut=sizing.cut or Reason.NOT_FRACTIONABLE, note=note)


def _cut(sizing: Sizing, there: Decimal, foreign: Sequence[OrderReport]) -> Sizing:
    """With why less is worked than was asked: orders hold what is `there`, or there is no more."""
    if sizing.qty == sizing.asked:
        return sizing
    figures = f"{plain(sizing.asked)} wanted, {plain(sizing.qty)} available"
    if sizing.qty < there:
        reason = Reason.HELD_BY_OTHER_ORDER if sizing.by_others > 0 else Reason.HELD_BY_PROTECTION
        named = named_orders(foreign, sizing.side)
        note = f"{figures}; {plain(there - sizing.qty)} are held by open orders{f': {named}' if named else ''}"
        return sizing.changed(cut=reason, note=note)
    return sizing.changed(cut=Reason.CUT_TO_POSITION, note=figures)


def _held(others: Decimal, foreign: Sequence[OrderReport], advice: str = "") -> Refusal:
    reason = Reason.HELD_BY_OTHER_ORDER if others > 0 else Reason.HELD_BY_PROTECTION
    named = "; ".join(order_words(each) for each in foreign[:MOST_NAMED])
    return Refusal(reason=reason, detail=f"all shares are held by open orders{f': {named}' if named else ''}.{advice}")


def holding_of(orders: Iterable[OrderReport], side: Side) -> Decimal:
    """Shares of the position that these orders, of the side that exits it, hold; a group counts once."""
    return sum((each.qty - each.filled_qty for each in orders if each.side == side), ZERO)


def named_orders(orders: Sequence[OrderReport], side: Side) -> str:
    """The orders of a side in words, the first few of them."""
    found = [each for each in orders if each.side == side]
    more = f" and {len(found) - MOST_NAMED} more" if len(found) > MOST_NAMED else ""
    return ", ".join(order_words(each) for each in found[:MOST_NAMED]) + more


def order_words(order: OrderReport) -> str:
    """Somebody's order by what one finds it by: side, quantity, price and the broker's id."""
    left = plain(order.qty - order.filled_qty)
    limit = f" at {quoted(order.limit_price)}" if order.limit_price is not None else ""
    stop = f" stop {quoted(order.stop_price)}" if order.stop_price is not None else ""
    return f"{order.side} {left}{limit}{stop or ('' if limit else ' at market')} (order {order.broker_order_id})"


def nearest_wall(resting: Iterable[OrderReport], side: Side) -> Decimal | None:
    """The best limit of opposite orders: an order of `side` must stay a tick off it so as not to meet them."""
    # Limits only: beside a plain stop Alpaca refuses any price (docs.alpaca.markets/docs/user-protection), so there is
    # none to stay off.
    limits = [each.limit_price for each in resting if each.side == opposite(side) and each.limit_price is not None]
    return (max(limits) if side == "sell" else min(limits)) if limits else None


def for_shares(order: Order, qty: Decimal) -> Order:
    """The order as one for `qty` shares, which is what its amount in dollars comes to."""
    return order.with_terms(requested_qty=qty)


def sized(order: Order, sizing: Sizing, qty: Decimal | None = None) -> Order:
    """The order with its shares to work, and why they are fewer than asked. `qty`: what its amount in dollars asks for.

    What it sold before counts as asked and worked.
    """
    asked = (sizing.asked if qty is None else qty) + order.filled_qty
    if order.ask.qty is None and qty is None:
        asked = max(asked, order.terms.requested_qty or ZERO)
    working = min(sizing.qty + order.filled_qty, asked)
    cut = None
    if working < asked:
        short = Reason.HELD_BY_OTHER_ORDER if sizing.by_others > 0 else Reason.HELD_BY_PROTECTION
        held = sizing.held is not None and sizing.held > sizing.qty
        cut = sizing.cut or (short if qty is not None and held else Reason.CUT_TO_POSITION)
    # An unwind that is cut found fewer shares than it exits for: what it saw is no measure of what must remain.
    seen_whole = order.kind == "close" or (order.kind == "unwind" and not cut)
    before = (sizing.held or ZERO) + order.filled_qty - sizing.by_others
    order = order.with_terms(requested_qty=asked, working_qty=working if cut else None, cut=cut)
    if is_exit(order):
        order = order.with_care(seen=sizing.seen)
    if seen_whole:
        order = order.with_close(position_before=before, held_by_others=sizing.by_others)
    if sizing.adjustment and order.ask.qty is not None:
        order = order.with_care(adjustments=(*order.care.adjustments, sizing.adjustment))
    if order.kind == "close":
        order = order.with_close(brackets_before=sizing.by_brackets, bought_lately=sizing.late)
    return order


NOTHING_MORE = (Reason.NO_POSITION, Reason.HELD_BY_PROTECTION, Reason.HELD_BY_OTHER_ORDER, Reason.NOT_FRACTIONABLE)


def nothing_more(order: Order, refusal: Refusal) -> Order | None:
    """An exit that sold some, as it ends when a later look finds nothing more to sell; None: it is refused."""
    if not is_exit(order) or order.filled_qty <= 0 or refusal.reason not in NOTHING_MORE:
        return None
    cut = Reason.CUT_TO_POSITION if refusal.reason is Reason.NO_POSITION else refusal.reason
    less = order.filled_qty < (order.terms.requested_qty or ZERO)
    return order.with_terms(working_qty=order.filled_qty if less else None, cut=cut if less else None)
