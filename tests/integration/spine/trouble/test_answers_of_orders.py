"""One false answer about an order sells nobody else's shares, and makes nobody forget a bracket's own.

The account holds 100 shares of somebody's own beside the bracket's: what repeg sold once too often, the broker lets.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.lab import Lab
from tests.support.leaving import BRACKET, check_held, guards, hold, minutes, shares
from tests.support.scenes import alerts, run, whenever
from tests.support.watching import OCO, lapse, moves

OWN = 100
READ = {"method": "GET", "path": "/v2/orders/*", "kind": "edit", "count": 1}
TARGET = READ | {"when": {"order_class": "oco", "type": "limit"}}
STOP = READ | {"when": {"order_class": "oco", "type": "stop"}, "body": {"status": "canceled"}}
CANCELED, REJECTED = {"status": "canceled"}, {"status": "rejected"}
TAKEN = {"status": "filled", "filled_qty": "100", "filled_avg_price": "53.48"}


@pytest.fixture
def shared(lab: Lab) -> Lab:
    """An account with own shares in the symbol."""
    lab.control.position("TQQQ", OWN, "40")
    return lab


@pytest.mark.parametrize(
    "told", [TAKEN, {"status": "canceled"}, {"status": "rejected"}], ids=lambda told: told["status"]
)
def test_an_end_that_is_told_once_is_not_believed(shared: Lab, told: dict[str, Any]) -> None:
    """Right after it was placed: believed, a second OCO guarded the same shares, or none was watched any more."""
    lab = shared
    lab.control.faults(TARGET | {"body": told}, STOP)
    run(lab, "b", **BRACKET)
    minutes(lab, 2)
    order = lab.order("b")
    assert (order.unexited_qty, order.guard.protected, order.guard.ocos) == (100, True, 1)
    assert [guard.qty for guard in guards(lab)] == [100]
    assert not alerts(lab)
    check_held(lab, free=OWN, strangers=True)


def test_a_target_that_is_told_as_filled_once_loses_a_close_nothing(lab: Lab) -> None:
    hold(lab)
    lab.control.faults(TARGET | {"body": TAKEN}, STOP)
    close = run(lab, "c", kind="close", qty=40)
    assert (close.filled_qty, lab.order("b").unexited_qty, shares(lab)) == (40, 60, 60)
    assert [guard.qty for guard in guards(lab)] == [60]
    check_held(lab)


def test_a_target_that_ended_says_nothing_of_the_stop_that_sells(shared: Lab) -> None:
    """The stop's leg is missing in the answer once: taken for over, its shares were sold a second time."""
    lab = shared
    hold(lab)
    lab.control.quote("TQQQ", "49.90", "49.93", 10, 2000)
    lab.sleep(1)
    lab.control.faults(TARGET | {"body": {"legs": None}, "count": 2})
    minutes(lab)
    lab.control.quote("TQQQ", "49.90", "49.93", 2000, 2000)
    minutes(lab, 3)
    order = lab.order("b")
    assert (order.unexited_qty, order.exit_reason, shares(lab)) == (0, "stop", OWN)
    check_held(lab, free=OWN, strangers=True)


def test_a_target_that_filled_with_too_few_shares_is_read_again(shared: Lab) -> None:
    lab = shared
    hold(lab)
    moves(lab, "53.60")
    few = TARGET | {"when": {"order_class": "oco", "status": "filled"}, "body": {"filled_qty": "60"}}
    lab.control.faults(few)
    minutes(lab, 3)
    order = lab.order("b")
    assert (order.unexited_qty, order.exit_reason, shares(lab)) == (0, "target", OWN)
    assert not alerts(lab)
    check_held(lab, free=OWN, strangers=True)


@pytest.mark.parametrize("own", [0, OWN])
def test_an_oco_that_was_taken_though_the_broker_refused_it_is_found(lab: Lab, own: int) -> None:
    """Only one guards the shares in the end, and what it sells is in the record."""
    if own:
        lab.control.position("TQQQ", own, "40")
    odd = {"kind": "error", "status": 422, "stage": "answer", "body": {"code": 42210000, "message": "something odd"}}
    lab.control.faults(OCO | odd | {"count": 1})
    run(lab, "b", **BRACKET)
    minutes(lab, 2)
    assert (lab.order("b").guard.protected, [guard.qty for guard in guards(lab)]) == (True, [100])
    assert not [alert for alert in alerts(lab) if "without protection" in alert]
    moves(lab, "49.50")
    minutes(lab)
    assert (lab.order("b").unexited_qty, lab.order("b").exit_reason, shares(lab)) == (0, "stop", own)
    check_held(lab, free=own, strangers=True)


def test_more_shares_than_there_are_make_no_sale_of_somebodys_own(lab: Lab) -> None:
    """One read shows 150 of 100 while a part of a bare bracket is closed: the bracket gave the 60, all of them."""
    lapse(lab)
    more = {"kind": "edit", "method": "GET", "path": "/v2/positions/*", "count": 1}
    shown = {"body": {"qty": "150", "qty_available": "150"}}
    whenever(lab, "broker.position", lambda: lab.control.faults(more | shown))
    close = run(lab, "c", kind="close", qty=60)
    assert (close.filled_qty, lab.order("b").unexited_qty, shares(lab)) == (60, 40, 40)
    minutes(lab, 3)
    assert [guard.qty for guard in guards(lab)] == [40]
    check_held(lab)


def test_a_short_position_that_is_shown_once_does_not_end_an_unwind(lab: Lab) -> None:
    lapse(lab)
    moves(lab, "49.50")
    other = {"kind": "edit", "method": "GET", "path": "/v2/positions/*", "count": 2}
    lab.control.faults(other | {"body": {"qty": "-100", "qty_available": "-100", "side": "short"}})
    minutes(lab, 2)
    order = lab.order("b")
    assert (order.unexited_qty, order.exit_reason, len(order.unwind.seen)) == (0, "unwind", 1)
    check_held(lab)
