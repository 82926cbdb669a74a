"""The rules an order must pass before it is accepted, in the order in which they are checked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from desk.exchange.market.account import AccountState, Valuation, held
from desk.exchange.market.model import ZERO, Asset, Intent, Order, OrderType, Quote, Side, TimeInForce
from desk.exchange.market.prices import plain
from desk.exchange.market.requests import OrderRequest
from desk.exchange.market.sessions import Phase, auction_closed
from desk.exchange.rules.conflicts import check_opposite
from desk.exchange.rules.exits import check_exits
from desk.exchange.rules.settings import Settings
from desk.exchange.wire.errors import forbidden, invalid, unprocessable

# Below it an account is long only: docs.alpaca.markets/docs/margin-and-short-selling.
_SHORT_EQUITY = Decimal(2_000)
# docs.alpaca.markets/docs/orders-at-alpaca: a short is worth 3 % above the ask at least.
_SHORT_PREMIUM = Decimal("1.03")


@dataclass(frozen=True, slots=True)
class Standing:
    """What the decision rests on: the symbol, the account, what it holds and what it has open."""

    now: int
    asset: Asset | None
    account: AccountState
    # Every open order counts in it: worked out for the rules that ask.
    valuation: Callable[[], Valuation]
    position: Decimal
    open_orders: tuple[Order, ...]
    client_id_taken: Callable[[str | None], bool]
    quote: Quote | None
    last_price: Decimal | None
    phase: Phase
    settings: Settings


@dataclass(frozen=True, slots=True)
class Admission:
    """An order that passed: what it does to the position, and the price at which it ties up buying power."""

    intent: Intent
    reserve_price: Decimal


def admit(request: OrderRequest, standing: Standing) -> Admission:
    """Check every rule; raises ApiError with Alpaca's status, code and body."""
    asset = _check_asset(request, standing)
    _check_account(standing.account)
    # Not free again after a cancel: alpacahq/alpaca-py#260.
    if standing.client_id_taken(request.client_order_id):
        raise invalid("client_order_id must be unique")
    _check_fractional(request, asset, standing.account)
    _check_auction(request.time_in_force, standing.now)
    intent = infer_intent(request.side, standing.position)
    if request.position_intent not in (None, intent):
        # alpacahq/Alpaca-API#250; the position counts, not the orders that are under way to change it.
        raise unprocessable(f"position intent mismatch, inferred: {intent}, specified: {request.position_intent}")
    check_exits(request, intent, standing.last_price)
    check_opposite(request, intent, standing.open_orders, None)
    _check_notional(request, intent, standing.open_orders)
    reserve_price = price_to_reserve(request, intent, standing)
    if intent is Intent.SELL_TO_OPEN:
        _check_short(request, asset, standing)
    _check_cost(request, reserve_price, standing.settings)
    check_means(request, intent, reserve_price, standing)
    return Admission(intent, reserve_price)


def infer_intent(side: Side, position: Decimal) -> Intent:
    """What an order of this side does to the position."""
    if side is Side.BUY:
        return Intent.BUY_TO_CLOSE if position < 0 else Intent.BUY_TO_OPEN
    return Intent.SELL_TO_CLOSE if position > 0 else Intent.SELL_TO_OPEN


def check_means(request: OrderRequest, intent: Intent, reserve_price: Decimal, standing: Standing) -> None:
    """There is the buying power to open, or there are the shares to close with."""
    if intent.opens:
        _check_buying_power(request, reserve_price, standing.valuation())
    else:
        _check_held(request, reserve_price, standing)


def _check_asset(request: OrderRequest, standing: Standing) -> Asset:
    asset = standing.asset
    if asset is None:
        raise unprocessable(f'asset "{request.symbol}" not found')
    if asset.status != "active":
        raise unprocessable(f'asset "{asset.symbol}" is not active')
    if not asset.tradable:
        raise unprocessable(f'asset "{asset.symbol}" is not tradable')
    if "ipo" in asset.attributes and standing.last_price is None and request.type is not OrderType.LIMIT:
        raise unprocessable(f'asset "{asset.symbol}" accepts only limit orders before its first trade')
    return asset


def _check_account(account: AccountState) -> None:
    if account.trading_blocked or account.account_blocked or account.status != "ACTIVE":
        raise forbidden("account is not authorized to trade")
    if account.trade_suspended_by_user:
        # Seen with `suspend_trade` on: github.com/foxsake123/ai-stock-trading-bot, docs/ENABLE_SHORGAN_LIVE_TRADING.md.
        raise forbidden("new orders are rejected by user request")


