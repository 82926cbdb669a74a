"""Requests that are reserved ahead: whatever becomes of an order, the budget counts what was sent and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from desk.report.truth import trading_calls
from repeg.budget.table import budget_key
from repeg.domain.halt import Halt, Mode
from repeg.domain.order.record import Order
from repeg.domain.reasons import Reason, Status
from tests.support.brackets import CRWD, OCO, SUBMIT, bracket, crwd, moves
from tests.support.crowd import Crowd
from tests.support.lab import Lab
from tests.support.scenes import by_hand, market_time, on_order, run, send, whenever


def _counted(lab: Lab) -> int:
    """Requests that the budget counts; within a minute of the lab's start that is every one."""
    item = lab.orders._client.get_item(TableName=lab.orders._table, Key=budget_key("lab"))["Item"]
    return int(item["total"]["N"])


def _sent(lab: Lab) -> int:
    return len(trading_calls(lab.control.journal()))


def _nothing_is_reserved(order: Order) -> bool:
    return order.guard.reserved is None and all(child.reserved is None for child in order.children)


def _plain(lab: Lab) -> Order:
    return run(lab, qty=100)


def _down_the_ladder(lab: Lab) -> Order:
    on_order(lab, "new", "50.99", "51.02")
    order = run(lab, ladder="better_orders")
    assert len(order.children) > 1
    return order


def _refused(lab: Lab) -> Order:
    lab.control.faults(SUBMIT | {"kind": "error", "status": 403, "body": {"code": 1, "message": "no"}, "count": 1})
    return run(lab, qty=100)


def _answer_lost(lab: Lab) -> Order:
    lab.control.faults(SUBMIT | {"kind": "drop_after", "count": 1})
    return run(lab, qty=100)


def _never_arrived(lab: Lab) -> Order:
    lab.control.faults(SUBMIT | {"kind": "error", "status": 504, "count": 1})
    return run(lab, qty=100)


def _halted(lab: Lab) -> Order:
    lab.orders.keep_halt(Halt(mode=Mode.HALTED))
    return run(lab, qty=100)


def _cancelled_unclearly(lab: Lab) -> Order:
    on_order(lab, "new", "50.99", "51.02")
    lab.control.faults({"method": "DELETE", "path": "/v2/orders/*", "kind": "error", "status": 504, "count": 2})
    return run(lab, ladder="better_orders")


def _bracket(lab: Lab) -> Order:
    crwd(lab)
    return run(lab, **CRWD)


def _bracket_in_two_parts(lab: Lab) -> Order:
    crwd(lab, size=10)
    moves(lab, "fill", "534.71", "534.81", after=1)
    return run(lab, **CRWD)


def _protection_late(lab: Lab) -> Order:
    """Sent and read in other seconds than the one in which the requests for it were reserved."""
    whenever(lab, "broker.protect", lambda: lab.sleep(2))
    return _bracket(lab)


def _protection_refused(lab: Lab) -> Order:
    lab.control.faults(OCO | {"kind": "error", "status": 403, "body": {"code": 1, "message": "no"}, "count": 1})
    return _bracket(lab)


def _fallen_before_it_is_protected(lab: Lab) -> Order:
    crwd(lab)
    moves(lab, "filled", "529.00", "529.10")
    order = bracket(lab)
    assert order.status is Status.UNWOUND
    return order


def _closed_before_it_is_whole(lab: Lab) -> Order:
    crwd(lab, size=10)
    moves(lab, "fill", "534.70", "535.50")
    send(lab, "a", **CRWD)
    with Crowd(lab) as crowd:
        crowd.work(until=market_time("10:00:02"))
        assert lab.order("a").filled_qty == 10
        send(lab, "c", kind="close", symbol="CRWD")
        crowd.work()
    assert lab.order("a").status is Status.SUPERSEDED
    return lab.order("a")


@pytest.mark.parametrize(
    "scene",
    [
        _plain,
        _down_the_ladder,
        _refused,
        _answer_lost,
        _never_arrived,
        _halted,
        _cancelled_unclearly,
        _bracket,
        _bracket_in_two_parts,
        _protection_late,
        _protection_refused,
        _fallen_before_it_is_protected,
        _closed_before_it_is_whole,
    ],
)
def test_the_budget_counts_what_was_sent(lab: Lab, scene: Callable[[Lab], Order]) -> None:
    order = scene(lab)
    assert order.status.terminal
    assert (_counted(lab), _nothing_is_reserved(order)) == (_sent(lab), True)
    lab.check()


def test_a_look_that_takes_several_requests_is_counted_whole(lab: Lab) -> None:
    """One request was reserved for it; the target that somebody moved takes a read more."""
    others: list[Any] = []

    def meanwhile() -> None:
        group = next(each for each in by_hand(lab, "GET", "orders?status=open&nested=true") if each["legs"])
        others.append(by_hand(lab, "PATCH", f"orders/{group['id']}", {"limit_price": "545.60"}))
        lab.sleep(2)

    whenever(lab, "broker.order", meanwhile, nth=2)
    order = _bracket(lab)
    assert (order.status, order.guard.protected, len(others)) == (Status.FILLED, True, 1)
    assert order.guard.protections[-1].working_levels.target == Decimal("545.60")
    assert _counted(lab) == _sent(lab) - 2 * len(others)


def test_what_was_reserved_for_a_send_whose_fate_stays_unknown_comes_back(lab: Lab) -> None:
    """The next comparison of the book called it a difference, and rang."""
    lab.control.faults(SUBMIT | {"kind": "error", "status": 500})
    order = run(lab, qty=100)
    assert (order.status, order.reason) == (Status.FAILED, Reason.BROKER_UNAVAILABLE)
    assert _nothing_is_reserved(order)
    lab.control.faults()
    lab.sleep(61)
    assert lab.reconcile(fix=False)["findings"] == []
