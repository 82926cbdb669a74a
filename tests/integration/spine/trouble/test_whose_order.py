"""What bears our id need not be ours, and what is ours need not be found by its id."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from repeg.domain.order.protection import ProtectionStatus
from repeg.domain.reasons import Reason, Status
from tests.support.lab import Lab
from tests.support.leaving import BRACKET, hold, minutes
from tests.support.scenes import alerts, by_hand, journal, on_order, run, send, submits, whenever
from tests.support.watching import cancel_protection

NOT_FOUND = {"code": 40410000, "message": "order not found"}
BY_OUR_ID = {"method": "GET", "path": "/v2/orders:by_client_order_id*", "kind": "error", "status": 404}
BY_ITS_ID = {"method": "GET", "path": "/v2/orders/*", "kind": "error", "status": 404}
LOST = {"method": "POST", "path": "/v2/orders", "kind": "drop_after", "count": 1}


def _take(lab: Lab, name: str, *, wait: float = 0, **terms: Any) -> dict[str, Any]:
    """Somebody's order that bears the id which the order `a` will use."""
    body = {"symbol": "TQQQ", "side": "buy", "qty": 1, "type": "limit", "time_in_force": "day", "limit_price": "60.02"}
    order = lab.order("a")
    body |= {"client_order_id": getattr(order, name)} | terms
    taken: dict[str, Any] = by_hand(lab, "POST", "orders", {key: value for key, value in body.items() if value})
    lab.sleep(0.2 + wait)
    return taken


def test_an_order_that_is_not_ours_is_not_adopted(lab: Lab) -> None:
    send(lab)
    _take(lab, "client_order_id")
    lab.work()
    order = lab.order("a")
    assert (order.status, order.reason) == (Status.REJECTED, Reason.CLIENT_ORDER_ID_TAKEN)
    assert order.filled_qty == 0
    told = [text for text in alerts(lab) if "is not ours" in text]
    assert len(told) == 1
    assert "buy 1 TQQQ" in told[0]
    assert "quantity 1 instead of 100" in told[0]


@pytest.mark.parametrize(
    "terms",
    [
        {"qty": 100, "limit_price": "60"},
        {"qty": 99, "limit_price": "50.99"},
        {"qty": 100, "limit_price": "50.99", "symbol": "SPY"},
        {"qty": 100, "type": "market", "limit_price": None},
        {"qty": 100, "limit_price": "50.99", "wait": 120},
    ],
    ids=["price", "quantity", "symbol", "type", "older"],
)
def test_what_is_found_under_an_id_is_compared(lab: Lab, terms: dict[str, Any]) -> None:
    lab.control.quote("SPY", "50.95", "50.98", 2000, 2000)
    send(lab)
    lab.control.quote("TQQQ", "50.95", "50.98", 2000, 2000)
    _take(lab, "client_order_id", **terms)
    lab.control.quote("TQQQ", "50.95", "50.98", 2000, 2000)
    lab.work()
    order = lab.order("a")
    assert (order.status, order.reason, order.filled_qty) == (Status.REJECTED, Reason.CLIENT_ORDER_ID_TAKEN, 0)


def test_a_close_whose_id_is_taken_sells_under_its_next_one(lab: Lab) -> None:
    lab.control.position("TQQQ", 100, "50")
    send(lab, "a", kind="close")
    _take(lab, "client_order_id", side="buy", limit_price="40")
    lab.work()
    order = lab.order("a")
    assert (order.status, order.filled_qty) == (Status.FILLED, 100)
    assert any("is not ours" in text for text in alerts(lab))
    assert order.sent[0].client_order_id.endswith("-e2")


def test_a_bracket_is_protected_under_the_next_id(lab: Lab) -> None:
    send(lab, "a", **BRACKET)
    whenever(lab, "broker.protect", lambda: _take(lab, "protective_client_order_id_taken") and None)
    _also_names(lab)
    lab.work()
    order = lab.order("a")
    assert order.guard.protected
    assert [oco.status for oco in order.guard.protections] == [ProtectionStatus.REFUSED, ProtectionStatus.LIVE]
    assert any("is not ours" in text for text in alerts(lab))


def _also_names(lab: Lab) -> None:
    """At the time of the send the OCO is written down: its id is the newest one's."""
    real = lab.order

    def order(signal_id: str) -> Any:
        found = real(signal_id)
        name = found.guard.protections[-1].client_order_id if found.guard.protections else ""
        return type("Named", (), {"protective_client_order_id_taken": name})() if name else found

    whenever(lab, "broker.protect", lambda: setattr(lab, "order", order))
    whenever(lab, "broker.order_by_client_id", lambda: setattr(lab, "order", real))


