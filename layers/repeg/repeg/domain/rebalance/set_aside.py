"""What of the dollars that a plan set aside for a leg is still there when the leg is released."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal

from repeg.domain.order.record import ZERO, Order
from repeg.domain.order.verdicts import Wait, WaitingFor
from repeg.domain.reasons import Status
from repeg.domain.rebalance.book import Price
from repeg.domain.rebalance.spoken import spoken_for
from repeg.domain.rules.timing import cap_price
from repeg.domain.rules.walking import is_exit

LOOKS_AGAIN_SECONDS = 5
"""An order that nobody can price is over within minutes, and the leg lives until the close."""


def takers(leg: Order, arrived: Iterable[Order], now: datetime) -> list[Order]:
    """Orders to buy that arrived since the leg was planned, and take of the same cash in this session."""
    return [each for each in arrived if each.rebalance_id != leg.rebalance_id and _takes(each, now)]


def still_set_aside(
    leg: Order, arrived: Iterable[Order], takers: Iterable[Order], prices: Mapping[str, Price]
) -> Decimal | Wait:
    """Dollars that the leg may cost: what others took since is made good by the first legs that are not sent yet.

    `arrived`: all orders since the plan, the legs among them. A wait, as long as it cannot be told what one may cost.
    """
    set_aside = leg.ask.notional or ZERO
    if leg.ask.funds is None:
        return set_aside
    others = list(takers)
    at_work = [each for each in others if not each.status.terminal]
    spoken = spoken_for(at_work, (), prices, {})
    if spoken.unknown:
        return Wait(seconds=LOOKS_AGAIN_SECONDS, on=WaitingFor.PRICES, words=f"{spoken.unknown}; asks again")
    taken = sum(map(_spent, others), ZERO) + spoken.dollars
    legs = [each for each in arrived if each.rebalance_id == leg.rebalance_id and each.order_id != leg.order_id]
    lacks = taken - leg.ask.funds.spare - sum(map(_left_by, legs), ZERO)
    return set_aside - min(set_aside, max(ZERO, lacks))


def _takes(order: Order, now: datetime) -> bool:
    if order.side != "buy" or is_exit(order) or order.is_instruction:
        return False
    parked = order.status is Status.WAITING and order.run.parked_until and order.run.parked_until > now
    return not parked and (not order.status.terminal or order.filled_qty > 0)


def _spent(order: Order) -> Decimal:
    # Without a price of its own the cap's is what it paid at most.
    price = order.avg_fill_price or order.worst_price or order.terms.reference_price or ZERO
    return order.filled_qty * price


def _left_by(leg: Order) -> Decimal:
    """Dollars set aside for another leg that it does not spend, as it was cut or is over; 0 before it is released."""
    if leg.ask.funds is None or (leg.terms.reference_price is None and not leg.status.terminal):
        return ZERO
    working = leg.terms.working_qty if leg.terms.working_qty is not None else leg.ask.qty or ZERO
    still = ZERO if leg.status.terminal else max(ZERO, working - leg.filled_qty) * cap_price(leg)
    return max(ZERO, (leg.ask.notional or ZERO) - _spent(leg) - still)
