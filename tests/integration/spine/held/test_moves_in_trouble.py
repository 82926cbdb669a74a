"""What must not come of a move: levels of other shares, shares that stay bare, and exits that are not tried."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from repeg.domain.order.protection import ProtectionStatus
from repeg.domain.order.record import Order
from repeg.domain.proof.agreement import frozen
from repeg.domain.reasons import Reason, Status
from tests.support.brackets import CANCEL, OCO
from tests.support.crowd import Crowd
from tests.support.lab import Lab
from tests.support.leaving import STOP, TARGET, Guard, check_held, guards, hold, minutes, shares
from tests.support.moving import DONE, EVENING, adjusted, overtaken, refused, told
from tests.support.scenes import by_hand, lab_at, market_time
from tests.support.splits import FRIDAY_AFTERNOON, monday, split
from tests.support.watching import cancel_protection

pytestmark = pytest.mark.usefixtures("aws_credentials")

OUTDATED = (Status.REJECTED, Reason.LEVELS_OUTDATED)


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize(
    ("new", "old", "quote", "left"),
    [
        (1, 10, ("509.50", "509.80"), Guard(Decimal(10), Decimal("499.80"), Decimal("534.80"))),
        (10, 1, ("5.09", "5.10"), Guard(Decimal(1000), Decimal("5.00"), Decimal("5.35"))),
    ],
    ids=["1 for 10", "10 for 1"],
)
def test_levels_named_before_a_split_are_none_of_the_shares_after_it(
    exchange: Any, new: int, old: int, quote: tuple[str, str], left: Guard, force: bool
) -> None:
    """A stop at 50.50 on shares at 509 guards nothing; on shares at 5 it sells them all."""
    with lab_at(exchange, FRIDAY_AFTERNOON) as lab:
        hold(lab)
        lab.sleep(11 * 60)
        told(lab, stop_loss="50.50", when_closed="next_open", force=force)
        with Crowd(lab) as crowd:
            crowd.work(until="2026-11-20T16:10:00-05:00")
        monday(lab, *quote)
        split(lab, new, old)
        minutes(lab, 2)
        monday(lab, *quote, hour="09:31")
        minutes(lab)
        assert refused(lab.order("m")) == OUTDATED, lab.order("m").events
        assert guards(lab) == [left]


@pytest.mark.parametrize("force", [False, True])
def test_levels_named_after_a_split_are_none_of_the_shares_that_the_account_still_shows(
    exchange: Any, force: bool
) -> None:
    """Taken, they would be scaled once more as the account follows."""
    with lab_at(exchange, FRIDAY_AFTERNOON) as lab:
        order = hold(lab)
        minutes(lab)
        cancel_protection(lab, order)
        lab.sweep()
        monday(lab, "5.09", "5.10", hour="08:00")
        split(lab, 10, 1, apply=False)
        assert refused(adjusted(lab, stop_loss="5.05", take_profit="5.40", force=force)) == OUTDATED
        assert (lab.order("b").guard.stop_loss, lab.order("b").guard.take_profit) == (STOP, TARGET)


def test_one_that_waits_for_the_open_does_not_undo_one_that_was_sent_after_it(exchange: Any) -> None:
    with lab_at(exchange, EVENING) as lab:
        overtaken(lab)
        assert (refused(lab.order("m")), refused(lab.order("n"))) == (OUTDATED, DONE)
        assert lab.order("b").guard.stop_loss == Decimal("50.70")


def test_of_two_protective_orders_the_shares_of_one_do_not_wait_for_the_cancel_of_the_other(lab: Lab) -> None:
    """It may hang for hours."""
    hung = in_halves(lab, hold(lab))
    lab.control.faults({"method": "DELETE", "path": f"/v2/orders/{hung}", "kind": "stuck_cancel"})
    told(lab, stop_loss="50.50")
    with Crowd(lab) as crowd:
        crowd.work(until=market_time("10:00:20"))
        half = Decimal(50)
        assert guards(lab) == [Guard(half, STOP, TARGET), Guard(half, Decimal("50.50"), TARGET)]
        lab.control.quote("TQQQ", "53.50", "53.53", 2000, 2000)
        crowd.work(until=market_time("10:03"), sweep_every=60)
    assert (shares(lab), lab.order("b").unexited_qty) == (0, 0)
    check_held(lab)


def test_of_two_protective_orders_the_one_that_guards_stays_where_the_other_is_replaced(lab: Lab) -> None:
    """All shares were bare for the sake of half of them."""
    second = in_halves(lab, hold(lab))
    lab.control.end_leg("stop_loss", order_id=second)
    minutes(lab, 2)
    assert guards(lab) == [Guard(Decimal(50), STOP, TARGET)] * 2
    check_held(lab)


def in_halves(lab: Lab, order: Order) -> str:
    """The bracket is under two OCOs of 50 shares, as after an entry that filled late; the broker's id of the second."""
    cancel_protection(lab, order)
    known = order.guard.protections[-1]
    ocos = [known.changed(status=ProtectionStatus.GONE, closed_at=lab.time.latest_now())]
    for number in (1, 2):
        name = order.with_guard(ocos=number).protective_client_order_id
        pair = {
            "take_profit": {"limit_price": str(TARGET)},
            "stop_loss": {"stop_price": str(STOP)},
            "order_class": "oco",
        }
        half = {"symbol": "TQQQ", "qty": 50, "side": "sell", "type": "limit", "time_in_force": "gtc"}
        placed = by_hand(lab, "POST", "orders", half | pair | {"client_order_id": name})
        found = {"broker_order_id": placed["id"], "stop_order_id": None, "qty": Decimal(50)}
        ocos.append(known.changed(client_order_id=name, **found))
    lab.sleep(1)
    lab.orders.save(order.with_guard(protections=tuple(ocos), ocos=3))
    return str(ocos[-1].broker_order_id)


@pytest.mark.parametrize(
    "fault",
    [CANCEL | {"kind": "stuck_cancel"}, OCO | {"kind": "error", "status": 503}],
    ids=["before the cancel", "after it"],
)
def test_one_that_is_in_dispute_half_way_is_told_with_how_many_shares(lab: Lab, fault: dict[str, Any]) -> None:
    """Never that 0 of them are without protection: nobody knows what guards them."""
    hold(lab)
    lab.control.faults(fault)
    told(lab, stop_loss="50.50")
    with Crowd(lab) as crowd:
        crowd.work(until=market_time("10:00:10"))
        lab.orders.save(frozen(lab.order("b"), "the account shows 50"))
        crowd.work(until=market_time("10:02"))
    order = lab.order("m")
    assert refused(order) == (Status.REJECTED, Reason.POSITION_FROZEN)
    assert order.events[-2].detail == "the account shows 50; 100 TQQQ are not seen under the new exits"


def test_what_could_not_be_exited_one_day_is_where_a_move_says_so(lab: Lab) -> None:
    lab.orders.save(hold(lab).with_unwind(failed=True))
    assert refused(adjusted(lab, stop_loss="50.97", force=True)) == DONE
    assert shares(lab) == 0
