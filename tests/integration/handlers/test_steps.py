"""The machine's functions and the sweeper, invoked as Step Functions and the scheduler invoke them."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from repeg.broker.alpaca_wire import Wire
from repeg.domain.patience import SECURE_ENTRY_ROUNDS
from repeg.domain.reasons import Reason, Status
from repeg.domain.routes import Next, Route
from repeg.errors import ConfigurationError
from repeg.wiring import clients, connection
from repeg.wiring.handlers import run_step
from repeg.wiring.inbox import intake
from tests.integration.handlers.conftest import Stack, forget_everything, handler_of

STEPS = [
    "assess_market",
    "place_order",
    "check_fill",
    "cancel_order",
    "secure_position",
    "record_outcome",
]


def _accept(stack: Stack, name: str = "a", **changes: Any) -> str:
    """A signal taken in by its handler's own code; returns the order's id."""
    body = {"signal_id": name, "kind": "order", "symbol": "TQQQ", "side": "buy", "qty": "100"} | changes
    intake().accept(json.dumps(body))
    return stack.order(name).order_id


def _drive(stack: Stack, order_id: str, number: int = 1) -> list[str]:
    """Take the routes as the machine would (its waits in real time are short here); returns the states entered."""
    names = {
        "AssessMarket": "assess_market",
        "PlaceOrder": "place_order",
        "WaitToPlace": "place_order",
        "WaitForFill": "check_fill",
        "CancelOrder": "cancel_order",
        "WaitOutPatience": "cancel_order",
        "WaitForCancel": "cancel_order",
        "SecurePosition": "secure_position",
        "RecordOutcome": "record_outcome",
    }
    entered, state = [], "AssessMarket"
    while state != "Done" and len(entered) < 30:
        entered.append(state)
        state = stack.step(names[state], order_id, number)["route"]
    return entered


def test_an_order_goes_through_every_handler_to_its_outcome(stack: Stack) -> None:
    order_id = _accept(stack)
    assert _drive(stack, order_id) == ["AssessMarket", "RecordOutcome"]
    order = stack.order("a")
    assert (order.status, order.filled_qty, order.run.published) == (Status.FILLED, 100, True)
    told = stack.events()
    assert [event["detail-type"] for event in told] == ["Order Outcome"]
    assert told[0]["detail"]["status"] == "filled"
    assert told[0]["detail"]["avg_fill_price"] == "50.98"


def test_an_order_behind_another_asks_the_table_six_times_until_it_is_sent(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each call is some milliseconds between a signal and its market: what all orders share is not asked for each."""
    asked: list[str] = []
    heard = _Heard(clients.client("dynamodb"), asked)
    others = clients.client
    monkeypatch.setattr(clients, "client", lambda service: heard if service == "dynamodb" else others(service))
    call = Wire.call
    monkeypatch.setattr(Wire, "call", lambda *args: (asked.append(f"{args[1]} {args[2]}"), call(*args))[1])
    _drive(stack, _accept(stack, "first"))
    asked.clear()
    order_id = _accept(stack, "second")
    assert asked.pop(0) == "transact_write_items"
    _drive(stack, order_id)
    # Its record, its line, its turn; the requests that are set aside, the intent, and what is halted.
    assert asked[: asked.index("POST /orders")] == [
        *("get_item", "query", "transact_write_items", "GET /stocks/snapshots"),
        *("update_item", "put_item", "query"),
    ]


class _Heard:
    """A client whose calls are noted by name."""

    def __init__(self, client: Any, asked: list[str]) -> None:
        self._inner, self._asked = client, asked

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if name == "get_paginator":
            return lambda operation: (self._asked.append(operation), found(operation))[1]
        return lambda **request: (self._asked.append(name), found(**request))[1]


def test_a_resting_order_is_checked_cancelled_and_re_pegged(stack: Stack) -> None:
    away = {"bid": "50.99", "ask": "51.02", "bid_size": 2000, "ask_size": 2000}
    stack.control.script({"on": {"symbol": "TQQQ", "event": "new", "nth": 1}, "symbol": "TQQQ", **away})
    entered = _drive(stack, _accept(stack))
    assert {"WaitOutPatience", "PlaceOrder"} <= set(entered)
    order = stack.order("a")
    assert (order.status, order.repegs) == (Status.FILLED, 1)


def test_every_answer_is_a_route_and_whole_seconds(stack: Stack) -> None:
    order_id = _accept(stack)
    answer = stack.step("assess_market", order_id)
    assert set(answer) == {"route", "seconds"}
    assert Route(answer["route"]) is Route.RECORD_OUTCOME
    assert isinstance(answer["seconds"], int)
    assert json.dumps(answer)


