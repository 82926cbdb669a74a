"""Shares that others took: booked on the brackets whose they were, and never explained twice by the same orders."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from repeg.domain.models import direction
from repeg.domain.order.adjustments import Seen
from repeg.domain.order.record import ZERO, Order
from repeg.domain.proof.agreement import agreed, seen_as
from repeg.domain.proof.evidence import DUST, Finding, seen_before
from repeg.domain.proof.leaving import sold_by_others


def booked_outside(brackets: Sequence[Order], finding: Finding, now: datetime) -> list[Order]:
    """All of `brackets` (of one symbol, oldest first) after what others took by `finding` is booked; those first that
    lost shares.

    What the orders that took them explain is remembered by every bracket: the one that lost its shares may be over, and
    looked at no more, while the next false answer is held against the others.
    """
    lost = {each.order_id: each for each in sold_by_others(brackets, finding.missing, now)}
    if not lost:
        return list(brackets)
    known = seen_before(brackets)
    taken = sum(
        (each.unexited_qty - lost[each.order_id].unexited_qty for each in brackets if each.order_id in lost), ZERO
    )
    rest = finding.missing - taken
    booked = _added(known.booked if known else (), finding.sellers, max(ZERO, rest))
    others = [each for each in brackets if each.order_id not in lost]
    if rest > DUST:
        # What is not booked yet may be, by the rest of these orders: since when they count stays as it was.
        seen = known or Seen(qty=ZERO, avg_entry_price=ZERO, at=min(each.created_at for each in brackets))
        return [seen_as(each, seen.changed(booked=booked)) for each in (*lost.values(), *others)]
    held = finding.held * direction(brackets[0].trading_side)
    seen = Seen(qty=held, avg_entry_price=finding.average, at=now, booked=booked)
    return [*(agreed(each, seen) for each in lost.values()), *(seen_as(each, seen) for each in others)]


def _added(
    known: tuple[tuple[str, Decimal], ...], sellers: tuple[tuple[str, Decimal], ...], rest: Decimal
) -> tuple[tuple[str, Decimal], ...]:
    """What orders of others explained by now: all that they took, but for a `rest` of the last ones."""
    booked = dict(known)
    for name, qty in reversed(sellers):
        left = min(qty, rest)
        rest -= left
        booked[name] = booked.get(name, ZERO) + qty - left
    return tuple(booked.items())
