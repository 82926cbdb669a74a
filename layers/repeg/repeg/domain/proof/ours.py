"""What proves that an order at the broker is ours: it bears our id, and it is what the intent says.

An id alone proves nothing: an earlier stack of the same name, or a second one on the same account, may have used it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal

from repeg.domain.market.reports import OrderReport
from repeg.domain.models import Frozen, OrderType, Side, opposite
from repeg.domain.order.children import ChildRecord, Try
from repeg.domain.order.protection import OcoTerms, Protection, ProtectionStatus
from repeg.domain.order.record import ZERO, Order

CLOCK_TOLERANCE = timedelta(seconds=60)
"""The broker's time of submission may lie so long before the intent: clocks differ."""


class Intent(Frozen):
    """What an order was written down to be; `written_at` is market time."""

    client_order_id: str
    symbol: str
    side: Side
    qty: Decimal
    type: OrderType
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    written_at: datetime
    tries: tuple[Try | OcoTerms, ...] = ()
    """Other terms that were sent under the same id before."""


def child_intent(order: Order, child: ChildRecord) -> Intent:
    """What a child order was written down to be."""
    return Intent(
        client_order_id=child.client_order_id,
        symbol=order.symbol,
        side=order.trading_side,
        qty=child.qty,
        type=child.type,
        limit_price=child.limit_price,
        written_at=child.first_sent_at or child.sent_at,
        tries=child.tries,
    )


def oco_intent(order: Order, oco: Protection) -> Intent:
    """What an OCO was written down to be: its target, and the stop that is a leg of it."""
    return Intent(
        client_order_id=oco.client_order_id,
        symbol=order.symbol,
        side=opposite(order.trading_side),
        qty=oco.qty,
        type="limit",
        limit_price=oco.levels.target,
        stop_price=oco.levels.stop,
        written_at=oco.first_placed_at or oco.placed_at,
        tries=oco.tries,
    )


def contradiction(intent: Intent, report: OrderReport, *, just_sent: bool = False) -> str | None:
    """What of an order that bears the intent's id is not as the intent has it; None: it is ours.

    One that somebody put in the place of ours has terms of its own, but trades the same shares the same way. With
    `just_sent` the report answers our own request: it cannot be older than that, whatever its time says.
    """
    told: list[tuple[str, object, object]] = [
        ("symbol", intent.symbol, report.symbol),
        ("side", intent.side, report.side),
    ]
    if not report.replaces and not any(each.fits(report) for each in intent.tries):
        told += [("quantity", intent.qty, report.qty), *_terms(intent, report)]
    wrong = [f"{what} {found} instead of {asked}" for what, asked, found in told if asked != found]
    submitted = report.submitted_at
    # Alpaca's help says that an id is unique among active orders: an old one may bear it, too, and its fills, at a
    # price of another day, once counted as this order's.
    if not just_sent and submitted is not None and submitted < intent.written_at - CLOCK_TOLERANCE:
        wrong.append(f"submitted at {submitted.isoformat()}, before it was written down")
    return ", ".join(wrong) or None


def _terms(intent: Intent, report: OrderReport) -> tuple[tuple[str, object, object], ...]:
    if intent.type == "market":
        return ()  # the broker turns these into limits of its own
    stops = [leg.stop_price for leg in report.legs if leg.stop_price is not None]
    stop = stops[0] if stops and intent.stop_price is not None else intent.stop_price
    return (
        ("type", intent.type, report.type or intent.type),
        ("limit price", intent.limit_price, report.limit_price),
        ("stop price", intent.stop_price, stop),
    )


def listed_again(order: Order, open_orders: Iterable[OrderReport]) -> Order:
    """The order with OCOs that the record has for over, and that the broker lists as open: to be read by their ids."""
    over = {oco.client_order_id: oco for oco in order.guard.protections if oco.status.closed}
    for report in open_orders if over else ():
        oco = over.get(report.client_order_id)
        # Refused by an answer that was not true, it held the shares and sold them, and no record knew.
        if oco and not report.status.terminal and not contradiction(oco_intent(order, oco), report):
            found = {"broker_order_id": report.broker_order_id, "status": ProtectionStatus.SENT, "closed_at": None}
            again = oco.as_sent(report).changed(**found, cancel_requested_at=None, stop_dead=False)
            order = order.with_protection(again)
    return order


def held_by_ocos(brackets: Iterable[Order], open_orders: Iterable[OrderReport]) -> Decimal:
    """Shares that OCOs of these brackets hold by the broker's own listing."""
    # A live OCO reserves its shares at the broker: nobody else can have sold them.
    ocos = [oco for bracket in brackets for oco in bracket.guard.protections]
    ours = {oco.client_order_id for oco in ocos}
    ids = {oco.broker_order_id for oco in ocos if oco.broker_order_id}
    mine = [each for each in open_orders if each.client_order_id in ours or each.broker_order_id in ids]
    return sum((each.qty - each.filled_qty for each in mine), ZERO)


def took_more(order: Order, reports: Iterable[OrderReport]) -> tuple[Protection, ...]:
    """OCOs that the record has for over, and that by these reports took more shares than it knows of."""
    over = {oco.broker_order_id: oco for oco in order.guard.protections if oco.status.closed and oco.broker_order_id}
    known = ((over[each.broker_order_id], each) for each in reports if each.broker_order_id in over)
    return tuple(
        oco
        for oco, report in known
        if (report.symbol, report.side) == (order.symbol, opposite(order.trading_side))
        and oco.reported(report, oco.placed_at, session_open=False).exited_qty > oco.exited_qty
    )


def listed_otherwise(oco: Protection, listed: OrderReport | None, now: datetime, session_open: bool) -> bool:
    """True when an OCO is not listed as the record has it. Legs may be missing from a listing: that says nothing."""
    if listed is None:
        return True
    seen = oco.reported(listed, now, session_open)
    # Stop legs that are held have been missing from the list of open orders
    # (github.com/alpacahq/alpaca-trade-api-python/issues/322).
    if not listed.legs:
        return seen.exited_qty > oco.exited_qty
    return (seen.status, seen.exited_qty, seen.moved) != (oco.status, oco.exited_qty, oco.moved)


def in_words(report: OrderReport) -> str:
    """An order at the broker, for whoever has to look at it."""
    price = "market" if report.limit_price is None else f"at {report.limit_price}"
    filled = f", {report.filled_qty} filled" if report.filled_qty else ""
    return f"{report.side} {report.qty} {report.symbol} {price}{filled} ({report.broker_order_id})"
