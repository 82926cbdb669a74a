"""The saved queries of the template, each asked of what the functions really log."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

import pytest
import requests

from repeg.domain.patience import SECURE_ENTRY_ROUNDS
from repeg.domain.reasons import Reason, Status
from repeg.telemetry import logger
from repeg.wiring.inbox import intake
from tests.integration.handlers.conftest import Stack
from tests.support.stack import load_template, resources
from tests.support.stand_ins.insights import Row, run

QUERIES = {
    name: str(query["QueryString"]) for name, query in resources(load_template(), "AWS::Logs::QueryDefinition").items()
}
FUNCTIONS = {
    "AssessMarket": "assess_market",
    "PlaceOrder": "place_order",
    "WaitToPlace": "place_order",
    "WaitForFill": "check_fill",
    "CancelOrder": "cancel_order",
    "WaitOutPatience": "cancel_order",
    "WaitForCancel": "cancel_order",
    "RecordOutcome": "record_outcome",
}
BUY = {"kind": "order", "symbol": "TQQQ", "side": "buy", "qty": "100"}
FLAT = {"kind": "close", "symbol": "CRWD"}
Ask = Callable[..., list[Row]]


class Output:
    """Standard output as it is at the moment: the logger keeps the one that it began with."""

    def write(self, text: str) -> None:
        sys.stdout.write(text)

    def flush(self) -> None:
        """At once anyway."""


@pytest.fixture
def ask(stack: Stack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Ask:
    """The log of the test so far, to be asked by the name of a query."""
    log: list[str] = []
    monkeypatch.setattr(logger.registered_handler, "stream", Output())

    def answer(name: str, **named: str) -> list[Row]:
        query = QUERIES[name]
        for placeholder, value in named.items():
            assert placeholder in query
            query = query.replace(placeholder, value)
        log.extend(capsys.readouterr().out.splitlines())
        return run(query, log)

    return answer


def order(stack: Stack, name: str, meanwhile: Callable[[], object] = lambda: None, **signal: Any) -> str:
    """Send an order and take it to its end; `meanwhile` happens after each step."""
    intake().accept(json.dumps({"signal_id": name} | (signal or BUY)))
    order_id = stack.order(name).order_id
    state = "AssessMarket"
    for _ in range(30):
        if state == "Done":
            return order_id
        state = stack.step(FUNCTIONS[state], order_id)["route"]
        meanwhile()
    raise AssertionError(f"stays at {state}")


def away(stack: Stack, bid: str = "50.99", ask: str = "51.02") -> None:
    """The market runs away from the next limit."""
    quote = {"bid": bid, "ask": ask, "bid_size": 2000, "ask_size": 2000}
    stack.control.script({"on": {"symbol": "TQQQ", "event": "new", "nth": 1}, "symbol": "TQQQ", **quote})


def cancel_by_hand(stack: Stack) -> None:
    keys = {"APCA-API-KEY-ID": "k", "APCA-API-SECRET-KEY": "s"}
    assert requests.delete(f"{stack.control.url}/v2/orders", headers=keys, timeout=5).ok


def test_why_orders_were_rejected(stack: Stack, ask: Ask) -> None:
    order(stack, "good")
    order_id = order(stack, "flat", **FLAT)
    intake().accept('{"signal_id": "odd", "kind": "order"}')
    refused, rejected = ask("WhyRejected")
    assert refused["message"].startswith("message refused: ")
    expected = {"symbol": "CRWD", "kind": "close", "reason": Reason.NO_POSITION.value, "order_id": order_id}
    assert expected.items() <= rejected.items()


def test_what_did_not_fill(stack: Stack, ask: Ask) -> None:
    order(stack, "good")
    away(stack, "52.00", "52.03")
    order_id = order(stack, "left", lambda: cancel_by_hand(stack))
    [row] = ask("WhatDidNotFill")
    assert (row["order_id"], row["outcome"], row["filled_qty"]) == (order_id, "unfilled", "0")
    assert row.keys() >= {"@timestamp", "symbol", "kind", "ladder", "reason"}


def test_no_ending_without_a_fill_is_forgotten() -> None:
    for status in Status:
        # What is done is an instruction: nothing was to be filled for it.
        without = status.terminal and status not in (Status.FILLED, Status.REJECTED, Status.DONE)
        assert (f'"{status.value}"' in QUERIES["WhatDidNotFill"]) is without


def test_which_ladders_are_slow(stack: Stack, ask: Ask) -> None:
    order(stack, "quick")
    away(stack)
    order(stack, "slow")
    stack.control.quote("SPY", "602.10", "602.11", 800, 800)
    order(stack, "other", **BUY | {"symbol": "SPY", "qty": "1"})
    rows = ask("SlowestLadders")
    [row] = [row for row in rows if row["symbol_class"] == "leveraged_etf"]
    ended = [stack.order("quick").result, stack.order("slow").result]
    seconds = [float(each.seconds_to_fill or 0) for each in ended]
    assert (row["ladder"], row["orders"]) == ("better_orders", 2)
    assert row["average"] == pytest.approx(sum(seconds) / 2, abs=1e-5)
    assert row["slowest"] == row["p90"] == pytest.approx(max(seconds), abs=1e-5)
    assert row["slippage_bps"] == pytest.approx(sum(float(each.slippage_bps or 0) for each in ended) / 2, abs=1e-5)
    assert [each["p90"] for each in rows] == sorted((each["p90"] for each in rows), reverse=True)
    assert len(rows) == 2


def test_what_one_order_did(stack: Stack, ask: Ask) -> None:
    order(stack, "another")
    away(stack)
    order_id = order(stack, "mine")
    rows = ask("WhatOneOrderDid", ORDER=order_id)
    accepted, *others = ask("WhatOneOrderDid", ORDER="mine")
    assert (accepted["message"], others) == ("signal accepted", rows), "by the id of its signal, too"
    told = [row["message"] for row in rows if "message" in row]
    events = [event.detail for event in stack.order("mine").events]
    assert [words for words in told if words in events] == [words for words in events if words in told]
    assert {"AssessMarket", "CancelOrder", "PlaceOrder"} <= {row["state"] for row in rows if "state" in row}
    requested = [entry for entry in stack.control.journal() if entry["type"] == "request"]
    assert 0 < sum(row.get("BrokerCalls.0", 0) for row in rows) < len(requested), (
        "those of the other are not among them"
    )
    assert [row["outcome"] for row in rows if "outcome" in row] == ["filled"]
    assert [row["@timestamp"] for row in rows] == sorted(row["@timestamp"] for row in rows)


def test_how_orders_ended(stack: Stack, ask: Ask) -> None:
    for name in ("one", "two"):
        order(stack, name)
    order(stack, "flat", **FLAT)
    filled, rejected = ask("OrdersByReason")
    assert filled == {"outcome": "filled", "orders": 2}
    assert rejected == {"outcome": "rejected", "reason": "no_position", "orders": 1}


def test_which_broker_calls_failed(stack: Stack, ask: Ask) -> None:
    order(stack, "good")
    assert ask("BrokerFailures") == []
    stack.control.faults({"method": "POST", "path": "/v2/orders", "kind": "error", "status": 503, "count": 1})
    order_id = order(stack, "bad")
    [row] = ask("BrokerFailures")
    assert row["failed"] == "POST /orders: 503"
    assert (row["BrokerErrors.0"], row["BrokerThrottled.0"], row["order_id"]) == (1, 0, order_id)
    assert row["function_name"] == "repeg"


def test_what_alerts_and_errors_there_were(stack: Stack, ask: Ask) -> None:
    order(stack, "good")
    assert ask("AlertsAndErrors") == []
    intake().accept(json.dumps({"signal_id": "odd"} | BUY))
    order_id = stack.order("odd").order_id
    failed = {"order_id": order_id, "execution": f"{order_id}-1", "error": "Lambda.TooManyRequestsException"}
    for _ in range(SECURE_ENTRY_ROUNDS + 1):
        stack.call("secure_position", failed)
    stack.step("record_outcome", order_id)
    alert, *_ = ask("AlertsAndErrors")
    assert (alert["alert"], alert["symbol"], alert["order_id"]) == (1, "TQQQ", order_id)
    assert "did not complete" in alert["message"]


def test_the_dashboard_asks_a_saved_query() -> None:
    [dashboard] = resources(load_template(), "AWS::CloudWatch::Dashboard").values()
    widgets = json.loads(dashboard["DashboardBody"]["Fn::Sub"])["widgets"]
    [asked] = [widget["properties"]["query"] for widget in widgets if widget["type"] == "log"]
    assert asked == " | ".join(["SOURCE '${FunctionLogs}'", *QUERIES["OrdersByReason"].strip().split("\n| ")])


def test_every_query_reads_the_functions_log() -> None:
    for query in resources(load_template(), "AWS::Logs::QueryDefinition").values():
        assert query["LogGroupNames"] == [{"Ref": "FunctionLogs"}]
        run(query["QueryString"], [])