def _check_fractional(request: OrderRequest, asset: Asset, account: AccountState) -> None:
    if not request.fractional:
        return
    if not account.fractional_trading:
        raise forbidden("fractional trading is disabled for this account")
    if not asset.fractionable:
        raise forbidden(f'asset "{asset.symbol}" is not fractionable')


def _check_auction(tif: TimeInForce, now: int) -> None:
    if tif is TimeInForce.OPG and auction_closed(now, opening=True):
        # Refused from 4:00 to 7:00pm ET: QuantConnect/Lean#4126. From 9:28 on Nasdaq takes none:
        # forum.alpaca.markets/t/7992.
        raise forbidden("opg orders must be submitted after 7:00pm and before 9:28am")
    if tif is TimeInForce.CLS and auction_closed(now, opening=False):
        raise forbidden("cls orders must be submitted after 7:00pm and before 3:50pm")


def _check_notional(request: OrderRequest, intent: Intent, open_orders: tuple[Order, ...]) -> None:
    if request.notional is None or not intent.opens:
        return
    if any(order.holding > 0 for order in open_orders):
        raise forbidden("unable to open new notional orders while having open closing position orders")


def _check_cost(request: OrderRequest, price: Decimal, settings: Settings) -> None:
    """Seen for buys of the live and the paper account; of sells nothing is known, so that a setting spares them."""
    if request.qty is None or price <= 0 or (request.side is Side.SELL and not settings.min_cost_of_sells):
        return
    if request.qty * price < settings.min_order_cost:
        # In these words, with another minimum, for crypto: ccxt/ccxt#30101, where paper trading refused buys alone.
        raise forbidden(f"cost basis must be >= minimal amount of order {plain(settings.min_order_cost)}")


def _check_short(request: OrderRequest, asset: Asset, standing: Standing) -> None:
    if request.fractional:
        raise unprocessable("fractional orders cannot be sold short")
    if not asset.shortable or not asset.easy_to_borrow:
        raise unprocessable(f'asset "{asset.symbol}" cannot be sold short')
    if not standing.account.may_short or standing.valuation().equity < _SHORT_EQUITY:
        raise forbidden("account is not allowed to short")


def price_to_reserve(request: OrderRequest, intent: Intent, standing: Standing) -> Decimal:
    """The price at which the order counts against buying power."""
    market = _market_price(request.side, standing)
    named = request.working_limit or request.stop_price
    if intent is Intent.SELL_TO_OPEN:
        ask = standing.quote.ask if standing.quote else ZERO
        return max(named or market, ask * _SHORT_PREMIUM)
    return named if named is not None else market


def _market_price(side: Side, standing: Standing) -> Decimal:
    # Far side of the touch in the session, midpoint outside, last sale while closed:
    # docs.alpaca.markets/docs/orders-at-alpaca.
    quote, last = standing.quote, standing.last_price or ZERO
    if quote is None or standing.phase is Phase.CLOSED:
        return last
    if standing.phase is Phase.CORE:
        return quote.touch(side) or last
    return quote.mid or last


def _check_buying_power(request: OrderRequest, reserve_price: Decimal, valuation: Valuation) -> None:
    cost = request.notional if request.qty is None else request.qty * reserve_price
    assert cost is not None
    if cost > valuation.buying_power:
        raise forbidden("insufficient buying power", buying_power=plain(valuation.buying_power), cost_basis=plain(cost))


def _check_held(request: OrderRequest, reserve_price: Decimal, standing: Standing) -> None:
    existing = abs(standing.position)
    closing = [order for order in standing.open_orders if order.side is request.side and order.holding > 0]
    kept = held(closing)
    available = max(ZERO, existing - kept)
    asked = request.qty if request.qty is not None else _shares(request.notional, reserve_price)
    # No order crosses zero, either: alpacahq/Alpaca-API#90. Shares stay with an order until its cancel is complete:
    # alpacahq/alpaca-trade-api-csharp#247.
    if asked > available:
        raise forbidden(
            f"insufficient qty available for order (requested: {plain(asked)}, available: {plain(available)})",
            available=plain(available),
            existing_qty=plain(existing),
            held_for_orders=plain(kept),
            related_orders=[order.id for order in closing],
            symbol=request.symbol,
        )


def _shares(notional: Decimal | None, price: Decimal) -> Decimal:
    return round((notional or ZERO) / price, 9) if price > 0 else ZERO
