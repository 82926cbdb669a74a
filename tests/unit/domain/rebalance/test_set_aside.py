"""What other orders take of the cash between a plan and its legs, and which legs make it good."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from repeg.domain.order.children import ChildStatus
from repeg.domain.order.parts import Funds
from repeg.domain.order.record import Order
from repeg.domain.order.verdicts import Wait
from repeg.domain.reasons import Status
from repeg.domain.rebalance.set_aside import still_set_aside, takers
from tests.support.books import price
from tests.support.make import NOON, child, order

FUNDS = Funds(spare=Decimal(1000), since_wall=NOON)


def _leg(name: str, **fields: Any) -> Order:
    """100 shares that may cost $5,000."""
    own = {"order_id": name, "rebalance_id": "reb-1", "kind": "rebalance_leg", "symbol": "SPY", "funds": FUNDS}
    return order(**(own | {"qty": Decimal(100), "notional": Decimal(5000), "side": "buy"} | fields))


def _bought(shares: int, **fields: Any) -> Order:
    """An order for 100 TQQQ that bought so many of them at $50."""
    filled = child(filled_qty=Decimal(shares), avg_fill_price=Decimal(50), status=ChildStatus.FILLED, closed_at=NOON)
    known = {"order_id": "ord-2", "status": Status.FILLED, "qty": Decimal(100), "children": (filled,)}
    return order(**(known | fields))


def _left(leg: Order, *arrived: Order) -> Decimal | Wait:
    every = [leg, *arrived]
    return still_set_aside(leg, every, takers(leg, every, NOON), {"TQQQ": price("TQQQ", 50)})


@pytest.mark.parametrize(
    ("other", "left"),
    [
        (None, 5000),
        (_bought(20), 5000),
        (_bought(60), 3000),
        (_bought(100), 1000),
        (_bought(100, children=(child(filled_qty=Decimal(200), avg_fill_price=Decimal(50)),)), 0),
        (_bought(0, status=Status.WORKING), 1000),
        (_bought(40, status=Status.WORKING), 1000),
        (_bought(0, status=Status.REJECTED), 5000),
        (_bought(100, side="sell"), 5000),
        (_bought(100, kind="close"), 5000),
        (_bought(0, status=Status.WAITING, parked_until=NOON + timedelta(hours=20)), 5000),
    ],
    ids=["nobody", "what is spare", "some", "more", "all", "at work", "half filled", "refused", "a sale", "a cover",
         "of tomorrow"],
)  # fmt: skip
def test_what_others_take_beyond_what_is_spare_a_leg_does_without(other: Order | None, left: int) -> None:
    assert _left(_leg("ord-a"), *([other] if other else [])) == left


def test_what_one_leg_has_done_without_the_next_need_not() -> None:
    cut = {"reference_price": Decimal(50), "max_slippage_bps": Decimal(0), "status": Status.WORKING}
    released = _leg("ord-b", working_qty=Decimal(60), **cut)
    assert _left(_leg("ord-a"), released, _bought(60)) == 5000
    assert _left(_leg("ord-a"), released, _bought(80)) == 4000
    over = _leg("ord-b", status=Status.REJECTED)
    assert _left(_leg("ord-a"), over, _bought(100)) == 5000
    assert _left(_leg("ord-a"), _leg("ord-c"), _bought(100)) == 1000, "one that is not sent yet may be sent whole"


def test_what_another_may_cost_that_cannot_be_told_is_no_zero() -> None:
    leg, other = _leg("ord-a"), _bought(0, status=Status.WORKING, symbol="ODD")
    every = [leg, other]
    found = still_set_aside(leg, every, takers(leg, every, NOON), {})
    assert isinstance(found, Wait) and "ODD" in (found.words or "")
    assert _left(leg, other.changed(status=Status.REJECTED)) == 5000


def test_where_the_broker_s_money_may_be_used_nothing_is_lacking() -> None:
    assert _left(_leg("ord-a", funds=None), _bought(100)) == 5000