@pytest.mark.parametrize("function", STEPS)
def test_a_warm_up_builds_clients_and_does_nothing(stack: Stack, function: str) -> None:
    assert stack.call(function, {"warm_up": True}) == {"route": "Done", "seconds": 0}
    assert not [entry for entry in stack.control.journal() if entry["type"] == "request"]


@pytest.mark.parametrize("function", STEPS)
def test_an_execution_that_no_longer_owns_the_order_ends_quietly(stack: Stack, function: str) -> None:
    order_id = _accept(stack)
    adopted = stack.orders.adopt(stack.order("a"), "arn:2")
    assert stack.step(function, order_id, number=1) == {"route": "Done", "seconds": 0}
    assert stack.order("a") == adopted
    assert not [entry for entry in stack.control.journal() if entry["type"] == "request"]


@pytest.mark.parametrize("function", STEPS)
@pytest.mark.parametrize("execution", ["ord-nobody-1", "started-by-hand", "", "ord-nobody-9999999999999999999999"])
def test_an_execution_of_no_known_order_ends_quietly(stack: Stack, function: str, execution: str) -> None:
    """It could never come to an end: retrying for ever would only cost."""
    answer = stack.call(function, {"order_id": "ord-nobody", "execution": execution})
    assert answer == {"route": "Done", "seconds": 0}


@pytest.mark.parametrize("function", STEPS)
def test_an_order_that_is_over_stays_as_it_is(stack: Stack, function: str) -> None:
    order_id = _accept(stack)
    _drive(stack, order_id)
    ended = stack.order("a")
    answer = stack.step(function, order_id)
    assert answer["route"] in ("Done", "RecordOutcome", "PlaceOrder")
    assert stack.order("a") == ended
    assert not [e for e in stack.control.journal() if e["type"] == "order" and e["event"] == "accepted"][1:]


def test_securing_records_what_failed(stack: Stack) -> None:
    order_id = _accept(stack)
    event = {"order_id": order_id, "execution": f"{order_id}-1", "error": "Lambda.TooManyRequestsException"}
    for _ in range(SECURE_ENTRY_ROUNDS):
        assert stack.call("secure_position", event)["route"] == "WaitForMarket", "nothing is at stake yet"
    assert stack.call("secure_position", event)["route"] == "RecordOutcome"
    stack.step("record_outcome", order_id)
    order = stack.order("a")
    assert (order.status, order.reason) == (Status.FAILED, Reason.INTERNAL_ERROR)
    assert "TooManyRequests" in " ".join(line.detail for line in order.events)
    assert [told["detail-type"] for told in stack.events()] == ["Order Alert", "Order Alert", "Order Outcome"]


def test_the_sweeper_starts_what_has_no_execution(stack: Stack) -> None:
    order_id = _accept(stack)
    before = stack.started()
    assert stack.call("sweep_orders", {}) == {"to_do": 1, "started": 0}, "moto's execution runs"
    stack.states.stop_execution(executionArn=stack.order("a").run.execution_arn)
    assert stack.call("sweep_orders", {"source": "aws.scheduler"}) == {"to_do": 1, "started": 1}
    assert stack.order("a").run.executions == 2
    assert stack.started() == [*before, f"{order_id}-2"]
    assert stack.order("a").run.execution_arn.endswith(f":{order_id}-2")  # type: ignore[union-attr]


def test_the_sweeper_works_while_the_broker_is_down(stack: Stack) -> None:
    stack.control.faults({"method": "*", "path": "/v2/*", "kind": "error", "status": 500})
    _accept(stack)
    stack.states.stop_execution(executionArn=stack.order("a").run.execution_arn)
    assert stack.call("sweep_orders", {})["started"] == 1


@pytest.mark.parametrize("secret", [None, '{"key_id": "", "secret_key": ""}', "not json", "[]", '{"other": 1}'])
def test_keys_that_were_never_filled_in_end_the_order_with_an_alert(stack: Stack, secret: str | None) -> None:
    """The operator must mend the secret: the order is refused at once, nothing is sent, the alert says how."""
    if secret is None:
        stack.secrets.delete_secret(SecretId="repeg/alpaca", ForceDeleteWithoutRecovery=True)
    else:
        stack.secrets.put_secret_value(SecretId="repeg/alpaca", SecretString=secret)
    order_id = _accept(stack)
    assert stack.step("assess_market", order_id)["route"] == "RecordOutcome"
    assert stack.order("a").reason is Reason.MISCONFIGURED
    told = {event["detail-type"]: event["detail"] for event in stack.events()}
    assert "repeg keys set --stack repeg-paper" in told["Order Alert"]["alert"]
    assert not [entry for entry in stack.control.journal() if entry["type"] == "request" and "v2" in entry["path"]]


