"""Accounts to plan a rebalance on: what a test does not name is a quiet margin account at exact prices."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal

from repeg.domain.money import BPS
from repeg.domain.reasons import Reason
from repeg.domain.rebalance.book import Book, Holding, Price, Targets
from repeg.domain.rebalance.planned import Leg, Plan

Number = Decimal | int | str


def price(symbol: str, mark: Number, cap_bps: Number = 0, problem: Reason | None = None, why: str = "") -> Price:
    """A price of which slippage may take `cap_bps`."""
    at, cap = Decimal(mark), Decimal(cap_bps) / BPS
    return Price(
        symbol=symbol, bid=at, ask=at, mark=at, worst_buy=at * (1 + cap), worst_sell=at * (1 - cap),
        problem=problem, why=why,
    )  # fmt: skip


def held(symbol: str, qty: Number, protected: Number = 0, by_orders: Number = 0, tradable: bool = True) -> Holding:
    """A holding; brackets hold `protected` of it, and orders that are not ours `by_orders`."""
    shares = Decimal(qty)
    taken = (Decimal(protected) + Decimal(by_orders)).copy_sign(shares)
    return Holding(
        symbol=symbol, qty=shares, available=shares - taken, protected=Decimal(protected), tradable=tradable,
        why="" if tradable else "an option",
    )  # fmt: skip


def book(
    cash: Number,
    holdings: Iterable[Holding] | Mapping[str, Number] = (),
    marks: Mapping[str, Number] | Iterable[Price] = (),
    *,
    whole: Iterable[str] = (),
    settled_cash: Number | None = None,
    buying_power: Number | None = None,
    spoken_for: Number = 0,
    waiting: Mapping[str, str] | None = None,
) -> Book:
    """An account; every symbol is fractionable but those that are `whole`. It could borrow as much as it is worth."""
    shares = tuple(held(*each) for each in holdings.items()) if isinstance(holdings, Mapping) else tuple(holdings)
    prices = [price(*each) for each in marks.items()] if isinstance(marks, Mapping) else list(marks)
    by_symbol = {each.symbol: each for each in prices}
    money = Decimal(cash)
    worth = money + sum(
        (each.qty * by_symbol[each.symbol].mark for each in shares if each.symbol in by_symbol), Decimal(0)
    )
    return Book(
        cash=money,
        settled_cash=None if settled_cash is None else Decimal(settled_cash),
        buying_power=max(Decimal(0), 2 * worth) if buying_power is None else Decimal(buying_power),
        holdings=shares,
        prices=by_symbol,
        fractionable=frozenset(by_symbol) - frozenset(whole),
        spoken_for=Decimal(spoken_for),
        waiting=dict(waiting or {}),
    )


def targets(
    weights: Mapping[str, Number],
    *,
    threshold: Number = "0.01",
    min_trade: Number = 5,
    buffer: Number = 0,
    others: bool = True,
    protected: bool = False,
    margin: bool = False,
) -> Targets:
    """What is wanted; without a cash buffer unless one is named."""
    return Targets(
        weights={symbol: Decimal(weight) for symbol, weight in weights.items()},
        threshold=Decimal(threshold),
        min_trade_notional=Decimal(min_trade),
        cash_buffer=Decimal(buffer),
        liquidate_others=others,
        include_protected=protected,
        margin=margin,
    )


def shares_of(legs: Iterable[Leg]) -> dict[str, Decimal]:
    """Legs by symbol: shares bought (+) or sold."""
    return {leg.symbol: leg.qty if leg.side == "buy" else -leg.qty for leg in legs}


def why_left(planned: Plan) -> dict[str, str]:
    """What the plan does not reach, by symbol, and why."""
    return {each.symbol: each.why for each in planned.residual}


def filled(before: Book, legs: Iterable[Leg]) -> Book:
    """The account once every leg was filled at its mark; what is sold settles at once."""
    shares = {each.symbol: each for each in before.holdings}
    cash = before.cash
    for leg in legs:
        change = leg.qty if leg.side == "buy" else -leg.qty
        old = shares.get(leg.symbol) or held(leg.symbol, 0)
        protected = min(old.protected, abs(old.qty + change)) if leg.by_close else old.protected
        shares[leg.symbol] = old.changed(
            qty=old.qty + change, available=old.available + change + (old.protected - protected).copy_sign(old.qty),
            protected=protected,
        )  # fmt: skip
        cash -= change * leg.mark
    settled = None if before.settled_cash is None else before.settled_cash + cash - before.cash
    left = tuple(each for each in shares.values() if each.qty != 0)
    return before.changed(cash=cash, settled_cash=settled, holdings=left)
