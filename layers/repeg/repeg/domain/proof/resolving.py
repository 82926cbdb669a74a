"""An operator's word on a position whose record and account disagree."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from repeg.domain.market.reports import Position
from repeg.domain.models import direction
from repeg.domain.money import plain, quoted, tick_size
from repeg.domain.order.adjustments import ONE, Adjustment, Seen
from repeg.domain.order.bracket import Levels
from repeg.domain.order.guarding import to_be_seen_to, watched_no_more
from repeg.domain.order.protection import Exit, ExitReason
from repeg.domain.order.record import Order
from repeg.domain.proof.agreement import agreed, holding_now
from repeg.domain.proof.evidence import same_cost

STATE = "Operator"


class NotResolvable(ValueError):
    """Why the word cannot be taken."""


def forgotten(order: Order, now: datetime) -> Order:
    """The shares that the record has are not watched any more: how they left, and at what price, is not known."""
    source = f"{order.order_id}-forgotten{len(order.guard.exits) + 1}"
    gone = Exit(source=source, reason=ExitReason.OUTSIDE, qty=order.unexited_qty, price=None, at=now)
    words = f"an operator decided: {plain(order.unexited_qty)} {order.symbol} are not watched any more"
    left = agreed(order.with_exit(gone), order.care.seen)
    return watched_no_more(left).noted(now, STATE, words)


def holding(order: Order, qty: Decimal, levels: Levels, position: Position | None, now: datetime) -> Order:
    """The record holds `qty` shares from now on, to be protected at `levels`; `position` is what the account shows.

    Raises:
        NotResolvable: a quantity or levels that cannot be protected.
    """
    _check(order, qty, levels)
    seen = None
    if position:
        seen = Seen(qty=position.qty, avg_entry_price=position.avg_entry_price, at=now)
    words = (
        f"an operator decided: {plain(qty)} {order.symbol}, stop {quoted(levels.stop)}, target {quoted(levels.target)}"
    )
    # An adjustment, not another number of fills: what was traded, and at what price, stays as it was.
    change = Adjustment(
        why="operator",
        detail=words,
        change=qty - order.unexited_qty,
        ratio=_ratio(order, qty, position),
        levels=levels,
        at=now,
    )
    # At once: the grace is for somebody who sells by hand, and this one has just said what is there.
    return to_be_seen_to(holding_now(order, change, seen)).noted(now, STATE, words)


def _check(order: Order, qty: Decimal, levels: Levels) -> None:
    if qty <= 0:
        raise NotResolvable(f"--qty {plain(qty)}: must be above 0 (--forget ends the watch)")
    for name, price in (("--stop", levels.stop), ("--target", levels.target)):
        # Taken now, it would be refused by the broker later, and the shares stay bare.
        if price <= 0 or price % tick_size(price):
            raise NotResolvable(f"{name} {plain(price)}: must be a price in whole ticks")
    if (levels.target - levels.stop) * direction(order.trading_side) <= 0:
        beyond = "above" if order.side == "buy" else "below"
        raise NotResolvable(f"--target {plain(levels.target)}: must lie {beyond} the stop at {plain(levels.stop)}")


def _ratio(order: Order, qty: Decimal, position: Position | None) -> Decimal:
    """New shares for an old one, if it is the same money in other shares: what an unwind costs is measured by it."""
    if position is None or order.entry_price is None or order.unexited_qty <= 0:
        return ONE
    before = Seen(qty=order.unexited_qty, avg_entry_price=order.entry_price, at=order.created_at)
    return qty / order.unexited_qty if same_cost(before, qty, position.avg_entry_price) else ONE
