"""What others took is booked, told, and kept from being explained again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from repeg.domain.money import plain
from repeg.domain.order.record import Order
from repeg.domain.proof.evidence import Finding
from repeg.domain.proof.outside import booked_outside
from repeg.worker.worker import Worker


def book_outside(
    worker: Worker, brackets: Sequence[Order], finding: Finding, now: datetime, *, unsaved: str = ""
) -> list[Order]:
    """The brackets (oldest first) after what others took of them, saved but for the one that the caller saves."""
    known, after = {bracket.order_id: bracket for bracket in brackets}, {}
    for bracket in booked_outside(brackets, finding, now):
        before = known[bracket.order_id]
        if bracket.guard.exits != before.guard.exits:
            gone = f"{plain(bracket.guard.exits[-1].qty)} {bracket.symbol} were left by somebody else: {finding.why}"
            worker.alert(bracket, gone)
            bracket = worker.note(bracket, gone)
        after[bracket.order_id] = bracket if bracket.order_id == unsaved else worker.save_exits(before, bracket)
    return [after[bracket.order_id] for bracket in brackets]
