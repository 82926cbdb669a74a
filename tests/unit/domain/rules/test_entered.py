"""A fill is judged once, whatever its order ended for."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from repeg.domain.order.adjustments import Adjustment
from repeg.domain.order.bracket import Bracket, Levels
from repeg.domain.order.children import ChildStatus
from repeg.domain.order.record import Order
from repeg.domain.reasons import Reason, Status
from repeg.domain.rules.entered import not_worth_holding
from tests.support.make import NOON, child, order
from tests.unit.samples import oco

THROUGH, FINE = Decimal("529.40"), Decimal("534.80")
LEVELS = Levels(stop=Decimal("520.00"), target=Decimal("550.00"))


def _filled(price: Decimal, **fields: Any) -> Order:
    """A bracket over 25 shares whose stop is at 529.47, filled at `price`."""
    asked = Bracket(
        side="buy",
        signal_price=Decimal("534.82"),
        stop_loss=Decimal("529.47"),
        take_profit=Decimal("545.52"),
        anchor="fill",
        min_rr=Decimal(2),
    )
    entry = child(qty=Decimal(25), filled_qty=Decimal(25), avg_fill_price=price, status=ChildStatus.FILLED)
    known = {"kind": "bracket", "symbol": "CRWD", "bracket": asked, "requested_qty": Decimal(25), "children": (entry,)}
    return order(**(known | fields))


@pytest.mark.parametrize("status", [Status.WORKING, Status.SUPERSEDED, Status.FAILED, Status.REJECTED])
def test_a_fill_through_its_stop_is_not_worth_holding_whether_its_order_is_over_or_not(status: Status) -> None:
    problem = not_worth_holding(_filled(THROUGH, status=status))
    assert problem and problem.reason is Reason.STOP_THROUGH
    assert not not_worth_holding(_filled(FINE, status=status))


def test_one_that_was_guarded_is_judged() -> None:
    assert not not_worth_holding(_filled(THROUGH, status=Status.SUPERSEDED).with_protection(oco()))


def test_one_that_could_not_be_left_is_protected() -> None:
    assert not not_worth_holding(_filled(THROUGH, status=Status.SUPERSEDED).with_unwind(failed=True))


def test_one_that_is_over_and_whose_exits_were_placed_by_hand_is_held() -> None:
    by_hand = Adjustment(why="adjust", detail="moved", change=Decimal(0), levels=LEVELS, at=NOON)
    assert not not_worth_holding(_filled(THROUGH, status=Status.SUPERSEDED).with_care(adjustments=(by_hand,)))
    assert not_worth_holding(_filled(THROUGH, status=Status.WORKING).with_care(adjustments=(by_hand,)))


def test_nothing_is_judged_by_a_price_that_is_missing() -> None:
    entry = child(qty=Decimal(25), filled_qty=Decimal(25), avg_fill_price=None, status=ChildStatus.FILLED)
    assert not not_worth_holding(_filled(THROUGH, status=Status.SUPERSEDED, children=(entry,)))
