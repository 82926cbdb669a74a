"""The comparison as it is deployed: fired by its rule, asked by an operator, with a broker that is down."""

from __future__ import annotations

import pytest

from repeg.reconcile import run
from repeg.store.items import to_item, turn_key
from tests.integration.handlers.conftest import Stack

FIRED = {"source": "aws.events", "detail-type": "Scheduled Event"}
AGREE = {"drift": 0, "mended": 0, "findings": []}


def _dead_turn(stack: Stack) -> None:
    dead = to_item({"order_id": f"ord-{'0' * 20}"})
    stack.control.position("TQQQ", 5, "50.00")
    stack.dynamodb.put_item(TableName="repeg", Item=turn_key("TQQQ") | dead)


def test_who_asks_changes_nothing_and_the_schedule_mends(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    # The exchange's own clock runs, and nothing moves on it: the second look may come soon.
    monkeypatch.setattr(run, "LOOKS_APART_SECONDS", 0.1)
    assert stack.call("reconcile_book", FIRED) == AGREE
    _dead_turn(stack)
    asked = stack.call("reconcile_book", {"fix": False})
    assert (asked["drift"], asked["mended"]) == (1, 0)
    [found] = asked["findings"]
    assert (found["what"], found["symbol"], found["heal"]) == ("turn without an owner", "TQQQ", "release it")
    assert stack.call("reconcile_book", {"fix": False}) == asked
    assert stack.call("reconcile_book", FIRED)["mended"] == 1
    assert stack.call("reconcile_book", FIRED) == AGREE


def test_a_broker_that_is_down_is_no_drift_and_no_error(stack: Stack) -> None:
    stack.control.faults({"method": "GET", "path": "/v2/positions", "kind": "error", "status": 503})
    told = stack.call("reconcile_book", FIRED)
    assert told["drift"] is None and "503" in told["why"]
