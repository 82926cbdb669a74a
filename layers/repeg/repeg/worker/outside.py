"""What others took is booked, told, and kept from being explained again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from repeg.domain.money import plain
from repeg.domain.order.record import Order
from repeg.domain.proof.evidence import Finding
from repeg.domain.proof.outside import booked_outside
from repeg.worker.worker import Worker


def book_outside(worker: Worker, brackets: Sequence[Order], finding: Finding, now: datetime) -> list[Order]:
    """The brackets (oldest first) after what others took of them, saved all at once."""
    known, told = {bracket.order_id: bracket for bracket in brackets}, []
    for bracket in booked_outside(brackets, finding, now):
        before = known[bracket.order_id]
        if bracket.guard.exits != before.guard.exits:
            gone = f"{plain(bracket.guard.exits[-1].qty)} {bracket.symbol} were left by somebody else: {finding.why}"
            worker.alert(bracket, gone)
            bracket = worker.note(bracket, gone)
        told.append(worker.told_exits(before, bracket))
    # One by one, a death in between had the same sale explain what was missing of the next bracket, too: who has lost
    # its shares is looked at no more, and nobody else knew. Where one write does not take them all, who lost none comes
    # first: what nothing explains is frozen, and told.
    after = {bracket.order_id: bracket for bracket in worker.orders.save_together(told[::-1])}
    return [after[bracket.order_id] for bracket in brackets]
