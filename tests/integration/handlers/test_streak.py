"""Requests that the broker does not serve are counted at the end of each invocation, and halt trading."""

from __future__ import annotations

import json

import pytest

from repeg.wiring.inbox import intake
from tests.integration.handlers.conftest import Stack
from tests.integration.handlers.test_accept_signal import GOOD


def fail(stack: Stack, method: str, path: str) -> None:
    stack.control.faults({"method": method, "path": path, "kind": "error", "status": 503})


def test_an_order_that_is_not_served_halts_trading(stack: Stack) -> None:
    stack.ssm.put_parameter(Name="/repeg/settings/overrides", Value='{"trip_broker_errors": 2}', Type="String")
    intake().accept(json.dumps({"signal_id": "a"} | GOOD))
    fail(stack, "POST", "/v2/orders")
    stack.step("assess_market", stack.order("a").order_id)
    assert stack.orders.halts() == ()
    fail(stack, "GET", "/v2/*")
    stack.step("place_order", stack.order("a").order_id)
    [halt] = stack.orders.halts()
    assert halt.reason.startswith("tripped: 2 requests in a row were not served by the broker; trip_broker_errors is 2")
    told = [event["detail"] for event in stack.events() if event["detail-type"] == "Trading Control"]
    assert [detail["mode"] for detail in told] == ["halted"]


def test_a_healthy_order_writes_nothing_for_it(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    def unasked(_: object) -> None:
        raise AssertionError("trips were asked for")

    monkeypatch.setattr("repeg.store.orders.OrderStore.trips", unasked)
    intake().accept(json.dumps({"signal_id": "a"} | GOOD))
    order_id = stack.order("a").order_id
    assert stack.step("assess_market", order_id)["route"] == "RecordOutcome"
    assert stack.step("record_outcome", order_id)["route"] == "Done"
