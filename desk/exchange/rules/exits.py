"""Rules of stops and of order classes that depend on the market and on the position."""

from __future__ import annotations

from decimal import Decimal

from desk.exchange.market.model import Intent, OrderClass, OrderType, Side
from desk.exchange.market.prices import plain
from desk.exchange.market.requests import OrderRequest
from desk.exchange.wire.errors import unprocessable

# docs.alpaca.markets/docs/orders-at-alpaca: how far a stop leg keeps from its base price.
_CENT = Decimal("0.01")


def check_exits(request: OrderRequest, intent: Intent, last_price: Decimal | None) -> None:
    """The class fits the position, and stops and targets lie on their side of the market."""
    kind = request.order_class
    if kind is OrderClass.OCO and intent.opens:
        raise unprocessable("oco orders must be exit orders")
    if kind in (OrderClass.BRACKET, OrderClass.OTO) and not intent.opens:
        # 42210000, for a bracket that begins with a sell stop: alpacahq/alpaca-trade-api-js#248.
        raise unprocessable(f"{kind} orders must be entry orders")
    if request.type in (OrderType.STOP, OrderType.STOP_LIMIT):
        check_stop(request.side, request.stop_price, last_price)
    if kind is OrderClass.SIMPLE:
        return
    named = request.limit_price if request.limit_price is not None else request.stop_price
    base = named if named is not None else last_price
    if kind is not OrderClass.OCO:
        check_target(request.exit_side, request.take_profit, base)
    stop = request.stop_loss.stop_price if request.stop_loss is not None else None
    check_stop_leg(request.exit_side, stop, base)
    # The last sale counts beside the entry's limit, and it is not the one that the client sees:
    # alpacahq/Alpaca-API#166, where a stop 4 cents below the client's last trade was refused.
    if not request.type.stops:
        check_stop_leg(request.exit_side, stop, last_price)


def check_stop(side: Side, stop: Decimal | None, last_price: Decimal | None) -> None:
    """A stop of its own must not be reached already."""
    if stop is None or last_price is None or (stop - last_price) * side.sign > 0:
        return
    relation = "greater" if side is Side.BUY else "less"
    raise unprocessable(f"stop price must be {relation} than current price")


def check_stop_leg(side: Side, stop: Decimal | None, base: Decimal | None) -> None:
    """A stop leg keeps a cent from the base price (the target, the entry's limit or the market)."""
    if stop is not None and base is not None and (stop - base) * side.sign < _CENT:
        bound = ">= base_price + 0.01" if side is Side.BUY else "<= base_price - 0.01"
        raise unprocessable(f"stop_loss.stop_price must be {bound}", base_price=plain(base))


def check_target(side: Side, target: Decimal | None, base: Decimal | None) -> None:
    """A target keeps a cent from the entry."""
    if target is not None and base is not None and (base - target) * side.sign < _CENT:
        bound = "<= base_price - 0.01" if side is Side.BUY else ">= base_price + 0.01"
        raise unprocessable(f"take_profit.limit_price must be {bound}", base_price=plain(base))
