"""Every state of the machine is reached on the local cloud, those for bad days included."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest

from repeg.domain.reasons import Reason, Status
from tests.support.cloud import Cloud
from tests.support.observed.lives import AT_ONCE, CLOSED, RE_PEGGED, SECURED, TIMED_OUT, told_once
from tests.support.stand_ins.machine import load_definition

pytestmark = pytest.mark.cloud


BRACKET = {
    "kind": "bracket",
    "symbol": "CRWD",
    "qty": 10,
    "signal_price": "534.82",
    "stop_loss": "529.47",
    "take_profit": "545.52",
}


def test_every_state_is_reached(cloud: Cloud) -> None:
    reached = {state for story in STORIES for state in story(cloud, f"m{uuid4().hex[:12]}")}
    assert reached == set(load_definition()["States"])


def test_orders_go_through_the_states_that_they_go_through_in_other_engines(cloud: Cloud, name: str) -> None:
    """The lives that `integration/test_second_engine.py` compares in two more."""
    lived: dict[str, list[str]] = {}

    def lives(what: str, status: Status, **signal: Any) -> None:
        cloud.send(signal_id=f"{name}-{what}", **signal)
        [order] = cloud.ended(f"{name}-{what}")
        assert order.status is status, (what, order.reason)
        lived[what] = told_once(cloud.states_of(order))

    cloud.open_market()
    lives("at-once", Status.FILLED, qty=10)
    up = {"symbol": "TQQQ", "bid": "50.97", "ask": "51.00", "bid_size": 2000, "ask_size": 2000}
    cloud.exchange.script({"on": {"symbol": "TQQQ", "event": "new", "side": "buy", "nth": 1}, **up})
    lives("re-pegged", Status.FILLED, qty=10)
    cloud.exchange.quote("CRWD", "534.70", "534.80", 500, 500)
    lives("bracket", Status.FILLED, **BRACKET)
    lives("closed", Status.FILLED, kind="close", symbol="CRWD", side=None)
    cloud.exchange.quote("CRWD", "535.10", "535.20", 500, 500)
    lives("timed-out", Status.UNFILLED, **BRACKET)
    with cloud.broken("check_fill"):
        lives("secured", Status.FAILED, **BRACKET)
    assert lived == {
        "at-once": AT_ONCE,
        "re-pegged": RE_PEGGED,
        "bracket": AT_ONCE,
        "closed": CLOSED,
        "timed-out": TIMED_OUT,
        "secured": SECURED,
    }


def _waits_its_turn(cloud: Cloud, name: str) -> list[str]:
    """Two orders on a stock whose quote is out of reach until the last rung: WaitForMarket, WaitForFill, CheckFill."""
    cloud.open_market()
    cloud.exchange.quote("AAPL", "229.95", "230.01", 800, 800)
    first = cloud.send(signal_id=f"{name}-1", symbol="AAPL", qty=10)
    second = cloud.send(signal_id=f"{name}-2", symbol="AAPL", qty=10)
    orders = cloud.ended(first, second)
    assert [order.status for order in orders] == [Status.FILLED, Status.FILLED]
    cloud.audit([first, second])
    return [state for order in orders for state in cloud.states_of(order)]


def _waits_for_a_cancel(cloud: Cloud, name: str) -> list[str]:
    """A cancel takes longer than the first look: WaitForCancel."""
    cloud.open_market()
    cloud.exchange.settings(cancel_ms=3000)
    cloud.exchange.script(
        {"on": {"symbol": "TQQQ", "event": "new", "nth": 1}, "symbol": "TQQQ", "bid": "50.98", "ask": "51.01"}
    )
    cloud.send(signal_id=name, qty=10)
    [order] = cloud.ended(name)
    assert order.status is Status.FILLED
    cloud.audit([name])
    return cloud.states_of(order)


def _loses_its_submit(cloud: Cloud, name: str) -> list[str]:
    """No submit ever arrives: looked up, sent once more, looked up, secured: WaitToPlace, WaitToSecure."""
    cloud.open_market()
    cloud.exchange.faults({"method": "POST", "path": "/v2/orders", "kind": "drop_before"})
    cloud.send(signal_id=name, qty=10)
    # An entry counts as never sent only when no worker that may send it can live any more: 75 s.
    [order] = cloud.ended(name)
    assert (order.status, order.reason) == (Status.FAILED, Reason.BROKER_UNAVAILABLE)
    cloud.exchange.faults()
    cloud.audit([name])
    posts = [call for call in cloud.calls_since(0).elements() if call == "POST /v2/orders"]
    assert len(posts) == 2
    return cloud.states_of(order)


def _cannot_even_be_secured(cloud: Cloud, name: str) -> list[str]:
    """What should make a live order safe fails, too: tried again until it works: WaitAfterTrouble."""
    cloud.open_market()
    cloud.exchange.quote("TQQQ", "50.95", "50.98", 2000, 4)
    with cloud.broken("cancel_order"), cloud.broken("secure_position"):
        cloud.send(signal_id=name, qty=10)
        order = cloud.until("known", lambda: cloud.orders.find(name))
        cloud.until("in trouble", lambda: "WaitAfterTrouble" in cloud.states_of(order))
    [order] = cloud.ended(name)
    assert (order.status, order.filled_qty) == (Status.FAILED, 4)
    cloud.audit([name])
    return cloud.states_of(order)


def _cannot_be_protected(cloud: Cloud, name: str) -> list[str]:
    """The position shows late, then the market is through the stop: WaitToProtect, UnwindPosition, WaitForUnwind.

    After three refusals, seconds apart: on a slow machine, too, the first is there before the market falls.
    """
    cloud.open_market()
    cloud.exchange.quote("CRWD", "534.70", "534.80", 500, 500)
    late = {"code": 42210000, "message": "oco orders must be exit orders"}
    oco = {"method": "POST", "path": "/v2/orders", "order_class": "oco", "kind": "error", "status": 422}
    cloud.exchange.faults(oco | {"body": late, "count": 3})
    falls = {"symbol": "CRWD", "bid": "529.00", "ask": "529.10", "bid_size": 500, "ask_size": 500}
    cloud.exchange.script({"on": {"symbol": "CRWD", "event": "filled", "side": "buy"}, "after": 2.5, **falls})
    cloud.send(signal_id=name, **BRACKET)
    [order] = cloud.ended(name)
    assert (order.status, order.reason) == (Status.UNWOUND, Reason.PROTECTION_FAILED)
    cloud.audit([name])
    return cloud.states_of(order)


def _is_released_slowly(cloud: Cloud, name: str) -> list[str]:
    """A close whose cancel of the protection takes its time: ReleaseProtection, WaitForRelease."""
    cloud.open_market()
    cloud.exchange.quote("CRWD", "534.70", "534.80", 500, 500)
    cloud.send(signal_id=name, **BRACKET)
    cloud.ended(name)
    cloud.exchange.settings(cancel_ms=3000)
    close = cloud.send(signal_id=f"{name}-c", kind="close", symbol="CRWD", side=None)
    [order] = cloud.ended(close)
    assert (order.status, order.filled_qty) == (Status.FILLED, 10)
    cloud.audit([name, close])
    return cloud.states_of(order)


def _works_no_order(cloud: Cloud, name: str) -> list[str]:
    """An execution that somebody started by hand owns no order, and ends: Done."""
    states = cloud.connection.stepfunctions
    started = states.start_execution(
        stateMachineArn=cloud.machine, name=f"ord-{name}-1", input=json.dumps({"order_id": f"ord-{name}"})
    )
    arn = started["executionArn"]
    cloud.until("over", lambda: states.describe_execution(executionArn=arn)["status"] == "SUCCEEDED")
    events = states.get_execution_history(executionArn=arn)["events"]
    return [event["stateEnteredEventDetails"]["name"] for event in events if "stateEnteredEventDetails" in event]


STORIES = (
    _waits_its_turn,
    _waits_for_a_cancel,
    _loses_its_submit,
    _cannot_even_be_secured,
    _cannot_be_protected,
    _is_released_slowly,
    _works_no_order,
)
