"""Orders as they are when they are accepted: the one asked for, and the legs that come with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import time, timedelta
from decimal import Decimal

from msgspec.structs import replace

from desk.exchange.market.model import (
    ZERO,
    Asset,
    Intent,
    Order,
    OrderClass,
    OrderType,
    Role,
    Side,
    Status,
    TimeInForce,
)
from desk.exchange.market.moments import eastern, eastern_ns
from desk.exchange.market.prices import on_tick
from desk.exchange.market.requests import OrderRequest
from desk.exchange.market.sessions import account_phase, may_trade, next_close, next_open, order_session
from desk.exchange.rules.admission import Admission

# docs.alpaca.markets/docs/orders-at-alpaca: cancelled after 90 days, by a run at 4:15pm ET.
_GTC_DAYS = timedelta(days=90)
_GTC_CANCEL = time(16, 15)


@dataclass(frozen=True, slots=True)
class Timing:
    """When an order may first trade, whether that is now, and when it ends at the latest."""

    starts_at: int
    at_once: bool
    expires_at: int


def timing(now: int, tif: TimeInForce, extended: bool, overnight: bool = True) -> Timing:
    """The timing of an order accepted now, for an account that trades overnight or does not."""
    at_once = may_trade(account_phase(now, overnight), extended)
    session = order_session(now, extended)
    start = now if at_once else session.opening(extended, overnight)
    if tif is TimeInForce.OPG:
        return Timing(next_open(now), False, next_open(now))
    if tif is TimeInForce.CLS:
        return Timing(start, at_once, next_close(now))
    if tif is TimeInForce.GTC:
        return Timing(start, at_once, eastern_ns(eastern(now).date() + _GTC_DAYS, _GTC_CANCEL))
    return Timing(start, at_once, session.closing(extended))


def draft(
    request: OrderRequest,
    admission: Admission,
    asset: Asset,
    number: int,
    new_id: Callable[[], str],
    now: int,
    expires_at: int,
) -> list[Order]:
    """The order, still without a status of its own life, then its legs, which are held."""
    order_id = new_id()
    grouped = request.order_class is not OrderClass.SIMPLE
    head = Order(
        id=order_id,
        client_order_id=request.client_order_id or new_id(),
        number=number,
        symbol=request.symbol,
        asset_id=asset.id,
        asset_class=asset.asset_class,
        side=request.side,
        type=request.type,
        time_in_force=request.time_in_force,
        qty=request.qty,
        notional=request.notional,
        limit_price=request.limit_price,
        extended_hours=request.extended_hours,
        position_intent=admission.intent,
        reserve_price=admission.reserve_price,
        status=Status.PENDING_NEW,
        created_at=now,
        updated_at=now,
        expires_at=expires_at,
        stop_price=request.stop_price,
        trail_price=request.trail_price,
        trail_percent=request.trail_percent,
        order_class=request.order_class,
        role=_role(request.order_class),
        group=order_id if grouped else None,
    )
    legs = [replace(leg, id=new_id(), client_order_id=new_id()) for leg in _legs(head, request)]
    return [head, *(replace(leg, number=number + i) for i, leg in enumerate(legs, start=1))]


def trailed(order: Order, touch: Decimal) -> Order:
    """A trailing stop that has seen this touch (of the side it trades at)."""
    # It follows the touch one way only; a quote without that side (0) is no new mark.
    best = order.hwm
    if touch <= 0 or (best is not None and (best - touch) * order.side.sign <= 0):
        return order
    return trail_from(order, touch)


def trail_from(order: Order, hwm: Decimal) -> Order:
    """A trailing stop with its stop price at its trail from the mark."""
    trail = order.trail_price if order.trail_price is not None else hwm * (order.trail_percent or ZERO) / 100
    return replace(order, hwm=hwm, stop_price=on_tick(max(hwm + trail * order.side.sign, ZERO)))


def _role(order_class: OrderClass) -> Role | None:
    if order_class is OrderClass.SIMPLE:
        return None
    # An OCO has no entry: in lists its target is the parent and its stop the leg.
    return Role.TAKE_PROFIT if order_class is OrderClass.OCO else Role.ENTRY


def _legs(head: Order, request: OrderRequest) -> list[Order]:
    legs = []
    if request.take_profit is not None and request.order_class is not OrderClass.OCO:
        legs.append(_leg(head, request.exit_side, Role.TAKE_PROFIT, OrderType.LIMIT, request.take_profit, None))
    if (stop := request.stop_loss) is not None:
        kind = OrderType.STOP if stop.limit_price is None else OrderType.STOP_LIMIT
        legs.append(_leg(head, request.exit_side, Role.STOP_LOSS, kind, stop.limit_price, stop.stop_price))
    return legs


def _leg(head: Order, side: Side, role: Role, kind: OrderType, limit: Decimal | None, stop: Decimal | None) -> Order:
    return replace(
        head,
        side=side,
        role=role,
        type=kind,
        limit_price=limit,
        stop_price=stop,
        position_intent=Intent.BUY_TO_CLOSE if side is Side.BUY else Intent.SELL_TO_CLOSE,
        reserve_price=limit or stop or ZERO,
        status=Status.HELD,
        covered=True,
    )
