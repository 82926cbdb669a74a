"""Every state of the machine is reached on the local cloud, those for bad days included."""

from __future__ import annotations

from uuid import uuid4

import pytest

from repeg.domain.reasons import Reason, Status
from tests.support.cloud import Cloud
from tests.support.machine import load_definition

pytestmark = pytest.mark.cloud


def test_every_state_is_reached(cloud: Cloud) -> None:
    reached = {
        state
        for story in (_waits_its_turn, _waits_for_a_cancel, _loses_its_submit, _loses_its_keys)
        for state in story(cloud, f"m{uuid4().hex[:12]}")
    }
    assert reached == set(load_definition()["States"])


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
    [order] = cloud.ended(name)
    assert (order.status, order.reason) == (Status.FAILED, Reason.BROKER_UNAVAILABLE)
    cloud.exchange.faults()
    cloud.audit([name])
    posts = [call for call in cloud.calls_since(0).elements() if call == "POST /v2/orders"]
    assert len(posts) == 2
    return cloud.states_of(order)


def _loses_its_keys(cloud: Cloud, name: str) -> list[str]:
    """The keys stop working while an order is live: secured in a loop until they work again: WaitAfterTrouble."""
    cloud.open_market()
    cloud.exchange.quote("TQQQ", "50.95", "50.98", 2000, 4)
    cloud.send(signal_id=name, qty=10)
    cloud.until("partly filled", lambda: (order := cloud.orders.find(name)) and order.filled_qty == 4)
    cloud.exchange.settings(key_id="ANOTHER", secret_key="another")
    order = cloud.order(name)
    cloud.until("in trouble", lambda: "WaitAfterTrouble" in cloud.states_of(order))
    cloud.exchange.settings(key_id="LOCAL", secret_key="local")
    [order] = cloud.ended(name)
    assert (order.status, order.filled_qty) == (Status.FAILED, 4)
    cloud.audit([name])
    return cloud.states_of(order)