def test_our_order_is_ours_though_its_answer_was_lost_and_it_is_found_late(lab: Lab) -> None:
    on_order(lab, "new", "50.99", "51.02")
    lab.control.faults(LOST, {"method": "GET", "path": "/v2/orders:*", "kind": "error", "status": 503, "count": 7})
    order = run(lab)
    assert order.status is not Status.REJECTED
    assert order.children[0].broker_order_id
    lab.check()


def test_one_that_was_replaced_by_hand_is_still_ours(lab: Lab) -> None:
    """The answer was lost, and before anybody looked somebody moved its price: the id still names the old one."""
    on_order(lab, "new", "50.99", "51.02")
    lab.control.faults(LOST)

    def move() -> None:
        (resting,) = by_hand(lab, "GET", "orders?status=open")
        by_hand(lab, "PATCH", f"orders/{resting['id']}", {"limit_price": "51.03"})
        lab.sleep(0.2)

    send(lab)
    whenever(lab, "broker.order_by_client_id", move)
    lab.work()
    order = lab.order("a")
    assert (order.status, order.filled_qty) == (Status.FILLED, 100)
    assert not any("is not ours" in text for text in alerts(lab))


def test_ids_are_the_tables_own(lab: Lab) -> None:
    run(lab, "a", **BRACKET)
    order = lab.order("a")
    assert len(order.namespace) == 8
    ids = [order.children[0].client_order_id, order.guard.protections[0].client_order_id]
    assert ids == [f"{order.order_id}-{order.namespace}-{which}" for which in ("e1", "p1")]
    assert all(len(each) <= 48 for each in ids)


def test_an_unwind_inherits_the_identity(lab: Lab) -> None:
    on_order(lab, "fill", "49.90", "49.93")
    order = run(lab, "a", **BRACKET)
    assert order.unwind.order_id
    leaving = lab.order(order.unwind.order_id)
    assert leaving.namespace == order.namespace != ""


@pytest.mark.parametrize("signal", [{"qty": 100}, BRACKET], ids=["order", "bracket"])
def test_what_only_the_list_shows_is_believed(lab: Lab, signal: dict[str, Any]) -> None:
    lab.control.faults(LOST, BY_OUR_ID | {"body": NOT_FOUND})
    order = run(lab, "a", **signal)
    assert (order.status, order.filled_qty) == (Status.FILLED, 100)
    assert len(submits(lab)) == (2 if signal is BRACKET else 1)
    if signal is BRACKET:
        assert order.guard.protected
    assert not alerts(lab)
    lab.check()


def test_a_lost_oco_that_only_the_list_shows_is_believed(lab: Lab) -> None:
    lab.control.faults(LOST | {"order_class": "oco"}, BY_OUR_ID | {"body": NOT_FOUND})
    order = run(lab, "a", **BRACKET)
    assert order.guard.protected
    assert len(order.guard.protections) == 1
    assert len(journal(lab, event="accepted")) == 3
    lab.check()


def test_a_resting_order_that_no_id_leads_to_any_more_is_followed_in_the_list(lab: Lab) -> None:
    on_order(lab, "new", "50.99", "51.02", nth=1)
    on_order(lab, "new", "51.00", "51.03", nth=2)
    on_order(lab, "new", "51.01", "51.04", nth=3)
    lab.control.faults(BY_OUR_ID | {"body": NOT_FOUND}, BY_ITS_ID | {"body": NOT_FOUND})
    order = run(lab)
    assert order.status.terminal
    assert not any(child.lost for child in order.children)
    lab.check()


def test_a_listed_oco_counts_as_there(lab: Lab) -> None:
    run(lab, "a", **BRACKET)
    lab.control.faults(BY_OUR_ID | {"body": NOT_FOUND}, BY_ITS_ID | {"body": NOT_FOUND})
    for _ in range(6):
        lab.sleep(60)
        lab.sweep()
        lab.work()
    order = lab.order("a")
    assert order.guard.protected
    assert not any("unknown to the broker" in text for text in alerts(lab))
    assert Decimal(by_hand(lab, "GET", "positions")[0]["qty"]) == 100


def test_another_stack_on_the_account_is_somebody_else(lab: Lab) -> None:
    """It had the same signal, so its order has the same id but for the table's identity: what it sold is gone."""
    held = hold(lab)
    cancel_protection(lab, held)
    lab.sweep()
    theirs = f"{held.order_id}-{'0' * 8}-e2"
    sale = {"symbol": "TQQQ", "side": "sell", "qty": 40, "type": "market", "time_in_force": "day"}
    by_hand(lab, "POST", "orders", sale | {"client_order_id": theirs})
    lab.sleep(0.5)
    minutes(lab, 3)
    order = lab.order("b")
    assert (order.unexited_qty, order.care.frozen, order.guard.protected) == (60, "", True)
    assert any("40 TQQQ were left by somebody else" in text for text in alerts(lab))
