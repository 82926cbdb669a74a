"""Orders of one account that must not meet: wash trades, and entries against open entries of the other side."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from desk.exchange.market.model import Intent, Order, OrderClass, OrderType, Role
from desk.exchange.market.requests import OrderRequest
from desk.exchange.wire.errors import forbidden

_PRICED = (OrderType.LIMIT, OrderType.STOP_LIMIT)


def check_opposite(request: OrderRequest, intent: Intent, open_orders: Iterable[Order], role: Role | None) -> None:
    """Refuse an order that could trade with an open one. `role`: of the order that this one replaces, if any."""
    for other in open_orders:
        if other.side is request.side:
            continue
        # An account is not long and short in one symbol: alpacahq/Alpaca-API#82. It also meets whoever sends the exit
        # before the entry has filled: alpacahq/alpaca-trade-api-python#396.
        if intent is Intent.SELL_TO_OPEN and other.position_intent is Intent.BUY_TO_OPEN:
            raise forbidden("cannot open a short sell while a long buy order is open")
        if intent is Intent.BUY_TO_OPEN and other.position_intent is Intent.SELL_TO_OPEN:
            raise forbidden("cannot open a long buy while a short sell order is open")
        # Which pairs are refused and which are exempt: docs.alpaca.markets/docs/user-protection.
        if _exempt(request.type, role) or request.order_class is OrderClass.OCO or _exempt(other.type, other.role):
            continue
        if _could_meet(request, other):
            # 403 with these words, for a buy at market while a sell limit rests: forum.alpaca.markets/t/13817.
            kind = "limit" if other.type in _PRICED else "market/stop"
            raise forbidden(
                "potential wash trade detected. use complex orders",
                existing_order_id=other.id,
                reject_reason=f"opposite side {kind} order exists",
            )


def _exempt(kind: OrderType, role: Role | None) -> bool:
    return kind is OrderType.TRAILING_STOP or role in (Role.TAKE_PROFIT, Role.STOP_LOSS)


def _could_meet(request: OrderRequest, other: Order) -> bool:
    mine, theirs = _limit(request), _limit(other)
    if mine is None or theirs is None:
        return True
    return (mine - theirs) * request.side.sign >= 0


def _limit(order: OrderRequest | Order) -> Decimal | None:
    return order.limit_price if order.type in _PRICED else None
