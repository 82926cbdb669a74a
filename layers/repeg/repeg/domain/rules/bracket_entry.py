"""What a bracket needs before its entry may be sent: its terms, its size, and a look at position and asset."""

from __future__ import annotations

from decimal import Decimal
from typing import Protocol

from repeg.domain.ladder.pricing import ZERO, Cap, CapBound
from repeg.domain.ladder.rungs import build_ladder
from repeg.domain.market.quotes import Quote
from repeg.domain.market.reports import Asset
from repeg.domain.models import direction
from repeg.domain.money import floor_qty
from repeg.domain.order.course import under_way
from repeg.domain.order.guarding import at_levels
from repeg.domain.order.record import Order
from repeg.domain.order.verdicts import Refusal
from repeg.domain.reasons import Reason
from repeg.domain.rules.sizing import for_shares
from repeg.domain.rules.timing import asset_problem, classified, ladder_of, measured_by
from repeg.domain.settings import Settings


class Shares(Protocol):
    """What an account holds of a symbol, negative for a short."""

    @property
    def qty(self) -> Decimal: ...


def position_problem(order: Order, position: Shares | None) -> Refusal | None:
    """A bracket neither turns a position around nor reduces it."""
    if position is None or position.qty * direction(order.trading_side) >= 0:
        return None
    held = f"{abs(position.qty)} shares {'long' if position.qty > 0 else 'short'}"
    return Refusal(reason=Reason.OPPOSITE_POSITION, detail=f"the account is {held}; close them first")


def short_problem(asset: Asset | None) -> Refusal | None:
    """Why the symbol cannot be sold short, or None."""
    problem = asset_problem(asset)
    if problem or asset is None:
        return problem
    # What is hard to borrow cannot be had at Alpaca, and what becomes so overnight loses its open orders
    # (docs.alpaca.markets/docs/orders-at-alpaca).
    if asset.shortable and asset.easy_to_borrow:
        return None
    return Refusal(reason=Reason.NOT_SHORTABLE, detail="the broker does not lend the symbol for a short sale")


def with_terms(order: Order, settings: Settings, outside_session: bool) -> Order:
    """The bracket with cap, minimum R/R and entry buffer as the settings have them now; they stay as they are."""
    order = classified(order, settings).with_terms(outside_session=outside_session)
    if order.terms.bracket is None:
        return order
    if order.terms.max_slippage_bps is None:
        # The legacy way is the baseline that everything else is measured against: it keeps the signal's levels.
        return order.with_terms(bracket=order.terms.bracket.changed(anchor="signal"))
    bracket = order.terms.bracket
    cap = Cap(bps=order.terms.max_slippage_bps, floor=ZERO, bound=CapBound.SETTING)
    cap = cap.at_least(bracket.signal_price, settings.cap_floor_ticks)
    order = order.with_terms(cap_floor=cap.floor, cap_bound=cap.bound)
    terms = {"cap_bps": cap.bps, "cap_floor": cap.floor, "min_rr": settings.SMART_EXECUTOR_MIN_RR_RATIO}
    regular, extended = settings.SMART_EXECUTOR_LIMIT_BUFFER_REGULAR, settings.SMART_EXECUTOR_LIMIT_BUFFER_EXTENDED
    return order.with_terms(bracket=bracket.changed(**terms), entry_buffer=extended if outside_session else regular)


def exits_moved_ahead(order: Order, stop: Decimal | None, target: Decimal | None) -> Order:
    """The bracket, of which no OCO was written down yet, with its exits where an adjust puts them."""
    if order.terms.bracket is None:
        return order
    moved = order.terms.bracket.changed(
        moved_stop=stop or order.terms.bracket.moved_stop, moved_target=target or order.terms.bracket.moved_target
    )
    return at_levels(order.with_terms(bracket=moved), moved.levels_at(order.avg_fill_price or moved.signal_price))


def refused_at(order: Order, quote: Quote) -> Refusal | None:
    """Why nothing is sent at this quote, with the R/R at the price to be had; None: it may be sent."""
    if order.terms.bracket is None:
        return None
    price, problem = order.terms.bracket.look(quote, order.terms.entry_buffer)
    if problem is None:
        return None
    ratio = order.terms.bracket.levels_at(price).risk_reward(price, order.terms.bracket.side)
    return Refusal(reason=problem.reason, detail=problem.detail, risk_reward=ratio, seen=quote)


def released_bracket(order: Order, quote: Quote, settings: Settings) -> Order | Refusal:
    """The order with its ladder and its size fixed. `order` carries its terms; an amount becomes whole shares."""
    if order.terms.bracket is None:
        raise ValueError(f"{order.order_id} is no bracket")
    smart = order.terms.bracket.cap_bps is not None
    limit = order.terms.bracket.limit(order.terms.entry_buffer)
    plan = build_ladder(order.terms.ladder or ladder_of(order, settings), settings, quote, limit)
    if order.ask.notional is not None:
        price = limit if smart else quote.touch(order.trading_side)
        # Whole shares, since an OCO takes no others.
        qty = floor_qty(order.ask.notional / price, fractionable=False)
        if qty == 0:
            detail = f"${order.ask.notional} is less than one share at {price}"
            return Refusal(reason=Reason.NOTIONAL_TOO_SMALL, detail=detail)
        order = for_shares(order, qty)
    return measured_by(under_way(order), quote).with_terms(plan=plan)
