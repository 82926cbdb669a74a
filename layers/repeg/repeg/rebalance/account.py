"""The account and the market, read for a plan: four trading requests, however many symbols there are."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from repeg.broker.port import Broker
from repeg.clock import MarketClock
from repeg.domain.market.reports import US_EQUITY, Asset, OrderReport, Position
from repeg.domain.market.sessions import EASTERN
from repeg.domain.models import direction
from repeg.domain.order.record import ZERO, Order
from repeg.domain.order.verdicts import Refusal
from repeg.domain.reasons import Reason, Status
from repeg.domain.rebalance.book import Book, Holding, Price, Targets
from repeg.domain.rebalance.legs import leg_id
from repeg.domain.rebalance.prices import BadPrice, worth_doubted
from repeg.domain.rebalance.record import Rebalance
from repeg.domain.rebalance.spoken import (
    filled_lately,
    shown_at,
    spent_lately,
    spoken_for,
    without_price,
    without_worth,
)
from repeg.domain.settings import SYMBOL, Settings
from repeg.rebalance.assets import assets_of
from repeg.rebalance.market import prices_of
from repeg.rebalance.rebalancer import Rebalancer
from repeg.store.orders import OrderStore
from repeg.store.shared import SharedStore

NEWEST = 100
"""Orders, the last to arrive, among which those that filled a moment ago are looked for: more than fill in 10 s."""


class Look(NamedTuple):
    """Cash in dollars and shares by symbol, and the book that a plan is made from, or why none can be made (now)."""

    cash: Decimal
    held: dict[str, Decimal]
    book: Book | Refusal
    passing: frozenset[str] = frozenset()
    """Symbols that cannot be traded at the moment, and may be soon."""
    settles_at: datetime | None = None
    """When the account will show what others of our orders filled a moment ago; None: it does."""
    arrived: tuple[tuple[str, datetime], ...] = ()
    """When the orders of ours arrived that were seen, by id: wall time."""


class Sources(NamedTuple):
    """Where all that a plan is made from is read."""

    broker: Broker
    orders: OrderStore
    shared: SharedStore
    settings: Settings


def look(at: Rebalancer, rebalance: Rebalance, clock: MarketClock) -> Look:
    """Read the account, its orders, the symbols' assets and their prices.

    Raises:
        RetryError: something could not be read, or no trading request is free.
        OperatorError: the keys or the data feed are refused.
    """
    sources = Sources(at.broker, at.worker.orders, at.shared, at.worker.settings())
    return look_at(sources, rebalance, clock.now())


def look_at(sources: Sources, rebalance: Rebalance, now: datetime) -> Look:
    """The same for whoever has no machine: `rebalance` need not be on record. `now` is market time.

    Raises:
        RetryError: something could not be read, or no trading request is free.
        OperatorError: the keys or the data feed are refused.
    """
    broker = sources.broker
    # Orders before positions: what is filled in between shows as held, and not as an order beside it.
    resting = broker.open_orders(every_buy=True)
    account, positions = broker.account(), broker.positions()
    held = {position.symbol: position.qty for position in positions}

    def refused(reason: Reason, detail: str) -> Look:
        return Look(account.cash, held, Refusal(reason=reason, detail=detail))

    if account.trading_blocked:
        return refused(Reason.BROKER_REJECTED, "the broker has blocked the account")
    targets = rebalance.wanted.targets
    symbols = sorted({*targets, *(each.symbol for each in positions if _ours_to_trade(each))})
    assets = assets_of(broker, sources.shared, symbols, now.astimezone(EASTERN).date())
    unknown = [symbol for symbol in targets if symbol not in assets]
    if unknown:
        return refused(Reason.NOT_TRADABLE, f"the broker does not know {', '.join(unknown)}")
    brackets, _ = sources.orders.several(sources.orders.holding_shares())
    every = brackets | _own_orders(sources.orders, rebalance)
    ours = [order for order in every.values() if not order.status.terminal]
    lately = [order for order in every.values() if filled_lately(order, now)]
    judged = prices_of(broker, {*symbols, *without_price(ours, resting, held)}, held, sources.settings, now)
    # Where an order only rests, a price that cannot be believed is as none.
    bad = [price for symbol, price in judged.items() if isinstance(price, BadPrice) and symbol in symbols]
    if bad:
        others = f" (and {len(bad) - 1} more)" if len(bad) > 1 else ""
        return refused(Reason.BAD_QUOTE, f"{bad[0].symbol}: {bad[0].why}{others}")
    prices = {symbol: price for symbol, price in judged.items() if isinstance(price, Price)}
    # What filled between the account and the positions would count in both, or in neither.
    after = broker.account()
    if after.cash != account.cash:
        moved = f"cash went from ${account.cash:,.2f} to ${after.cash:,.2f} while the positions were read"
        return refused(Reason.ACCOUNT_DISAGREES, moved)
    # A list that lacks a position would have it bought a second time, and a split that shows in one of two answers only
    # would have it sold or bought by a multiple: the broker's own sum is the witness.
    doubt = worth_doubted(account, positions, prices)
    if doubt:
        return refused(Reason.ACCOUNT_DISAGREES, doubt)
    protected = _protected(brackets.values())
    at_work = _at_work(ours, now) | _exits_unbooked(brackets.values(), resting) | _unshown(lately)
    holdings = tuple(_holding(each, protected) for each in positions)
    spoken, spent = spoken_for(ours, resting, prices, held), spent_lately(lately, held, now)
    book = Book(
        cash=account.cash,
        settled_cash=account.settled_cash,
        buying_power=account.buying_power,
        holdings=holdings,
        prices=prices,
        fractionable=frozenset(symbol for symbol in symbols if symbol in assets and assets[symbol].fractionable),
        spoken_for=spoken.dollars + spent.dollars,
        waiting=_untraded(assets, symbols) | at_work,
        unknown_cost=spoken.unknown or spent.unknown or without_worth(holdings, prices),
    )
    passing = frozenset({*at_work, *(symbol for symbol, price in prices.items() if price.obstacle)})
    arrived = tuple((order.order_id, order.ask.received_wall) for order in every.values())
    return Look(account.cash, held, book, passing, settles_at=shown_at(lately, now), arrived=arrived)


def _ours_to_trade(held: Position) -> bool:
    return held.asset_class == US_EQUITY and SYMBOL.fullmatch(held.symbol) is not None


def _protected(brackets: Iterable[Order]) -> dict[str, Decimal]:
    """Shares that brackets hold, by symbol; negative: short."""
    found: dict[str, Decimal] = {}
    for bracket in brackets:
        shares = bracket.unexited_qty * direction(bracket.trading_side)
        found[bracket.symbol] = found.get(bracket.symbol, ZERO) + shares
    return found


def _exits_unbooked(brackets: Iterable[Order], resting: Iterable[OrderReport]) -> dict[str, str]:
    """Symbols of brackets whose stop and target are not in the market any more: what they sold the sweep finds out.

    Until then the record counts shares that are gone, and what a rebalance holds of the symbol would pass for them.
    """
    listed = {report.broker_order_id for report in resting}
    gone = (
        bracket
        for bracket in brackets
        for oco in bracket.guard.protections
        if oco.guards and oco.broker_order_id and oco.broker_order_id not in listed
    )
    return {each.symbol: f"the stop or target of {each.order_id} was hit, and is not booked yet" for each in gone}


def _holding(held: Position, protected: dict[str, Decimal]) -> Holding:
    tradable = _ours_to_trade(held)
    return Holding(
        symbol=held.symbol,
        qty=held.qty,
        available=held.qty_available,
        protected=protected.get(held.symbol, ZERO),
        tradable=tradable,
        why="" if tradable else f"the broker lists it as {held.asset_class}",
        value=held.market_value,
    )


def _own_orders(store: OrderStore, rebalance: Rebalance) -> dict[str, Order]:
    """Orders of ours that are not over, and the newest ones, but for this rebalance's own legs."""
    own = {leg_id(rebalance, leg) for leg in (*rebalance.sells, *rebalance.buys)}
    orders, _ = store.several(sorted({*store.to_do(), *store.newest_ids(NEWEST)} - own))
    return orders


