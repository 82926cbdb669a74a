"""What the account may still show once a close has sold what it was to, and what explains shares beyond that.

A close ends `filled` only when the account shows what it should leave. More may be a position that lags, shares that
somebody bought meanwhile, or a split: only the last are the close's, and only if the broker's data confirm it.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from repeg.domain.market.reports import Position
from repeg.domain.models import direction, opposite
from repeg.domain.money import floor_qty, plain
from repeg.domain.order.closing import found_with
from repeg.domain.order.record import ZERO, Order
from repeg.domain.proof.evidence import DUST, Finding, Looks, Proof, as_scaled, latest_of

ONE = Decimal(1)


def surplus(close: Order, position: Position | None) -> Decimal | None:
    """Shares that the account shows beyond what the close leaves; None where it is not known what was there before."""
    if close.close.position_before is None:
        return None
    # A close that was worked while its shares were split sold a hundred new ones, ended as filled, and left 855 that no
    # record knew.
    left = close.close.position_before + close.close.held_by_others - close.filled_qty
    return held_of(close, position) - max(ZERO, left)


def before_at_most(close: Order, position: Position | None) -> Order:
    """The close after what it was measured by has shown too few shares: there were no more before than that explains.

    What the records of brackets count was there all the same.
    """
    known = close.close
    if known.position_before is None:
        return close
    shown = held_of(close, position) + close.filled_qty - known.held_by_others
    # Too many, they pass for somebody's own, and what was sold of a bracket stays in its record.
    before = min(known.position_before, max(known.brackets_before or ZERO, shown))
    return found_with(close, before, known.brackets_before)


def held_of(close: Order, position: Position | None) -> Decimal:
    """Shares of the position that is being exited; negative once the account holds the opposite one."""
    # A close learns its side from the position that it finds. Asked before, of shares that do not show, it raised over
    # and over, with the protection down.
    if close.side is None:
        return ZERO if position is None else abs(position.qty)
    return ZERO if position is None else -position.qty * direction(close.trading_side)


def as_it_should_be(close: Order, position: Position | None) -> bool:
    """True when nothing is left to look for: the close sold what it was to, and the account shows no more than that.

    Shares that orders held, or that did not show yet, are worth a look of their own.
    """
    over = surplus(close, position)
    if close.ask.qty is not None and close.terms.cut is None and close.close.bought_lately:
        return True
    if close.kind == "unwind" and close.terms.cut is not None:
        return True
    return over is None or (over <= DUST and close.terms.cut is None and not close.close.bought_lately)


def explained(close: Order, looks: Looks) -> Finding:
    """What the surplus of a closed position is. `looks.unbooked` are the orders of others since the close began."""
    held = (looks.held or ZERO) * -direction(close.trading_side)
    before, sold = (close.close.position_before or ZERO) + close.close.held_by_others, close.filled_qty
    over = held - (before - sold)
    arrived = _arrived(close, looks)
    # What others bought meanwhile is theirs: to sell it is not what was asked for.
    if over - arrived <= DUST:
        by = ", ".join(each.broker_order_id for each in looks.unbooked or ())
        return Finding(proof=Proof.THERE, held=held, why=f"{plain(over)} shares came by orders of others: {by}")
    split = split_within(close, looks, held - max(ZERO, arrived))
    if split:
        return split
    why = f"{plain(sold)} were sold of {plain(before)}, and the account shows {plain(held)}; no order explains it"
    told = "could not be read" if looks.actions is None else "do not, either"
    return Finding(proof=Proof.UNPROVEN, held=held, why=f"{why}, and the broker's corporate actions {told}")


def split_within(close: Order, looks: Looks, held: Decimal) -> Finding | None:
    """A corporate action since the close began, in the broker's data, that explains what is held of the rest.

    The average price must have followed it too: what others bought, and an action from before, do not look like that.
    """
    before, sold = (close.close.position_before or ZERO) + close.close.held_by_others, close.filled_qty
    seen, average = close.care.seen, looks.avg_entry_price
    if seen is None or average is None:
        return None
    for ratio, words in latest_of(looks.actions or ()):
        if ratio == 1 or not as_scaled(seen.avg_entry_price, ratio, average):
            continue
        cash = ONE / abs(ratio - 1)  # for a fraction
        if -cash <= sold_early(before, sold, held, ratio) <= sold + cash:
            return Finding(proof=Proof.ADJUSTED, held=held, ratio=ratio, why=words)
    return None


def sold_early(before: Decimal, sold: Decimal, held: Decimal, ratio: Decimal) -> Decimal:
    """How many of the shares `sold` were sold before a split: (before - early) x ratio - (sold - early) are held."""
    return (ratio * before - sold - held) / (ratio - 1)


def more_by_split(leaving: Order, finding: Finding) -> Decimal:
    """Shares that a split made of those which an order of a quantity took for old ones, and that are there."""
    before = (leaving.close.position_before or ZERO) + leaving.close.held_by_others
    early = sold_early(before, leaving.filled_qty, finding.held, finding.ratio)
    late = leaving.filled_qty - min(max(ZERO, early), leaving.filled_qty)
    return floor_qty(min(late * (finding.ratio - 1), finding.held), fractionable=True)


def rescaled_in_close(close: Order, brackets: Sequence[Order], finding: Finding) -> list[Decimal]:
    """How many shares each bracket (oldest first) has after a split within a close that is not booked yet.

    Shares that no bracket held were sold first, as they are when the close is booked; only what was there at the split
    was multiplied.
    """
    before = close.close.position_before or ZERO
    early = sold_early(before + close.close.held_by_others, close.filled_qty, finding.held, finding.ratio)
    free = max(ZERO, before - sum((bracket.unexited_qty for bracket in brackets), ZERO))
    taken = max(ZERO, min(early, close.filled_qty) - free)
    quantities = []
    for bracket in brackets:
        gone = min(bracket.unexited_qty, taken)
        taken -= gone
        quantities.append(bracket.unexited_qty + (bracket.unexited_qty - gone) * (finding.ratio - 1))
    over = max(ZERO, sum(quantities, ZERO) - finding.held - close.filled_qty)
    if quantities:
        quantities[-1] = max(ZERO, quantities[-1] - over)
    return [quantity.quantize(Decimal("0.000000001")) for quantity in quantities]


def _arrived(close: Order, looks: Looks) -> Decimal:
    entering = opposite(close.trading_side)
    return sum((each.filled_qty if each.side == entering else -each.filled_qty for each in looks.unbooked or ()), ZERO)
