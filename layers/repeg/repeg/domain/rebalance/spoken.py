"""What orders that rest may still take of the cash: theirs by what the broker lists, ours by what they want.

The broker names one figure that is less what rests, the buying power, and with margin that is a multiple of the cash.
So every order is counted, and one whose cost cannot be told is no zero: then nothing is bought (`Book.unknown_cost`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from repeg.domain.market.quotes import Quote
from repeg.domain.market.reports import OrderReport
from repeg.domain.order.children import ChildRecord
from repeg.domain.order.record import Order
from repeg.domain.patience import SHOWS_AFTER
from repeg.domain.rebalance.book import ZERO, Holding, Price
from repeg.domain.settings import SYMBOL

# Alpaca's support pages have a market order filled no farther than two to five per cent off the quote that it came at,
# and a buy stop becomes a limit 2.5 or 4 % above it (docs.alpaca.markets/docs/orders-at-alpaca).
COLLAR = Decimal("1.05")
"""Times the market's price, or the stop's, that an order without a limit may cost."""


class SpokenFor(NamedTuple):
    """Dollars that resting orders may take, and why it may be more than can be told, in words, if so."""

    dollars: Decimal
    unknown: str = ""


def without_price(ours: Iterable[Order], resting: Iterable[OrderReport], held: Mapping[str, Decimal]) -> set[str]:
    """Symbols whose price tells what resting orders may cost, as the orders themselves do not."""
    theirs = {each.symbol for each in resting if _opens(each.symbol, each.side, held) and not _named(each)}
    own = {each.symbol for each in ours if _opens(each.symbol, each.side, held) and not each.ask.notional}
    return {symbol for symbol in theirs | own if SYMBOL.fullmatch(symbol)}


def priced_by(quote: Quote) -> Price:
    """The price of a symbol by its quote alone: what an order of ours may cost in it at most."""
    worst_buy, worst_sell = quote.ask * COLLAR, quote.bid / COLLAR
    return Price(
        symbol=quote.symbol,
        bid=quote.bid,
        ask=quote.ask,
        mark=quote.mid,
        worst_buy=worst_buy,
        worst_sell=worst_sell,
    )


def spoken_for(
    ours: Sequence[Order], resting: Iterable[OrderReport], prices: Mapping[str, Price], held: Mapping[str, Decimal]
) -> SpokenFor:
    """What orders may still spend. `held`: shares by symbol; what buys a short back is kept for it elsewhere."""
    # Ours are counted by their records: one that was sent a moment ago is not listed yet (it takes 150 to 250 ms), nor
    # is one whose answer was lost.
    sent = {
        name for order in ours for child in order.children for name in (child.client_order_id, child.broker_order_id)
    }
    theirs = [each for each in resting if not {each.client_order_id, each.broker_order_id} & sent]
    costs = [
        *((each.symbol, _their_cost(each, prices.get(each.symbol))) for each in theirs if _buys(each, held)),
        *((each.symbol, _our_cost(each, prices.get(each.symbol))) for each in ours if _buys(each, held)),
    ]
    unknown = sorted({symbol for symbol, cost in costs if cost is None})
    why = f"an order to buy {', '.join(unknown)} rests, and what it may cost cannot be told" if unknown else ""
    return SpokenFor(sum((cost for _, cost in costs if cost is not None), ZERO), why)


def filled_lately(order: Order, now: datetime) -> bool:
    """True when shares of it may have been filled so lately that the account need not show them."""
    return any(_is_late(child, now) for child in order.children)


def shown_at(lately: Iterable[Order], now: datetime) -> datetime | None:
    """When the account shows for certain what orders filled lately; None: it does."""
    times = [_over_at(child, now) for order in lately for child in order.children if _is_late(child, now)]
    return max(times) + SHOWS_AFTER if times else None


def spent_lately(ours: Iterable[Order], held: Mapping[str, Decimal], now: datetime) -> SpokenFor:
    """What orders of ours have bought so lately that the cash need not be less of it yet.

    If it is less already, it counts twice, and less is bought for it; else it would be spent twice.
    """
    costs = [
        (order.symbol, _cost_of(child))
        for order in ours
        for child in order.children
        if _is_late(child, now) and _opens(order.symbol, order.side, held)
    ]
    unknown = sorted({symbol for symbol, cost in costs if cost is None})
    why = f"{', '.join(unknown)} was bought a moment ago, and for what cannot be told" if unknown else ""
    return SpokenFor(sum((cost for _, cost in costs if cost is not None), ZERO), why)


def _is_late(child: ChildRecord, now: datetime) -> bool:
    # Both ways, as clocks differ by moments. What filled long after now did so before a clock was set back: a plan that
    # waited for that time to come again would wait for hours.
    return child.filled_qty > 0 and abs(now - _over_at(child, now)) < SHOWS_AFTER


def _over_at(child: ChildRecord, now: datetime) -> datetime:
    # Of one that rests nobody knows when its shares were filled.
    return child.closed_at or (child.sent_at if child.status.closed else now)


def _cost_of(child: ChildRecord) -> Decimal | None:
    price = child.avg_fill_price or child.limit_price
    return child.filled_qty * price if price else None


def without_worth(holdings: Iterable[Holding], prices: Mapping[str, Price]) -> str:
    """Why it cannot be told what it takes to buy back what is short, in words; or empty."""
    unknown = [each.symbol for each in holdings if each.qty < 0 and each.symbol not in prices and each.value is None]
    return f"what it may cost to buy back {', '.join(sorted(unknown))} cannot be told" if unknown else ""


def _opens(symbol: str, side: str | None, held: Mapping[str, Decimal]) -> bool:
    # The legs of a short's protection buy, too, and cover what the plan keeps the cash for.
    return side == "buy" and held.get(symbol, ZERO) >= 0


def _buys(order: Order | OrderReport, held: Mapping[str, Decimal]) -> bool:
    return _opens(order.symbol, order.side, held)


def _named(report: OrderReport) -> bool:
    return bool(report.notional or report.limit_price)


def _their_cost(report: OrderReport, price: Price | None) -> Decimal | None:
    if report.notional:
        return max(ZERO, report.notional - report.filled_qty * (report.avg_fill_price or ZERO))
    units = (report.qty - report.filled_qty) * report.multiplier
    if report.limit_price:
        return units * report.limit_price
    market = _market(price)
    # Of a stop that the market has gone through no more than the market's price is known.
    highest = max(report.stop_price or ZERO, market)
    return units * highest * COLLAR if highest > 0 else None


def _our_cost(order: Order, price: Price | None) -> Decimal | None:
    if order.ask.notional:
        return max(ZERO, order.ask.notional - order.filled_qty * (order.avg_fill_price or ZERO))
    child, market = order.open_child, _market(price)
    at_market = market * COLLAR if child is not None and child.type == "market" else ZERO
    resting_at = (child.limit_price if child is not None else None) or ZERO
    worst = price.worst_buy if price is not None and market > 0 else (order.signal_price or ZERO) * COLLAR
    highest = max(worst, resting_at, at_market, order.signal_price or ZERO)
    shares = max(ZERO, (order.wanted_qty or ZERO) - order.filled_qty)
    return shares * highest if highest > 0 or not shares else None


def _market(price: Price | None) -> Decimal:
    # A symbol without quote, trade and close is marked at nothing.
    if price is None or price.mark <= 0:
        return ZERO
    return price.mark if price.problem else max(price.mark, price.ask)
