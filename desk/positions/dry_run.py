"""What an order would be now: class, ladder, cap and first limit, by the functions that orders are worked by.

Nothing is sent or written. Six trading requests: for keys, clock, account, position, asset, and the calendar if the
stack keeps none.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from desk.doctor.case import Case
from desk.doctor.market import broker, calendar, market_now
from desk.doctor.settings import read_settings
from repeg.domain.book import Book, Held
from repeg.domain.case import Case as Sent
from repeg.domain.halt import halt_of, refusal
from repeg.domain.limits import refused
from repeg.domain.market.quotes import Quote, quote_rules
from repeg.domain.market.reports import Account, Asset, Position, TradingDay
from repeg.domain.models import Frozen
from repeg.domain.money import plain
from repeg.domain.order.beginnings import trading
from repeg.domain.order.bracket import Levels
from repeg.domain.order.record import ZERO, Order
from repeg.domain.order.verdicts import Refusal, Wait
from repeg.domain.order.views import json_value
from repeg.domain.reasons import Reason
from repeg.domain.rules.bracket_entry import (
    position_problem,
    refused_at,
    released_bracket,
    short_problem,
    with_terms,
)
from repeg.domain.rules.sizing import Sizing, for_shares, limit_sell, size_close, sized
from repeg.domain.rules.timing import asset_problem, cap_price, classified, released, session_verdict, size_notional
from repeg.domain.rules.walking import is_exit, price_of, write_intent
from repeg.domain.settings import Settings
from repeg.domain.signals.intake import accepted_order
from repeg.domain.signals.parsing import OrderRequest


class Seen(Frozen):
    """What settings, account and market say now. `session`: the one that is open, else the next."""

    now: datetime
    settings: Settings
    session: TradingDay | None
    quote: Quote | None
    doubt: Refusal | None
    """Why the quote would not be traded on."""
    position: Position | None
    account: Account
    asset: Asset | None


def dry_run(case: Case, signal: OrderRequest) -> dict[str, Any]:
    """What would be done with the signal now, JSON-ready.

    Raises:
        Trouble: keys, clock or settings are not as they must be.
        RepegError: the broker could not be asked.
    """
    now, days = market_now(case), case.fact(calendar)
    settings = case.fact(read_settings).in_force
    order = classified(accepted_order(signal, now, case.wall(), case.wall()), settings)
    account = case.fact(broker)
    looked = account.snapshot(order.symbol, settings.feed_witnesses)
    rules = quote_rules(settings, any_width=is_exit(order))
    problem = rules.problem(looked, now)
    seen = Seen(
        now=now,
        settings=settings,
        session=days.session_at(now) or days.next_session(now),
        # One side of a market is none to price from.
        quote=looked.quote if looked.quote and problem is not Reason.NO_QUOTE else None,
        doubt=Refusal(reason=problem, detail=rules.doubt(looked, now) or "no quote to trade on") if problem else None,
        position=account.urgent().position(order.symbol),
        account=account.urgent().account(),
        asset=account.urgent().asset(order.symbol),
    )
    halt = halt_of(case.orders.halts(), order)
    order, priced = _released(order, seen)
    verdicts = (
        refusal(halt) if halt else None,
        session_verdict(order, days, now, settings),
        _account_problem(order, seen),
        None if is_exit(order) else seen.doubt,
        priced,
        _beyond_limits(order, seen, looked.last_price),
        _too_dear(order, seen),
    )
    verdict = next((each for each in verdicts if each), None)
    return _document(order, seen, verdict)


def _released(order: Order, seen: Seen) -> tuple[Order, Refusal | None]:
    """The order with its terms as far as they can be had, and why it would not be worked at this price and size."""
    if order.kind == "bracket":
        return _bracket(order, seen)
    sizing = _sizing(order, seen)
    if isinstance(sizing, Refusal):
        return order, sizing
    side = sizing.side if sizing else order.trading_side
    if seen.session is None or (seen.quote is None and not is_exit(order)):
        return trading(order, side), None
    order = released(order, side, seen.quote, seen.session, seen.now, seen.settings)
    if order.ask.notional is not None:
        if seen.asset is None:
            return order, None
        qty = size_notional(order.ask.notional, cap_price(order), seen.asset)
        if isinstance(qty, Refusal):
            return order, qty
        return (sized(order, sizing, qty) if sizing else for_shares(order, qty)), None
    return (sized(order, sizing) if sizing else order), None


def _bracket(order: Order, seen: Seen) -> tuple[Order, Refusal | None]:
    order = with_terms(order, seen.settings, outside_session=False)
    if seen.quote is None:
        return order, None
    ready = released_bracket(order, seen.quote, seen.settings)
    if isinstance(ready, Refusal):
        return order, ready
    return ready, refused_at(order, seen.quote)


def _sizing(order: Order, seen: Seen) -> Sizing | Refusal | None:
    """Side and shares, where what the account holds decides."""
    if order.kind == "close":
        # A close takes down what protects the shares that it needs: what orders hold counts as free.
        held = seen.position.changed(qty_available=seen.position.qty) if seen.position else None
        return size_close(held, order.wanted_qty)
    return limit_sell(seen.position, order.wanted_qty) if order.side == "sell" else None


def _account_problem(order: Order, seen: Seen) -> Refusal | None:
    if order.kind == "bracket":
        lent = short_problem(seen.asset) if order.side == "sell" else asset_problem(seen.asset)
        return lent or position_problem(order, seen.position)
    return None if is_exit(order) else asset_problem(seen.asset)


def _beyond_limits(order: Order, seen: Seen, last: Decimal | None) -> Refusal | None:
    """Which limit its first child order would exceed, of those that need no count of what else was sent."""
    if not order.terms.plan:
        return None
    held = (
        Held(qty=seen.position.qty, value=seen.position.market_value) if seen.position else Held(qty=ZERO, value=ZERO)
    )
    account = seen.account
    book = Book(
        at=seen.now,
        positions={order.symbol: held},
        equity=account.equity,
        last_equity=account.last_equity,
        cash=account.cash,
    )
    child = write_intent(order, order.terms.plan[0], seen.quote, seen.now)
    return refused(Sent(order=order, child=child, settings=seen.settings, now=seen.now, last=last, book=book))


def _too_dear(order: Order, seen: Seen) -> Refusal | None:
    cost = _cost(order, seen)
    if order.side != "buy" or is_exit(order) or cost is None or cost <= seen.account.buying_power:
        return None
    detail = f"up to ${cost:,.2f} are needed, the buying power is ${seen.account.buying_power:,.2f}"
    return Refusal(reason=Reason.INSUFFICIENT_BUYING_POWER, detail=detail)


def _cost(order: Order, seen: Seen) -> Decimal | None:
    """Dollars at the worst price that would be paid; of what has no cap, at the touch."""
    worst = _worst(order) or (seen.quote.touch(order.side) if seen.quote and order.side else None)
    qty = order.remaining_qty if order.terms.requested_qty else None
    return (qty * worst).quantize(Decimal("0.01")) if worst and qty else None


def _worst(order: Order) -> Decimal | None:
    return order.terms.bracket.worst if order.terms.bracket else order.worst_price


def _document(order: Order, seen: Seen, verdict: Refusal | Wait | None) -> dict[str, Any]:
    terms, quote, bracket = order.terms, seen.quote, order.terms.bracket
    price = price_of(order, terms.plan[0], quote) if terms.plan else None
    entry = bracket.entry_price(quote, terms.entry_buffer) if bracket and quote else None
    levels = bracket.levels_at(entry) if bracket and entry else None
    would = "refuse" if isinstance(verdict, Refusal) else "wait" if verdict else "work"
    return {
        "at": json_value("at", seen.now),
        "would": would,
        "reason": verdict.reason.value if isinstance(verdict, Refusal) else None,
        "detail": _words(verdict),
        "symbol": order.symbol,
        "side": order.side,
        "qty": plain(order.remaining_qty) if terms.requested_qty else None,
        "symbol_class": terms.symbol_class,
        "ladder": terms.ladder,
        "rungs": len(terms.plan),
        "max_slippage_bps": json_value("cap", terms.max_slippage_bps),
        "reference_price": json_value("reference_price", terms.reference_price),
        "worst_price": json_value("worst", _worst(order)),
        "first": {"type": price.type, "limit_price": json_value("limit", price.limit_price)} if price else None,
        **_exits(levels, entry, order),
        "bid": json_value("bid", quote and quote.bid),
        "ask": json_value("ask", quote and quote.ask),
        "cost": json_value("cost", _cost(order, seen)),
        "buying_power": plain(seen.account.buying_power),
        "position": plain(seen.position.qty) if seen.position else "0",
    }


def _exits(levels: Levels | None, entry: Decimal | None, order: Order) -> dict[str, Any]:
    """Stop and target of an entry at the price that is to be had now."""
    if levels is None or entry is None or order.side is None:
        return {"stop_loss": None, "take_profit": None, "risk_reward": None}
    return {
        "stop_loss": plain(levels.stop),
        "take_profit": plain(levels.target),
        "risk_reward": json_value("risk_reward", levels.risk_reward(entry, order.side)),
    }


def _words(verdict: Refusal | Wait | None) -> str | None:
    if verdict is None:
        return None
    return verdict.detail if isinstance(verdict, Refusal) else verdict.sentence