def _unshown(lately: Iterable[Order]) -> dict[str, str]:
    """Symbols whose shares may not be what the account shows: traded on them, they would be sold or bought twice."""
    return {
        order.symbol: f"{order.kind} {order.order_id} filled a moment ago, and need not show in the account yet"
        for order in lately
    }


def _at_work(ours: Iterable[Order], now: datetime) -> dict[str, str]:
    """Symbols in which an order is at work that does not wait for another session, and which."""
    found: dict[str, str] = {}
    for order in ours:
        parked_until = order.run.parked_until if order.status is Status.WAITING else None
        if parked_until is None or parked_until <= now:
            found.setdefault(
                order.symbol, f"{order.kind} {order.order_id} of signal {order.signal_id} is at work in it"
            )
    return found


def _untraded(assets: dict[str, Asset], symbols: list[str]) -> dict[str, str]:
    known = {symbol: assets.get(symbol) for symbol in symbols}
    return {
        symbol: "the broker does not trade it" for symbol, asset in known.items() if asset is None or not asset.tradable
    }


def targets_of(rebalance: Rebalance, settings: Settings) -> Targets:
    """What is wanted, as the planner takes it."""
    wanted = rebalance.wanted
    return Targets(
        weights=wanted.targets,
        threshold=wanted.threshold,
        min_trade_notional=wanted.min_trade_notional,
        cash_buffer=wanted.cash_buffer,
        liquidate_others=wanted.liquidate_others,
        include_protected=wanted.include_protected,
        margin=settings.rebalance_margin,
    )
