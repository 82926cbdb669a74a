"""Brackets follow what the account proved: a corporate action, or what others took of them; alerted."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from repeg.domain.market.reports import Position
from repeg.domain.money import plain, quoted
from repeg.domain.order.adjustments import Adjustment, Seen
from repeg.domain.order.record import Order
from repeg.domain.proof.agreement import holding_now
from repeg.domain.proof.evidence import Finding, follows, rescaled
from repeg.domain.proof.outside import booked_outside
from repeg.domain.rules.bracket_exit import after_split
from repeg.store.orders import TOGETHER
from repeg.worker.worker import Worker


def adjusted(
    worker: Worker,
    brackets: Sequence[Order],
    finding: Finding,
    position: Position | None,
    quantities: Sequence[Decimal] | None = None,
) -> list[Order]:
    """The brackets after a corporate action: shares and levels rescaled, to be protected anew at once; alerted.

    `quantities`: what each of them holds now, where the ratio alone does not say.
    """
    after = []
    at_once = len(brackets) <= TOGETHER
    for bracket, qty in zip(brackets, quantities or rescaled(brackets, finding), strict=True):
        # Written by a worker that died before it came to the others.
        if quantities is None and follows(bracket, finding):
            after.append(bracket)
            continue
        now = worker.now(bracket)
        levels = after_split(bracket, finding.ratio)
        change = Adjustment(
            why="corporate_action",
            detail=finding.why,
            change=qty - bracket.unexited_qty,
            ratio=finding.ratio,
            levels=levels,
            at=now,
        )
        words = f"{finding.why}: {plain(bracket.unexited_qty)} {bracket.symbol} became {plain(qty)}, "
        words += f"stop {quoted(levels.stop)}, target {quoted(levels.target)}"
        seen = Seen(qty=position.qty, avg_entry_price=position.avg_entry_price, at=now) if position else None
        # Until the last of them has followed, the account is held against what it showed before the split.
        if not at_once and bracket is not brackets[-1]:
            seen = bracket.care.seen
        # Due at once: Alpaca adjusts the quantity of resting legs and not their prices
        # (github.com/alpacahq/alpaca-py/issues/469), so the old stop would sell the new shares at the next open.
        changed = holding_now(bracket, change, seen)
        then = "it is being closed" if quantities else "protected again at these levels"
        worker.alert(changed, f"corporate action: {words}; {then}")
        after.append(worker.told_exits(bracket, worker.note(changed, words)))
    # At once: with one of them written, account and records seemed to agree, and nobody followed for the others.
    return worker.orders.save_together(after)


def book_outside(worker: Worker, brackets: Sequence[Order], finding: Finding, now: datetime) -> list[Order]:
    """The brackets (oldest first) after what others took of them, told, and saved all at once."""
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
