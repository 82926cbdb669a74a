"""May this order be worked now? Verdicts before anything is sent, in the order in which reasons take precedence."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from repeg.domain.ladder.opening import opening_cap
from repeg.domain.ladder.pricing import ZERO, Cap, CapBound, worst_price
from repeg.domain.ladder.routing import cap_bps, classify, route
from repeg.domain.ladder.rungs import LadderName, PriceRule, Rung, build_ladder, first_patience
from repeg.domain.market.quotes import Quote
from repeg.domain.market.reports import US_EQUITY, Asset, TradingDay
from repeg.domain.market.sessions import Calendar, Phase, in_new_york
from repeg.domain.models import Side
from repeg.domain.money import BPS, DOLLAR, floor_qty, plain, too_small
from repeg.domain.order.beginnings import trading
from repeg.domain.order.course import under_way
from repeg.domain.order.record import Order
from repeg.domain.order.verdicts import Refusal, Wait, WaitingFor
from repeg.domain.patience import BARE_WHILE_CLOSING, TURN_BACKOFF_SECONDS, backoff
from repeg.domain.reasons import Reason
from repeg.domain.rules.parking import parked_seconds, wait_seconds_for
from repeg.domain.rules.walking import is_exit, may_start
from repeg.domain.settings import Settings


def bare_for_long(order: Order, now: datetime) -> bool:
    """True when what a close answers for is not protected for too long, and nothing is being sold."""
    # What an entry bought that it ended never had protection to take down: its shares are bare from the start.
    since = order.close.released_at or (order.first_sent_at if order.close.released else None)
    return since is not None and now - since >= BARE_WHILE_CLOSING


def session_verdict(order: Order, calendar: Calendar, now: datetime, settings: Settings) -> Wait | Refusal | None:
    """Expired, waiting for the open, refused because the market is (nearly) closed, or None: go on."""
    if order.run.expires_at and now >= order.run.expires_at:
        return Refusal(reason=Reason.EXPIRED, detail=f"expired at {in_new_york(order.run.expires_at)}")
    session, upcoming = calendar.session_at(now), calendar.next_session(now)
    if session:
        return _too_late(order, session.closes_at, upcoming, now, settings)
    extended_until = calendar.extended_until(now) if calendar.phase(now) is Phase.CLOSED else None
    if order.ask.extended_hours and extended_until:
        refused = _extended_problem(order, settings)
        if refused is None:
            return _too_late(order, extended_until, upcoming, now, settings)
        if order.ask.when_closed != "next_open":
            return refused
    waits = calendar.phase(now) is Phase.BEFORE_OPEN or order.ask.when_closed == "next_open"
    if upcoming is None or not waits:
        opens = f"; next open {in_new_york(upcoming.opens_at)}" if upcoming else ""
        return Refusal(reason=Reason.MARKET_CLOSED, detail=f"the regular session is closed{opens}")
    why = f"waits for the open, {in_new_york(upcoming.opens_at)}"
    return Wait(
        seconds=parked_seconds(order, upcoming, now), on=WaitingFor.OPEN, words=why, parked_until=upcoming.opens_at
    )


def _too_late(
    order: Order, closes_at: datetime, upcoming: TradingDay | None, now: datetime, settings: Settings
) -> Wait | Refusal | None:
    """Entries need their first rung's patience before the close; exits run until just before it."""
    # Of the first rung only the patience counts: there is no quote yet to build a ladder from.
    first = Rung(rule=PriceRule.MARKET, patience=first_patience(ladder_of(order, settings), settings))
    if may_start(order, first, closes_at, now):
        return None
    why = f"too close to the close, {in_new_york(closes_at)}"
    if order.ask.when_closed == "next_open" and upcoming:
        seconds = wait_seconds_for((closes_at - now).total_seconds())
        return Wait(seconds=seconds, on=WaitingFor.TOO_LATE, words=why, parked_until=upcoming.opens_at)
    return Refusal(reason=Reason.MARKET_CLOSED, detail=why)


def _extended_problem(order: Order, settings: Settings) -> Refusal | None:
    """Outside the session only limits trade and nothing protects: both must be wanted."""
    needed = ("SMART_EXECUTOR_ENABLE_EXTENDED_HOURS", "USE_SMART_EXECUTOR")
    off = [name for name in needed if not getattr(settings, name)]
    if off:
        detail = f"extended hours are switched off ({' and '.join(off)})"
        return Refusal(reason=Reason.EXTENDED_HOURS_DISABLED, detail=detail)
    if order.ask.unprotected_ok:
        return None
    detail = "no stop works before the next open; say unprotected_ok to hold the position until then"
    return Refusal(reason=Reason.EXTENDED_UNPROTECTED, detail=detail)


def ladder_of(order: Order, settings: Settings) -> LadderName:
    """The ladder that the order takes."""
    if is_exit(order):
        return LadderName.UNWIND
    if order.kind == "bracket":
        return LadderName.SMART_LIMIT if settings.USE_SMART_EXECUTOR else LadderName.MARKET
    return order.ask.ladder or route(classify(order.symbol, settings), settings)


