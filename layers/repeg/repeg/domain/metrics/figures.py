"""The four figures that execution is held to, over the orders that came last.

An order contributes its mark, which the table keeps in an index beside the record: so a figure is right as soon as the
outcome is recorded, whoever dies after that.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from repeg.domain.models import Frozen
from repeg.domain.money import BPS
from repeg.domain.order.record import ZERO, Order
from repeg.domain.reasons import Reason, Status
from repeg.domain.rules.walking import is_exit

FILLED_WITHIN_SECONDS = 60
WINDOW = 50
"""Orders that a gauge is about, the newest."""
FEWEST = 10
"""Orders from which on a gauge is shown: one refusal of three signals is no rate."""
# A figure is about some of the orders only, brackets for R/R: of so many it takes the 50 that it is about.
LOOKED_AT = 200

# What never became an order says nothing of execution; what is wrong with it lies in the dead-letter queue.
NO_ORDERS = frozenset({Reason.INVALID_SIGNAL, Reason.SIGNAL_CONFLICT})
# Whoever throws the switch need not be woken for what it does, nor for fifty orders after it was lifted. What a limit
# refuses counts: it was set long ago, and nothing else tells that a strategy runs into it.
BY_THE_OPERATOR = frozenset({Reason.HALTED, Reason.REDUCING_ONLY, Reason.CANCELLED})


class Figure(StrEnum):
    """The four; each under the name that its metric has."""

    SLIPPAGE = "AverageSlippagePercent"
    REJECTED = "RejectionRatePercent"
    RISK_REWARD = "AverageRiskReward"
    FILLED = "FillRatePercent"


class Mark(Frozen):
    """What an entry that is over contributes."""

    rejected: bool = False
    sent: bool = False
    """A child order of it reached the broker."""
    quick: bool = False
    """All of it was filled within 60 s of its first child order."""
    risk_reward: Decimal | None = None
    """Of a bracket that bought, as entered."""
    slippage_bps: Decimal | None = None
    dollars: Decimal = ZERO
    """What was filled, at the reference price: the weight of its slippage."""


def mark_of(order: Order) -> Mark | None:
    """The mark of an order; None while it is not over, and of what says nothing of entering."""
    # How dearly it is left, and how fast, is another question than what entering costs: an exit has no cap.
    if not order.status.terminal or is_exit(order) or is_no_order(order):
        return None
    if order.status is Status.REJECTED and order.reason in BY_THE_OPERATOR:
        return None
    seconds, measured = order.result.seconds_to_fill, order.result.slippage_bps
    reference = order.terms.reference_price
    priced = measured is not None and reference is not None
    return Mark(
        rejected=order.status is Status.REJECTED,
        sent=bool(order.sent),
        quick=order.status is Status.FILLED and seconds is not None and seconds <= FILLED_WITHIN_SECONDS,
        risk_reward=order.guard.risk_reward if order.filled_qty else None,
        slippage_bps=measured if priced else None,
        dollars=order.filled_qty * reference if priced and reference is not None else ZERO,
    )


def is_no_order(order: Order) -> bool:
    """True for what says nothing of how orders are executed: an instruction, or a message that never became one."""
    return order.is_instruction or order.reason in NO_ORDERS


class Figures(NamedTuple):
    """The four figures; None where there was nothing to measure, or too little."""

    slippage_percent: Decimal | None
    """By dollars at reference prices, signed, + is cost."""
    rejection_rate: Decimal | None
    """0 to 1."""
    risk_reward: Decimal | None
    fill_rate: Decimal | None
    """0 to 1: filled within 60 s, of those that were sent."""

    def gauges(self) -> dict[Figure, Decimal]:
        """Those that there are, rates in percent."""
        found = {
            Figure.SLIPPAGE: self.slippage_percent,
            Figure.REJECTED: None if self.rejection_rate is None else self.rejection_rate * 100,
            Figure.RISK_REWARD: self.risk_reward,
            Figure.FILLED: None if self.fill_rate is None else self.fill_rate * 100,
        }
        return {figure: value for figure, value in found.items() if value is not None}


def figures(marks: Iterable[Mark], window: int | None = None, fewest: int = 1) -> Figures:
    """The figures over marks, the newest first: each over the first `window` that it is about, if those are enough."""
    known = list(marks)

    def about(these: list[Mark]) -> Sequence[Mark]:
        some = these[:window]
        return some if len(some) >= fewest else ()

    priced = about([mark for mark in known if mark.slippage_bps is not None])
    dollars = sum((mark.dollars for mark in priced), ZERO)
    cost = sum((mark.dollars * (mark.slippage_bps or ZERO) for mark in priced), ZERO)
    rewards = [mark.risk_reward for mark in about([mark for mark in known if mark.risk_reward is not None])]
    sent = about([mark for mark in known if mark.sent])
    every = about(known)
    return Figures(
        slippage_percent=cost / dollars / BPS * 100 if dollars else None,
        rejection_rate=Decimal(sum(mark.rejected for mark in every)) / len(every) if every else None,
        risk_reward=sum((reward or ZERO for reward in rewards), ZERO) / len(rewards) if rewards else None,
        fill_rate=Decimal(sum(mark.quick for mark in sent)) / len(sent) if sent else None,
    )


def gauges(marks: Iterable[Mark]) -> dict[Figure, Decimal]:
    """The figures as gauges: over the last 50 orders that each is about, from ten on."""
    return figures(marks, WINDOW, FEWEST).gauges()
