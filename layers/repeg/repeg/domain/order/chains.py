"""Fills of an order that was replaced: what it filled itself, and what its successor adds.

Whether a successor's filled quantity starts at what the old order had filled, or at zero, is not documented: both are
added up.
"""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from repeg.domain.market.reports import OrderReport, OrderStatus
from repeg.domain.models import Frozen

ZERO = Decimal(0)


class Chain(Frozen):
    """What the orders had filled whose place the present one took."""

    qty: Decimal = ZERO
    price: Decimal | None = None
    """Average dollars per share."""
    from_zero: bool = False
    """The present one's filled quantity was seen to start anew."""


class Total(NamedTuple):
    """Fills of a whole chain; `price` is None as long as one of its prices is missing."""

    chain: Chain
    qty: Decimal
    price: Decimal | None


def added_up(chain: Chain, report: OrderReport, wanted: Decimal) -> Total:
    """All fills of a chain whose present order is reported; `wanted` is what its first order was for.

    A pure function of what is known: call it with every report of the present order, keep the chain that comes back,
    and begin the next with `succeeded` when it is replaced in its turn.
    """
    if chain.qty <= 0:
        return Total(chain, report.filled_qty, report.avg_fill_price)
    # Taken the wrong way, shares that were filled are in no record and stay bare, or a record has shares that no
    # account holds.
    if _starts_at_zero(chain, report, wanted):
        chain = chain.changed(from_zero=True)
    if not chain.from_zero:
        return Total(chain, report.filled_qty, report.avg_fill_price)
    return Total(chain, chain.qty + report.filled_qty, _average(chain, report))


def succeeded(total: Total) -> Chain:
    """The chain for the successor of an order that is over with this total."""
    return Chain(qty=total.qty, price=total.price)


def _starts_at_zero(chain: Chain, report: OrderReport, wanted: Decimal) -> bool:
    if report.filled_qty < chain.qty:
        return True
    whole = report.status is OrderStatus.FILLED and report.filled_qty < report.qty
    if whole and chain.qty + report.filled_qty >= report.qty:
        return True
    # A successor's `qty` is for the whole chain at Alpaca (alpacahq/Alpaca-API #165, forum.alpaca.markets thread 4329).
    # One that is for the rest alone cannot have counted what was filled before.
    return report.qty == wanted - chain.qty


def _average(chain: Chain, report: OrderReport) -> Decimal | None:
    if report.filled_qty <= 0:
        return chain.price
    if chain.price is None or report.avg_fill_price is None:
        return None
    value = chain.qty * chain.price + report.filled_qty * report.avg_fill_price
    return value / (chain.qty + report.filled_qty)