def test_a_secret_that_cannot_be_read_leaves_the_last_keys_in_force(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection.broker()
    stack.secrets.delete_secret(SecretId="repeg/alpaca", ForceDeleteWithoutRecovery=True)
    now = connection.time.monotonic()
    monkeypatch.setattr(connection.time, "monotonic", lambda: now + connection.KEYS_SECONDS)
    connection.broker()


def test_new_settings_are_taken_up(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    assert clients.settings().max_repegs == 2
    stack.ssm.put_parameter(Name="/repeg/settings/overrides", Value='{"max_repegs": 0}', Type="String")
    now = clients.time.monotonic()
    monkeypatch.setattr(clients.time, "monotonic", lambda: now + clients.SETTINGS_SECONDS)
    assert clients.settings().max_repegs == 0
    stack.ssm.put_parameter(Name="/repeg/settings/overrides", Value="nonsense", Type="String", Overwrite=True)
    monkeypatch.setattr(clients.time, "monotonic", lambda: now + 2 * clients.SETTINGS_SECONDS)
    assert clients.settings().max_repegs == 0, "a bad document leaves the last valid one in force"


def test_settings_that_cannot_be_read_fall_back_to_the_kept_ones(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    stack.ssm.put_parameter(Name="/repeg/settings/overrides", Value='{"max_repegs": 4}', Type="String")
    assert clients.settings().max_repegs == 4
    forget_everything()
    real = clients.client

    class Unreachable:
        def get_parameters(self, **request: Any) -> None:
            raise EndpointConnectionError(endpoint_url="ssm")

    monkeypatch.setattr(clients, "client", lambda service: Unreachable() if service == "ssm" else real(service))
    assert clients.settings().max_repegs == 4


def test_an_exit_is_sent_though_no_settings_can_be_read_at_all(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the documents nor the kept ones: what enters is refused."""
    real = clients.client

    class Unreachable:
        def get_parameters(self, **request: Any) -> None:
            raise EndpointConnectionError(endpoint_url="ssm")

    monkeypatch.setattr(clients, "client", lambda service: Unreachable() if service == "ssm" else real(service))
    stack.control.position("TQQQ", 10, "50")
    intake().accept(json.dumps({"kind": "close", "signal_id": "c", "symbol": "TQQQ"}))
    leaves = stack.order("c").order_id
    stack.step("assess_market", leaves)
    assert stack.order("c").filled_qty == 10
    stack.step("record_outcome", leaves)
    enters = _accept(stack)
    stack.step("assess_market", enters)
    assert (stack.order("a").reason, stack.order("a").children) == (Reason.MISCONFIGURED, ())


@pytest.mark.parametrize("name", ["TABLE_NAME", "ALPACA_SECRET_ID"])
def test_a_missing_environment_value_is_named(stack: Stack, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    order_id = _accept(stack)
    forget_everything()
    monkeypatch.delenv(name)
    try:
        stack.step("assess_market", order_id)
    except ConfigurationError as problem:
        assert name in str(problem)
    else:
        order = stack.order("a")
        assert name in " ".join(line.detail for line in order.events)


def test_a_step_that_cannot_go_on_to_protect_leaves_it_to_that_state(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it did is done and saved: failing now would have the machine take it again."""
    worker = clients.worker(connection.broker)
    monkeypatch.setitem(sys.modules, "repeg.steps.protect", None)
    order_id = _accept(stack)
    leads_on = Next(Route.PROTECT_POSITION)
    taken = run_step(worker, order_id, f"{order_id}-1", Route.CHECK_FILL, lambda *_: leads_on)
    assert taken == leads_on


def test_rebalances_and_cancels_are_looked_after_though_orders_cannot_be(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[str] = []
    app = handler_of("sweep_orders")

    def fails(*_: Any) -> None:
        raise RuntimeError("the orders cannot be listed")

    monkeypatch.setattr(app, "sweep", fails)
    monkeypatch.setattr(app, "sweep_rebalances", lambda *_: looked.append("rebalances"))
    monkeypatch.setattr(app, "check_account", lambda: looked.append("account"))
    with pytest.raises(RuntimeError):
        stack.call("sweep_orders", {})
    assert looked == ["rebalances", "account"]
