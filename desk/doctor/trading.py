"""The kill switch: orders that are halted end unsent, which from outside looks as if nothing worked."""

from __future__ import annotations

from desk.doctor.case import Case
from desk.doctor.findings import Trouble
from desk.doctor.words import repeg
from repeg.domain.halt import Mode, Scope

TRADING = "trading"


def check_trading(case: Case) -> str:
    """Are orders sent. A symbol or strategy that is halted is told and nothing amiss: the others trade."""
    words = [halt for halt in case.orders.halts() if halt.mode is not Mode.ACTIVE and halt.scope is not Scope.ORDER]
    told = "; ".join(halt.sentence for halt in sorted(words, key=lambda halt: halt.scope is not Scope.ACCOUNT))
    if any(halt.scope is Scope.ACCOUNT for halt in words):
        raise Trouble(TRADING, told, repeg(case.connection, "resume"))
    return told or "orders are sent"
