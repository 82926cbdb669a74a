"""A rebalance's legs as orders: which they are, which may be started, and what they came to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from repeg.domain.models import direction
from repeg.domain.money import BPS
from repeg.domain.order.beginnings import Origin, leg_id_of, leg_order
from repeg.domain.order.record import ZERO, Order
from repeg.domain.patience import LEG_HANGS_AFTER, LEGS_AT_ONCE
from repeg.domain.rebalance.planned import Leg
from repeg.domain.rebalance.record import Rebalance


def leg_id(rebalance: Rebalance, leg: Leg) -> str:
    """The leg's order id: a pure function of the rebalance, its half, and the symbol.

    Whoever places legs, after whatever death, names the same orders: there is never a second set.
    """
    return leg_id_of(rebalance.signal_id, rebalance.rebalance_id, leg.phase, leg.symbol)


def order_of(rebalance: Rebalance, leg: Leg, market_now: datetime, wall_now: datetime, closes_at: datetime) -> Order:
    """The order of a leg.

    One that sells what protection holds is a close: that takes the protection down, and puts back what it must.
    """
    origin = Origin(
        rebalance_id=rebalance.rebalance_id,
        signal_id=rebalance.signal_id,
        strategy=rebalance.strategy,
        namespace=rebalance.namespace,
        clock=rebalance.work.clock,
    )
    side = None if leg.by_close else leg.side
    # Covers are paid with what came of the short, which no plan spends.
    funds = rebalance.funds if leg.phase == "buy" and leg.cost is not None else None
    leg_is = (leg_id(rebalance, leg), origin, leg.symbol, side, leg.qty, leg.cost)
    return leg_order(*leg_is, funds=funds, market_now=market_now, wall_now=wall_now, closes_at=closes_at)


def to_place(rebalance: Rebalance, legs: Sequence[Leg], orders: Mapping[str, Order], now: datetime) -> list[Leg]:
    """The next legs that may be placed, those of the largest drift first: only so many are at work at once.

    `orders`: the orders of legs that were placed, by id.
    """
    at_work = sum(not _is_over(order, now) for order in orders.values())
    missing = [leg for leg in legs if leg_id(rebalance, leg) not in orders]
    return missing[: max(0, LEGS_AT_ONCE - at_work)]


def all_over(rebalance: Rebalance, legs: Sequence[Leg], orders: Mapping[str, Order], now: datetime) -> bool:
    """True when every leg was placed, and is over, or hangs."""
    known = [orders.get(leg_id(rebalance, leg)) for leg in legs]
    return all(order is not None and _is_over(order, now) for order in known)


def at_work(orders: Iterable[Order], now: datetime) -> bool:
    """True while an order of these is not over, and does not hang."""
    return not all(_is_over(order, now) for order in orders)


def _is_over(order: Order, now: datetime) -> bool:
    """True for a leg that is not waited for any more.

    One whose cancel is never confirmed, whose symbol's turn never comes, or that walks its ladder until the session's
    close as a close does in a halt, goes on alone: it strands no other.
    """
    return order.status.terminal or now - order.created_at >= LEG_HANGS_AFTER


def traded_qty(order: Order) -> Decimal:
    """Shares that the account gained (+) or lost by an order."""
    return order.filled_qty * direction(order.trading_side) if order.filled_qty else ZERO


def cash_flow(orders: Iterable[Order]) -> Decimal:
    """Dollars that the account gained by what was filled, without fees."""
    return sum((-traded_qty(order) * (order.avg_fill_price or ZERO) for order in orders), ZERO)


def cost_bps(orders: Iterable[Order]) -> Decimal | None:
    """What the fills cost against the mids on arrival, in basis points of what was traded; None if nothing was."""
    cost = traded = ZERO
    for order in orders:
        price, reference = order.avg_fill_price, order.terms.reference_price
        if order.filled_qty and price is not None and reference is not None:
            cost += (price - reference) * traded_qty(order)
            traded += reference * order.filled_qty
    return cost / traded * BPS if traded else None