def turn_backoff(waits: int) -> int:
    """Seconds before the order asks for its turn again: 1, 2, 5, 10, 10 ..."""
    return backoff(TURN_BACKOFF_SECONDS, waits)


def size_notional(notional: Decimal, worst: Decimal, asset: Asset) -> Decimal | Refusal:
    """Shares that `notional` dollars buy at the worst price, floored to what the asset allows."""
    if notional < DOLLAR:
        return Refusal(reason=Reason.NOTIONAL_TOO_SMALL, detail="the smallest amount is $1")
    # At the worst price: no fill then costs more than the amount.
    qty = floor_qty(notional / worst, asset.fractionable)
    if qty == 0:
        return Refusal(reason=Reason.NOTIONAL_TOO_SMALL, detail=f"${notional} is less than one share at {worst}")
    return qty


def within_cost(order: Order, qty: Decimal, cost: Decimal) -> Order | Refusal:
    """The released leg of a rebalance, cut to what the dollars set aside for it buy at its worst price."""
    # Its price may have risen since the plan: at the planned quantity, the legs together would cost more than there is.
    most = floor_qty(cost / cap_price(order), fractionable=qty != qty.to_integral_value())
    if most >= qty:
        return order
    if too_small(most, cap_price(order)):
        detail = f"${plain(cost)} were set aside for it, which is too little at {cap_price(order)}"
        return Refusal(reason=Reason.NOTIONAL_TOO_SMALL, detail=detail)
    return order.with_terms(working_qty=most, cut=Reason.CUT_TO_CASH)


def asset_problem(asset: Asset | None) -> Refusal | None:
    """Why the asset cannot be traded, or None."""
    if asset is None:
        return Refusal(reason=Reason.NOT_TRADABLE, detail="the broker does not know the symbol")
    if not asset.tradable:
        return Refusal(reason=Reason.NOT_TRADABLE, detail="the broker does not trade the symbol")
    return class_problem(asset)


def class_problem(asset: Asset | None) -> Refusal | None:
    """Why an asset is none of ours to trade, or None. One that the broker does not know says nothing."""
    # An exit asks only because there is no quote: an answer that does not come must not keep it from its market.
    if asset is None or asset.asset_class == US_EQUITY:
        return None
    return Refusal(reason=Reason.NOT_TRADABLE, detail=f"the broker lists it as {asset.asset_class}, not as {US_EQUITY}")


def classified(order: Order, settings: Settings) -> Order:
    """The order with its class, ladder and cap. Exits have no cap, nor have brackets the legacy way."""
    symbol_class = classify(order.symbol, settings)
    if order.kind == "bracket":
        cap = settings.SMART_EXECUTOR_MAX_SLIPPAGE_PCT * BPS if settings.USE_SMART_EXECUTOR else None
    else:
        cap = None if is_exit(order) else order.ask.cap_bps or cap_bps(symbol_class, settings)
    return order.with_terms(symbol_class=symbol_class, ladder=ladder_of(order, settings), max_slippage_bps=cap)


def released(
    order: Order, side: Side, quote: Quote | None, session: TradingDay, now: datetime, settings: Settings
) -> Order:
    """The order with all that its execution needs fixed: class, ladder, cap, and the quote it is measured by."""
    order = classified(order, settings)
    cap = _cap(order, quote.mid, session, now, settings) if quote else None
    if cap:
        order = order.with_terms(max_slippage_bps=cap.bps, cap_floor=cap.floor, cap_bound=cap.bound)
    plan = build_ladder(ladder_of(order, settings), settings, quote)
    order = measured_by(trading(under_way(order), side), quote)
    return order.with_terms(plan=plan, reference_price=quote.mid if quote else None)


def measured_by(order: Order, quote: Quote | None) -> Order:
    """The order with the quote on its arrival, if there was one, which its shortfall is measured by."""
    return order.with_terms(arrival_bid=quote.bid if quote else None, arrival_ask=quote.ask if quote else None)


def _cap(order: Order, reference: Decimal, session: TradingDay, now: datetime, settings: Settings) -> Cap | None:
    """How far from the reference price the order may trade; its signal's own word is never widened."""
    if order.terms.max_slippage_bps is None:
        return None
    if order.ask.cap_bps:
        return Cap(bps=order.ask.cap_bps, floor=ZERO, bound=CapBound.SIGNAL)
    cap = Cap(bps=order.terms.max_slippage_bps, floor=ZERO, bound=CapBound.SETTING)
    return opening_cap(cap, reference, session, now, order.run.opening).at_least(reference, settings.cap_floor_ticks)


def cap_price(order: Order) -> Decimal:
    """The price at which a notional is turned into shares: the worst price that the cap allows.

    Raises:
        ValueError: the order has not been released, or carries no cap.
    """
    if order.terms.reference_price is None or order.terms.max_slippage_bps is None:
        raise ValueError(f"{order.order_id} has no cap")
    return worst_price(
        order.terms.reference_price, order.terms.max_slippage_bps, order.trading_side, order.terms.cap_floor
    )
