"""Whether a bracket's exits may be moved to where an adjust wants them, and where exactly that is."""

from __future__ import annotations

from decimal import Decimal

from repeg.domain.market.quotes import Quote
from repeg.domain.models import direction, opposite
from repeg.domain.money import TICK, plain, quoted
from repeg.domain.order.bracket import Levels
from repeg.domain.order.record import Order
from repeg.domain.order.verdicts import Refusal
from repeg.domain.reasons import Reason
from repeg.domain.rules.bracket_exit import is_through, levels_of
from repeg.domain.rules.life import is_being_left

# Alpaca wants them a cent apart at least (docs.alpaca.markets/docs/orders-at-alpaca).
CLOSEST = TICK


def wanted_levels(bracket: Order, adjust: Order) -> Levels:
    """The levels that an adjust asks for; what it does not name stays where it is."""
    now, asked = standing_levels(bracket), adjust.guard
    return Levels(stop=asked.stop_loss or now.stop, target=asked.take_profit or now.target)


def standing_levels(bracket: Order) -> Levels:
    """The levels that hold: before anything is bought, those of an entry at the signal's price.

    Raises:
        ValueError: the order is no bracket.
    """
    if bracket.terms.bracket is None:
        raise ValueError(f"{bracket.order_id} is no bracket")
    if bracket.filled_qty > 0:
        return levels_of(bracket)
    return bracket.terms.bracket.levels_at(bracket.terms.bracket.signal_price)


def not_movable(bracket: Order) -> Refusal | None:
    """Why nothing of an order can be moved, or None."""
    if bracket.terms.bracket is None:
        detail = f"it is {'an' if bracket.kind == 'order' else 'a'} {bracket.kind}"
        return Refusal(reason=Reason.NOT_A_BRACKET, detail=detail)
    if not bracket.status.terminal and not is_being_left(bracket):
        return None
    if bracket.unexited_qty < 1:
        return Refusal(reason=Reason.NO_POSITION, detail=_left(bracket))
    if bracket.care.frozen:
        return Refusal(reason=Reason.POSITION_FROZEN, detail=bracket.care.frozen)
    if is_being_left(bracket):
        return Refusal(reason=Reason.NO_POSITION, detail="its position is being exited")
    return None


def overtaken(bracket: Order, adjust: Order) -> Refusal | None:
    """Why the levels of an adjust are those of other shares than there are now, or None."""
    # A stop of before a reverse split lies far below the new price: nothing would guard the shares.
    last = bracket.care.adjustments[-1] if bracket.care.adjustments else None
    if last is None or last.why == "adjust" or last.at <= adjust.created_at:
        return None
    return Refusal(reason=Reason.LEVELS_OUTDATED, detail=f"{last.detail}, after it was sent")


def _left(bracket: Order) -> str:
    if bracket.unexited_qty > 0:
        return f"of {plain(bracket.unexited_qty)} shares none is whole: protection is for whole ones"
    if bracket.exit_reason is None:
        return f"it ended {bracket.status}, and holds nothing"
    price = f" at {quoted(bracket.exit_price)}" if bracket.exit_price else ""
    return f"it holds nothing any more: its shares left by {bracket.exit_reason}{price}"


def misplaced(bracket: Order, adjust: Order) -> Refusal | None:
    """Why levels cannot be where an adjust wants them, whatever the market does; it names the field. Or None."""
    levels, side = wanted_levels(bracket, adjust), bracket.trading_side
    below, above = ("below", "above") if side == "buy" else ("above", "below")
    if (levels.target - levels.stop) * direction(side) < CLOSEST:
        if adjust.guard.stop_loss is None:
            return _wrong("take_profit", f"must lie at least a cent {above} the stop, {quoted(levels.stop)}")
        return _wrong("stop_loss", f"must lie at least a cent {below} the target, {quoted(levels.target)}")
    if bracket.status.terminal or bracket.terms.bracket is None:
        return None
    # While it may still buy at that price, as of any bracket: an exit on the wrong side of it would sell at once.
    entry = bracket.terms.bracket.signal_price
    where = f"signal_price, {quoted(entry)}, while the entry is at work"
    if (entry - levels.stop) * direction(side) < CLOSEST:
        return _wrong("stop_loss", f"must lie at least a cent {below} {where}")
    if (levels.target - entry) * direction(side) < CLOSEST:
        return _wrong("take_profit", f"must lie at least a cent {above} {where}")
    return None


def passed(bracket: Order, adjust: Order, quote: Quote) -> Refusal | None:
    """Why levels cannot be where an adjust wants them as the market is, or None."""
    levels, side = wanted_levels(bracket, adjust), bracket.trading_side
    touch, works = quote.touch(opposite(side)), not bracket.status.terminal
    # The stop, named or not: taken down while it sells, it would be refused when it is put back.
    if is_through(quote, levels.stop, side):
        return _past(Reason.STOP_THROUGH, touch, "through the stop", levels.stop, works)
    if adjust.guard.take_profit is not None and (touch - levels.target) * direction(side) >= 0:
        return _past(Reason.TARGET_THROUGH, touch, "at or beyond the target", levels.target, works)
    return None


def is_there(bracket: Order, adjust: Order) -> bool:
    """True when the exits are, or will be, where an adjust wants them."""
    return wanted_levels(bracket, adjust) == standing_levels(bracket)


def in_words(levels: Levels) -> str:
    """`stop 529.47, target 545.52`."""
    return f"stop {quoted(levels.stop)}, target {quoted(levels.target)}"


def _wrong(field: str, problem: str) -> Refusal:
    return Refusal(reason=Reason.INVALID_SIGNAL, detail=f"{field}: {problem}")


def _past(reason: Reason, touch: Decimal, where: str, level: Decimal, works: bool) -> Refusal:
    """`works`: its entry is not over, and what it buys is what would be exited."""
    exited = "what it buys is exited at once" if works else "the position is exited now"
    return Refusal(
        reason=reason, detail=f"the market, {quoted(touch)}, is {where} at {quoted(level)}; with force {exited}"
    )
