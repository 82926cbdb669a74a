"""A worker that is held up, and lives: what it wakes up to send, or has sent, is never forgotten and never twice."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from repeg.domain.reasons import Status
from tests.support.crowd import Crowd
from tests.support.lab import Lab
from tests.support.leaving import BRACKET, hold
from tests.support.scenes import alerts, by_hand, journal, on_order, send, submits

NOT_FOUND = {"code": 40410000, "message": "order not found"}
LOOKUP = {"method": "GET", "path": "/v2/orders:by_client_order_id*", "kind": "error", "status": 404, "body": NOT_FOUND}
LIST = {"method": "GET", "path": "/v2/orders", "kind": "error", "status": 200, "body": []}
POSITION = {"method": "GET", "path": "/v2/positions*", "kind": "hide"}


def _held(lab: Lab, symbol: str = "TQQQ") -> Decimal:
    positions = {entry["symbol"]: entry for entry in by_hand(lab, "GET", "positions")}
    return Decimal(positions[symbol]["qty"]) if symbol in positions else Decimal(0)


WHERE = [
    ("broker.submit", 1, False),
    ("budget.spend", 1, False),
    ("budget.spend", 1, True),
    ("broker.submit", 1, True),
    ("store.save", 1, False),
    ("store.save", 1, True),
]
"""Around the first send of an order at once: before the call, within it, and with its answer in the hand."""


@pytest.mark.parametrize("seconds", [8, 100])
@pytest.mark.parametrize(("on", "nth", "after"), WHERE)
@pytest.mark.parametrize("signal", [{"qty": 100}, BRACKET], ids=["order", "bracket"])
def test_a_close_while_the_entry_s_worker_is_held_up(
    lab: Lab, signal: dict[str, Any], on: str, nth: int, after: bool, seconds: int
) -> None:
    with Crowd(lab) as crowd:
        send(lab, "a", **signal)
        crowd.stall(on, seconds, nth=nth, after=after)
        crowd.work(until="2026-11-20T10:00:01-05:00")
        send(lab, "c", kind="close")
        crowd.work(until="2026-11-20T10:09:00-05:00", sweep_every=60)
        crowd.work()
    for _ in range(2):
        lab.sweep()
        lab.work()
    assert lab.order("a").status.terminal
    assert lab.order("c").status.terminal
    lab.check()
    assert _held(lab) == sum((order.unexited_qty for order in lab.orders.newest()), Decimal(0)) + max(
        Decimal(0), lab.order("a").filled_qty * (signal is not BRACKET) - lab.order("c").filled_qty
    )
    for order in lab.orders.newest():
        assert order.uncovered_qty <= 0, "nothing stays bare"


@pytest.mark.parametrize("on", ["broker.submit", "budget.spend"])
def test_a_late_intent_is_saved_anew_and_sent_once(lab: Lab, on: str) -> None:
    """Nobody else wants the order: the fence holds, so it is priced and sent again."""
    with Crowd(lab) as crowd:
        send(lab)
        crowd.stall(on, 15)
        crowd.work(until="2026-11-20T10:00:10-05:00")
        lab.control.quote("TQQQ", "50.96", "50.99", 2000, 2000)
        crowd.work()
    order = lab.order("a")
    assert (order.status, order.filled_qty) == (Status.FILLED, 100)
    assert len(submits(lab)) == 1, "the late one was not sent"
    assert order.avg_fill_price == Decimal("50.99"), "priced by the market as it is when it is sent"
    lab.check()


def test_an_intent_is_sent_within_three_seconds(lab: Lab) -> None:
    with Crowd(lab) as crowd:
        send(lab)
        crowd.stall("budget.spend", 2.9, after=True)
        crowd.work()
    assert len(submits(lab)) == 1
    order = lab.order("a")
    assert (order.status, len(order.children)) == (Status.FILLED, 1)


def test_a_stale_worker_sends_nothing_and_writes_nothing(lab: Lab) -> None:
    with Crowd(lab) as crowd:
        send(lab)
        crowd.stall("budget.spend", 200, after=True)
        crowd.work(until="2026-11-20T10:00:01-05:00")
        send(lab, "c", kind="close")
        crowd.work()
    assert not submits(lab)
    assert lab.order("a").status is Status.SUPERSEDED
    assert not lab.order("a").filled_qty
    lab.check()


def test_never_sent_is_not_concluded_while_a_sender_may_live(lab: Lab) -> None:
    """The worker died with its intent written: a close waits for as long as one that lives could still send it."""
    lab.control.position("TQQQ", 40, "50")
    with Crowd(lab) as crowd:
        send(lab)
        crowd.stall("broker.submit", 10_000)
        crowd.work(until="2026-11-20T10:00:01-05:00")
        send(lab, "c", kind="close")
        crowd.work(until="2026-11-20T10:01:10-05:00", sweep_every=60)
        assert not lab.order("a").status.terminal
        assert not submits(lab)
        told = [text for text in alerts(lab) if "may still arrive" in text]
        assert len(told) == 1, "the operator knows why the close waits"
        crowd.work(until="2026-11-20T10:02:30-05:00", sweep_every=60)
    assert lab.order("a").status is Status.SUPERSEDED
    assert (lab.order("c").status, lab.order("c").filled_qty) == (Status.FILLED, 40)
    lab.check()


def _given_up(lab: Lab, crowd: Crowd, signal: dict[str, Any], price_moves: bool) -> None:
    """An entry is accepted while nobody can see it, and given up; then its worker wakes with the answer in its hand."""
    if price_moves:
        on_order(lab, "new", "50.95", "51.20")
    send(lab, "a", **signal)
    crowd.stall("broker.submit", 200, after=True)
    crowd.work(until="2026-11-20T10:00:00.05-05:00")
    blind = {"count": 1000}
    lab.control.faults(LOOKUP | blind, LIST | blind, POSITION | blind)
    send(lab, "c", kind="close")
    crowd.work(until="2026-11-20T10:03:00-05:00", sweep_every=60)
    assert lab.order("a").status.terminal, "given up: nothing showed it, and no sender could live"
    lab.control.faults()


@pytest.mark.parametrize("signal", [{"qty": 100}, BRACKET], ids=["order", "bracket"])
def test_an_accepted_order_in_the_hand_of_a_stale_worker_is_taken_back(lab: Lab, signal: dict[str, Any]) -> None:
    with Crowd(lab) as crowd:
        _given_up(lab, crowd, signal, price_moves=True)
        crowd.work()
    assert journal(lab, event="canceled"), "it rested, and was cancelled"
    order = lab.order("a")
    assert order.filled_qty == 0
    assert order.children[0].broker_order_id
    lab.check(strangers=True)
    assert _held(lab) == 0


@pytest.mark.parametrize("signal", [{"qty": 100}, BRACKET], ids=["order", "bracket"])
def test_a_fill_in_the_hand_of_a_stale_worker_is_recorded_told_and_protected(lab: Lab, signal: dict[str, Any]) -> None:
    lab.control.position("TQQQ", 40, "50")
    with Crowd(lab) as crowd:
        _given_up(lab, crowd, signal, price_moves=False)
        crowd.work()
    order = lab.order("a")
    assert order.filled_qty == 100
    assert any("arrived after it was given up" in text for text in alerts(lab))
    for _ in range(4):
        lab.sweep()
        lab.work()
        lab.sleep(60)
    if signal is BRACKET:
        assert lab.order("a").guard.protected
        assert lab.order("a").uncovered_qty == 0


@pytest.mark.parametrize("seconds", [8, 100])
@pytest.mark.parametrize("on", ["broker.protect", "budget.spend"])
@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("close", [None, 40])
def test_a_close_while_the_protection_s_worker_is_held_up(
    lab: Lab, on: str, after: bool, seconds: int, close: int | None
) -> None:
    with Crowd(lab) as crowd:
        send(lab, "a", **BRACKET)
        nth = 1 if on == "broker.protect" else 3
        crowd.stall(on, seconds, nth=nth, after=after)
        crowd.work(until="2026-11-20T10:00:01-05:00")
        if close:
            send(lab, "c", kind="close", qty=close)
        crowd.work(until="2026-11-20T10:09:00-05:00", sweep_every=60)
        crowd.work()
    for _ in range(3):
        lab.sweep()
        lab.work()
    lab.check()
    order = lab.order("a")
    assert _held(lab) == order.unexited_qty == 100 - (close or 0)
    assert order.uncovered_qty == 0
    live = [each for each in by_hand(lab, "GET", "orders?status=open&nested=true") if each["order_class"] == "oco"]
    assert sum(Decimal(each["qty"]) for each in live) == order.unexited_qty


@pytest.mark.parametrize("nth", [3, 6], ids=["taking down", "putting back"])
def test_a_close_s_worker_that_wakes_behind_its_successor_leaves_the_shares_guarded(lab: Lab, nth: int) -> None:
    """Held up before it reads the bracket, it wakes when the rest is protected again, and would take that down."""
    hold(lab, "a")
    lab.sleep(20)

    def successor() -> None:
        close = lab.order("c")
        lab.orders.adopt(close, lab.arn(close.order_id, 2))
        lab.start(close.order_id, 2)
        crowd.pause(60)

    with Crowd(lab) as crowd:
        lab.stall("store.get", successor, nth=nth)
        send(lab, "c", kind="close", qty=40)
        crowd.work()
    order = lab.order("a")
    assert (_held(lab), order.unexited_qty, order.uncovered_qty, order.guard.protected) == (60, 60, 0, True)
    lab.check()
