"""What is halted is what keeps orders from being sent."""

from __future__ import annotations

from repeg.domain.halt import Halt, Mode, Scope
from tests.support.clinic import Clinic


def test_who_is_halted_is_told_with_why_and_how_to_lift_it(clinic: Clinic) -> None:
    found = clinic.look("trading")
    assert (found.ok, found.detail) == (True, "orders are sent")
    clinic.case.orders.keep_halt(Halt(scope=Scope.SYMBOL, of="TQQQ", mode=Mode.REDUCING))
    found = clinic.look("trading")
    assert found.ok and found.detail == "symbol TQQQ is reducing: only what reduces a position is sent"
    clinic.case.orders.keep_halt(Halt(mode=Mode.HALTED, reason="odd prints"))
    found = clinic.look("trading")
    assert (found.ok, found.mend) == (False, "repeg resume")
    assert found.detail.startswith("the account is halted: only exits are sent (odd prints); symbol TQQQ")
