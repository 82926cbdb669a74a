"""What an order must look like, whatever the market and the account: amounts, prices, hours, classes.

The messages are those of alpaca.markets/learn/how-to-fix-common-trading-api-errors-at-alpaca where it has them.
"""

from __future__ import annotations

from decimal import Decimal

from desk.exchange.market.model import SHARE_STEP, OrderClass, OrderType, Side, TimeInForce
from desk.exchange.market.prices import tick_of
from desk.exchange.market.requests import OrderRequest
from desk.exchange.wire.errors import ApiError, invalid, unprocessable

# A dollar at least, and none of what follows for fractions: docs.alpaca.markets/docs/fractional-trading.
_MIN_NOTIONAL = Decimal(1)
_CENT = Decimal("0.01")
# Trails and classes: docs.alpaca.markets/docs/orders-at-alpaca.
_MIN_TRAIL_PERCENT = Decimal("0.1")


def check_shape(request: OrderRequest) -> None:
    """Raises ApiError as Alpaca refuses malformed orders."""
    _check_amounts(request)
    _check_class(request)
    _check_prices(request)
    _check_ticks(request)
    _check_time(request)


def check_tick(name: str, price: Decimal | None) -> None:
    """Refuse a price that is finer than the symbol's increment."""
    if price is not None and price % tick_of(price):
        # 422 42210000 in these words: alpacahq/alpaca-trade-api-go#260, alpacahq/alpaca-trade-api-csharp#497.
        text = format(price.normalize(), "f")
        raise unprocessable(f"invalid {name} {text}. sub-penny increment does not fulfill minimum pricing criteria")


def check_trail(price: Decimal | None, percent: Decimal | None) -> None:
    """Exactly one trail, and no percentage below 0.1."""
    if (price is None) == (percent is None):
        raise invalid("trailing stop orders must specify one of trail_price or trail_percent")
    if percent is not None and percent < _MIN_TRAIL_PERCENT:
        raise invalid("trail_percent must be >= 0.1")


def _check_amounts(request: OrderRequest) -> None:
    if request.qty is None and request.notional is None:
        raise invalid("qty or notional is required")
    if request.qty is not None and request.notional is not None:
        raise invalid("only one of qty or notional is accepted")
    if request.qty is not None and request.qty <= 0:
        raise invalid("qty must be > 0")
    if request.qty is not None and request.qty % SHARE_STEP:
        raise invalid("qty must have at most 9 decimal places")
    if request.notional is not None and request.notional < _MIN_NOTIONAL:
        # The refusals of notionals, in words and code, as
        # alpaca.markets/learn/how-to-fix-common-trading-api-errors-at-alpaca has them.
        raise invalid("notional must be >= 1.00")
    if request.notional is not None and request.notional % _CENT:
        raise unprocessable("notional value must be limited to 2 decimal places")
    if not request.fractional:
        return
    if request.time_in_force is not TimeInForce.DAY:
        # 422: Petersoj/alpaca-java#140.
        raise unprocessable("fractional orders must be DAY orders")
    if request.order_class is not OrderClass.SIMPLE:
        raise unprocessable("fractional orders must be simple orders")
    if request.type is OrderType.TRAILING_STOP:
        raise unprocessable("fractional orders cannot be trailing stop orders")


def _check_class(request: OrderRequest) -> None:
    kind, target, stop = request.order_class, request.take_profit, request.stop_loss
    if kind is OrderClass.SIMPLE:
        return
    if kind is OrderClass.OCO and request.type is not OrderType.LIMIT:
        raise unprocessable("oco orders must be limit orders")
    if request.type is OrderType.TRAILING_STOP:
        raise unprocessable("trailing stop orders must be simple orders")
    if kind is OrderClass.OTO:
        if (target is None) == (stop is None):
            raise unprocessable("oto orders require either take_profit.limit_price or stop_loss.stop_price")
        return
    if target is None:
        # A bracket with a stop alone is refused in these words: TraderAlice/OpenAlice#342; one leg makes an OTO.
        raise unprocessable(f"{kind} orders require take_profit.limit_price")
    if stop is None:
        raise unprocessable(f"{kind} orders require stop_loss.stop_price")
    if request.exit_side is Side.SELL and target <= stop.stop_price:
        raise unprocessable("take_profit.limit_price must be > stop_loss.stop_price")
    if request.exit_side is Side.BUY and target >= stop.stop_price:
        raise unprocessable("take_profit.limit_price must be < stop_loss.stop_price")


def _check_prices(request: OrderRequest) -> None:
    kind, limit, stop = request.type, request.limit_price, request.stop_price
    name = kind.value.replace("_", " ")
    if kind is OrderType.STOP_LIMIT and (limit is None or stop is None):
        raise invalid("stop limit orders require both stop and limit price")
    if kind is OrderType.LIMIT and limit is None:
        raise invalid("limit orders require a limit price")
    if kind is OrderType.STOP and stop is None:
        raise invalid("stop orders require a stop price")
    if kind is OrderType.MARKET and (limit is not None or stop is not None):
        # Seen: github.com/alpacahq/Alpaca-API issue 80.
        raise invalid("market orders require no stop or limit price")
    if limit is not None and kind not in (OrderType.LIMIT, OrderType.STOP_LIMIT):
        # Of a replaced leg: forum.alpaca.markets/t/11938 ("limit orders must not have stop_price").
        raise invalid(f"{name} orders must not have a limit price")
    if stop is not None and kind not in (OrderType.STOP, OrderType.STOP_LIMIT):
        raise invalid(f"{name} orders must not have a stop price")
    if kind is OrderType.TRAILING_STOP:
        check_trail(request.trail_price, request.trail_percent)
    elif request.trail_price is not None:
        raise invalid(f"{name} orders must not have trail_price")
    elif request.trail_percent is not None:
        raise invalid(f"{name} orders must not have trail_percent")


def _check_ticks(request: OrderRequest) -> None:
    check_tick("limit_price", request.limit_price if request.order_class is not OrderClass.OCO else None)
    check_tick("stop_price", request.stop_price)
    check_tick("take_profit.limit_price", request.take_profit)
    if request.stop_loss is not None:
        check_tick("stop_loss.stop_price", request.stop_loss.stop_price)
        check_tick("stop_loss.limit_price", request.stop_loss.limit_price)


def _check_time(request: OrderRequest) -> None:
    tif, kind = request.time_in_force, request.type
    if request.extended_hours and (kind is not OrderType.LIMIT or not tif.rests):
        # GTC was refused for years (alpacahq/alpaca-py#190) and is taken since 2026, when these words came.
        raise unprocessable("extended hours order must be DAY or GTC limit orders")
    if request.order_class is not OrderClass.SIMPLE:
        if request.extended_hours:
            # neurallayer/roboquant#68: refused live, while paper trading took them once.
            raise unprocessable(f"{request.order_class} orders are not supported in extended hours")
        if not tif.rests:
            raise _must_rest(f"{request.order_class} orders")
    if kind is OrderType.TRAILING_STOP and not tif.rests:
        raise _must_rest("trailing stop orders")
    if kind.stops and not tif.rests and kind is not OrderType.TRAILING_STOP:
        raise unprocessable(f"{tif} orders must be market or limit orders")


def _must_rest(what: str) -> ApiError:
    return unprocessable(f"{what} must be DAY or GTC orders")
