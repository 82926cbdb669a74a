"""What happens next to an order that is being worked: the next rung, how long to wait, and its figures."""

from __future__ import annotations

import math
from datetime import datetime
from decimal import Decimal
from itertools import takewhile

from repeg.domain.ladder.pricing import ChildPrice, cap_distance, off_the_wall, price_rung, slippage_bps
from repeg.domain.ladder.rungs import LadderName, PriceRule, Rung
from repeg.domain.market.quotes import Quote
from repeg.domain.market.sessions import leaves_time_for
from repeg.domain.models import Frozen, Intent, direction
from repeg.domain.money import beyond, plain
from repeg.domain.order.children import ChildRecord
from repeg.domain.order.course import ended
from repeg.domain.order.record import Order
from repeg.domain.order.reservation import REQUESTS_PER_CHILD, REQUESTS_PER_PROTECTION
from repeg.domain.order.verdicts import Refusal, WaitingFor
from repeg.domain.patience import (
    BRACKET_MARGIN_BEFORE_CLOSE,
    CANCEL_ALARM_AFTER,
    CHECK_AFTER_SECONDS,
    CHECKS_IN_A_REST,
    COMPLETION_WINDOW_SECONDS,
    ENTRY_MARGIN_BEFORE_CLOSE,
    EXIT_MARGIN_BEFORE_CLOSE,
    FIRST_CHECKS_AT_SECONDS,
    LONGEST_CHECKED_PATIENCE,
    LONGEST_EXIT_PATIENCE,
    LONGEST_LAP_PATIENCE,
    LONGEST_SLEEP_SECONDS,
    NO_MARKET_LOOKS,
    PARTIAL_FILL_GRACE_SECONDS,
    REJECTED_PAUSES_SECONDS,
    SLOWEST_CHECK_SECONDS,
    STUCK_ENTRY_SECONDS,
    backoff,
)
from repeg.domain.reasons import Reason
from repeg.domain.rules.endings import ending


def requests_of_entry(order: Order) -> int:
    """Requests to reserve before a child order of this entry is sent."""
    return REQUESTS_PER_CHILD + (REQUESTS_PER_PROTECTION if order.terms.bracket else 0)


def waits_for_market(order: Order) -> bool:
    """True while a quote that shows no market is worth another look: ten seconds in a row."""
    return order.run.waits_for is not WaitingFor.MARKET or order.run.waits < NO_MARKET_LOOKS


def is_exit(order: Order) -> bool:
    """True for orders that exit a position; they are served first and run until the close."""
    return order.kind in ("close", "unwind")


def is_served_first(order: Order) -> bool:
    """True for what may use the requests that are kept back: it ends risk, and adds none."""
    return is_exit(order) or order.is_instruction


def sees_to_protection(order: Order) -> bool:
    """True for what takes protection down on purpose while it has the symbol's turn, and reads exits itself."""
    return is_exit(order) or order.kind == "adjust"


def intent_of(order: Order) -> Intent | None:
    """What a child order may do to the position. A sell that does not open says so: nothing here opens by accident.

    A plain buy may cover a short position or open a long one.
    """
    # If somebody sold the shares a moment earlier, the broker refuses instead of opening a short position that nobody
    # knows of. No reading of the position, however fresh, can give that.
    side = order.trading_side
    if order.terms.bracket:
        return "buy_to_open" if side == "buy" else "sell_to_open"
    if is_exit(order) or side == "sell":
        return "buy_to_close" if side == "buy" else "sell_to_close"
    return None


def rungs_walked(order: Order) -> int:
    """Rungs of the ladder that child orders stood for, or stand for."""
    return order.bygone.walked + sum(1 + child.kept for child in order.sent)


def next_rung(order: Order, closes_at: datetime | None, now: datetime) -> Rung | Refusal:
    """The rung to place now. An order that must complete walks its ladder again until 120 s have passed.

    An exit goes on behind that until the session closes, ever more patiently: a market order that rests is what a halt
    that ends, or a market that comes back, fills first.
    """
    walked = rungs_walked(order)
    if order.must_complete:
        if is_overdue(order, now) and not is_exit(order):
            return Refusal(reason=Reason.FILL_TIMEOUT, detail=f"not complete after {COMPLETION_WINDOW_SECONDS} s")
        rung = _on_lap(order.terms.plan[walked % len(order.terms.plan)], walked // len(order.terms.plan))
        if is_overdue(order, now):
            rung = order.terms.plan[-1].changed(patience=_patience_when_late(order, now))
    elif walked >= len(order.terms.plan):
        return _ladder_over(order)
    else:
        rung = order.terms.plan[walked]
    if closes_at is None or not may_start(order, rung, closes_at, now):
        return Refusal(reason=Reason.MARKET_CLOSED, detail="no time left before the close for the next rung")
    return rung


def is_overdue(order: Order, at: datetime) -> bool:
    """True when what must complete has been tried for 120 s."""
    started = order.first_sent_at
    return started is not None and (at - started).total_seconds() >= COMPLETION_WINDOW_SECONDS


def _patience_when_late(order: Order, now: datetime) -> Decimal:
    """As long again as the exit has been late, within bounds: twice as patient each time."""
    late = (now - (order.first_sent_at or now)).total_seconds() - COMPLETION_WINDOW_SECONDS
    return min(max(LONGEST_LAP_PATIENCE, Decimal(int(late))), LONGEST_EXIT_PATIENCE)


def _on_lap(rung: Rung, lap: int) -> Rung:
    """A ladder that found no market is not walked at the same pace again: each lap is twice as patient."""
    # At the same pace an exit without a bid sent a market order every 5 s for two minutes.
    patience = min(rung.patience * 2**lap, max(rung.patience, LONGEST_LAP_PATIENCE))
    return rung.changed(patience=patience)


def may_start(order: Order, rung: Rung, closes_at: datetime, now: datetime) -> bool:
    """An entry rung must be over 10 s before the close, a bracket's 90 s; an exit may start until just before it."""
    if is_exit(order):
        return now < closes_at - EXIT_MARGIN_BEFORE_CLOSE
    margin = BRACKET_MARGIN_BEFORE_CLOSE if order.terms.bracket else ENTRY_MARGIN_BEFORE_CLOSE
    return leaves_time_for(float(rung.patience), margin, closes_at, now)


def _ladder_over(order: Order) -> Refusal:
    last = order.children[-1] if order.children else None
    # A leg ends in a limit at its worst price in any market: only a touch beyond that has run.
    if last and last.at_worst and not (has_budget(order) and is_marketable(order, last)):
        return Refusal(reason=Reason.SLIPPAGE_EXCEEDED, detail=f"no safe market within {order.worst_price}")
    return Refusal(reason=Reason.FILL_TIMEOUT, detail="the ladder ran out")


def runaway(order: Order, quote: Quote) -> Refusal | None:
    """Before the first send: refuse if the touch has run beyond the cap since the order was released.

    A symbol whose touch was outside the cap on arrival did not run: its limit rests at the worst price.
    """
    arrival = order.terms.arrival_ask if order.trading_side == "buy" else order.terms.arrival_bid
    # A bracket is measured from its signal's price, and was looked at by its own rules.
    if order.sent or order.terms.bracket or order.worst_price is None or arrival is None:
        return None
    side, worst = order.trading_side, order.worst_price
    if beyond(quote.touch(side), worst, side) and not beyond(arrival, worst, side):
        return Refusal(reason=Reason.SLIPPAGE_EXCEEDED, detail=f"{quote.touch(side)} is beyond {worst}")
    return None


def is_marketable(order: Order, child: ChildRecord) -> bool:
    """True when the child order could trade at once on the quote that it was priced by."""
    touch = child.ask if order.trading_side == "buy" else child.bid
    return child.limit_price is None or touch is None or not beyond(touch, child.limit_price, order.trading_side)


def price_of(order: Order, rung: Rung, quote: Quote | None) -> ChildPrice:
    """Type and limit of the child order that a rung comes to on this quote."""
    guards = guards_market(order)
    side, worst = order.trading_side, order.worst_price
    price = price_rung(rung, quote, side, worst, order.remaining_qty, guard_market=guards)
    # A market order may be filled behind the touch it was sent for: what a leg has for it is all that there is.
    if price.limit_price is None and worst is not None and has_budget(order):
        price = ChildPrice(type="limit", limit_price=worst, price_protected=True)
    return off_the_wall(price, quote, side, order.sending.wall)


def has_budget(order: Order) -> bool:
    """True for the leg of a rebalance that buys: so many shares, for so many dollars at most."""
    return order.ask.qty is not None and order.ask.notional is not None


def write_intent(order: Order, rung: Rung, quote: Quote | None, now: datetime) -> ChildRecord:
    """The child order of a rung, to be recorded before it is sent. It orders the remainder only.

    One that was given up, and may be worked off yet, is sent anew: with another id both could trade.
    """
    price, given_up = price_of(order, rung, quote), order.may_arrive
    child = ChildRecord(
        rung=rungs_walked(order) + 1,
        client_order_id=order.client_order_id,
        type=price.type,
        limit_price=price.limit_price,
        qty=order.remaining_qty,
        bid=quote.bid if quote else None,
        ask=quote.ask if quote else None,
        sent_at=now,
        patience=rung.patience,
        price_protected=price.price_protected,
        grace=PARTIAL_FILL_GRACE_SECONDS if order.terms.bracket else None,
        sends=1,
    )
    return given_up.tried_anew_as(child) if given_up else child


def dust(qty: Decimal, price: Decimal) -> Refusal:
    """The end of an order whose rest costs too little to be ordered."""
    detail = f"{plain(qty)} at {plain(price)} cost less than the smallest order, which is $1"
    return Refusal(reason=Reason.NOTIONAL_TOO_SMALL, detail=detail)


def guards_market(order: Order) -> bool:
    """The market ladder is the legacy way and pays what it must, unless its signal names a cap."""
    return order.terms.ladder is not LadderName.MARKET or order.ask.cap_bps is not None


def needs_quote(order: Order, rung: Rung) -> bool:
    """Limits always need a quote; a market order does when its price is guarded by a cap."""
    return rung.rule is not PriceRule.MARKET or (order.worst_price is not None and guards_market(order))


class Patience(Frozen):
    """How to wait for a child order: sleep here first, then let the machine wait `seconds`, then check or cancel."""

    sleep_seconds: float
    seconds: int
    then_cancel: bool


def patience_left(child: ChildRecord, now: datetime) -> Patience:
    """Splits what is left of a rung's patience into a short sleep and a whole-second wait."""
    left = max(0.0, (child.patience_ends_at - now).total_seconds())
    check = _seconds_to_check(child, now)
    if left > check + 1:
        return Patience(sleep_seconds=0, seconds=check, then_cancel=False)
    whole = int(left)
    fraction = left - whole
    if fraction > LONGEST_SLEEP_SECONDS:
        return Patience(sleep_seconds=0, seconds=whole + 1, then_cancel=True)
    return Patience(sleep_seconds=fraction, seconds=whole, then_cancel=True)


def _seconds_to_check(child: ChildRecord, now: datetime) -> int:
    """Rungs of seconds are looked at every two; long rests ever more seldom, within bounds."""
    if (child.grace is None and child.patience <= LONGEST_CHECKED_PATIENCE) or child.partial_at:
        return CHECK_AFTER_SECONDS
    rested = (now - child.sent_at).total_seconds()
    # Half a second: a look that came a moment early counts as the one it was to be.
    early = next((second for second in FIRST_CHECKS_AT_SECONDS if second > rested + 0.5), None)
    if early:
        return math.ceil(early - rested)
    return min(SLOWEST_CHECK_SECONDS, max(CHECK_AFTER_SECONDS, int(child.patience / CHECKS_IN_A_REST)))


def pause_after_rejected(order: Order) -> int:
    """Seconds before the next child order, behind one that did not rest for its whole patience and was not filled."""
    ended_early = takewhile(
        lambda child: not child.filled_qty and not child.cancel_requested_at, reversed(order.children)
    )
    return backoff(REJECTED_PAUSES_SECONDS, max(0, sum(1 + len(child.tries) for child in ended_early) - 1))


def cancel_is_stuck(child: ChildRecord, now: datetime) -> bool:
    """True once a cancel has gone unconfirmed for 30 s."""
    return child.cancel_requested_at is not None and now - child.cancel_requested_at > CANCEL_ALARM_AFTER


def entry_pause(child: ChildRecord) -> int:
    """Seconds until a child order is looked at again that hangs, and keeps the rest of its order from being settled."""
    return child.doubt_pause if child.doubt else STUCK_ENTRY_SECONDS


def concluded(order: Order, now: datetime) -> Order:
    """The order with its terminal status and figures: slippage against the reference, shortfall against arrival mid."""
    status, reason = ending(order)
    price = order.avg_fill_price
    slippage = shortfall = None
    if price and order.terms.reference_price:
        slippage = slippage_bps(price, order.terms.reference_price, order.trading_side)
    if price and order.terms.arrival_bid and order.terms.arrival_ask:
        shortfall = slippage_bps(price, (order.terms.arrival_bid + order.terms.arrival_ask) / 2, order.trading_side)
    breached = price is not None and beyond(price, nominal_worst(order), order.trading_side)
    return ended(order, status, reason, now).with_result(
        slippage_bps=slippage,
        shortfall_bps=shortfall,
        cap_breached=breached,
        seconds_to_fill=_seconds_to_fill(order) if price else None,
    )


def nominal_worst(order: Order) -> Decimal | None:
    """The price that the cap comes to, beside which a fill is judged; None: it has none."""
    if order.terms.reference_price is None or order.terms.max_slippage_bps is None:
        return None
    # Not rounded to a tick as a limit is, and for orders that must complete, too: what lies beyond the cap is reported.
    far = cap_distance(order.terms.reference_price, order.terms.max_slippage_bps, order.terms.cap_floor)
    return order.terms.reference_price + direction(order.trading_side) * far


def _seconds_to_fill(order: Order) -> Decimal | None:
    closed = [child.closed_at for child in order.sent if child.filled_qty > 0 and child.closed_at]
    closed += [order.bygone.last_filled_at] if order.bygone.last_filled_at else []
    if not closed or order.first_sent_at is None:
        return None
    return Decimal(str(round(max(0.0, (max(closed) - order.first_sent_at).total_seconds()), 3)))
