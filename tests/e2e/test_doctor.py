"""`repeg doctor` against the local cloud: all ok, then broken keys, a paused intake, and all ok again."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from desk.cli.main import run
from desk.cloud.schedules import Schedules
from desk.stack.place import here
from tests.support.cloud import NIGHT, Cloud

pytestmark = pytest.mark.cloud

Doctor = Callable[[], dict[str, Any]]


@pytest.fixture
def calm(cloud: Cloud) -> Iterator[Cloud]:
    """The cloud without what other tests left in its log, and whole again afterwards."""
    logs, group = cloud.connection.logs, cloud.connection.log_group
    pages = list(logs.get_paginator("describe_log_streams").paginate(logGroupName=group))
    # A stream that begins while the pages are read moves those after it on: one is on two pages.
    for name in {stream["logStreamName"] for page in pages for stream in page["logStreams"]}:
        logs.delete_log_stream(logGroupName=group, logStreamName=name)
    cloud.exchange.quote("SPY", "602.10", "602.11", 1500, 1500)
    cloud.sweep()
    yield cloud
    cloud.exchange.faults()
    cloud.connection.lambda_.update_event_source_mapping(UUID=mapping_of(cloud), Enabled=True)


def mapping_of(cloud: Cloud) -> str:
    """The event source mapping of the queue."""
    function = cloud.connection.function("accept_signal")
    [mapping] = cloud.connection.lambda_.list_event_source_mappings(FunctionName=function)["EventSourceMappings"]
    return str(mapping["UUID"])


@pytest.fixture
def doctor(calm: Cloud, capsys: pytest.CaptureFixture[str]) -> Doctor:
    """Runs the command; answers its document, and checks it against the exit code and what was sent."""

    def call() -> dict[str, Any]:
        mark = calm.mark()
        code = run(["doctor", "--json"])
        document: dict[str, Any] = json.loads(capsys.readouterr().out)
        assert code == (0 if document["ok"] else 1)
        assert document["ok"] == all(check["ok"] for check in document["checks"])
        assert all(check["ok"] == (check["mend"] is None) for check in document["checks"])
        assert not [path for path in calm.calls_since(mark) if not path.startswith("GET ")]
        assert document["cost"]["trading_requests"] <= 3
        return {check["name"]: check for check in document["checks"]}

    return call


def bad(found: dict[str, Any]) -> set[str]:
    """What is not ok, but for alarms: those ring on after whatever the tests before did to the market's clock."""
    return {name for name, check in found.items() if not check["ok"]} - {"alarms"}


def test_what_is_broken_is_told_with_its_mend_and_nothing_else_is(
    doctor: Doctor, calm: Cloud, capsys: pytest.CaptureFixture[str]
) -> None:
    found = doctor()
    assert bad(found) == set(), [found[name] for name in bad(found)]
    assert {"keys", "account", "mode", "data feed", "clock", "queue", "alarms"} <= set(found)
    assert "alarms on market time, " in found["alarms"]["detail"]

    unauthorized = {"kind": "error", "path": "/v2/*", "status": 401, "body": {"message": "unauthorized."}}
    calm.exchange.faults(unauthorized)
    found = doctor()
    assert bad(found) == {"keys", "account", "clock", "data feed"}
    assert "refuses the keys" in found["keys"]["detail"] and "HTTP 401" in found["keys"]["detail"]
    assert found["account"]["mend"] == "fix keys first"
    calm.exchange.faults()

    assert run(["pause"]) == 0
    found = doctor()
    assert bad(found) == {"intake"} and found["intake"]["mend"] == "repeg resume"
    assert "paused by you at" in found["intake"]["detail"]
    assert run(["resume"]) == 0

    calm.send_text('{"kind": "order"}')
    calm.until("it is refused", lambda: "refused" in bad(doctor()))
    found = doctor()
    assert bad(found) == {"refused", "alerts"} and "repeg refused" in found["refused"]["mend"]
    assert len(calm.dead_letters()) == 1, "looking does not take it"
    assert run(["alerts", "--ack"]) == 0
    capsys.readouterr()

    assert bad(doctor()) == set()


def test_a_stopped_exchange_costs_seconds_and_hides_nothing_else(
    calm: Cloud, capsys: pytest.CaptureFixture[str]
) -> None:
    processes = here().processes()
    assert processes
    os.kill(processes.exchange, signal.SIGSTOP)
    try:
        started = time.monotonic()
        code = run(["doctor", "--json"])
        took = time.monotonic() - started
    finally:
        os.kill(processes.exchange, signal.SIGCONT)
    found = {check["name"]: check for check in json.loads(capsys.readouterr().out)["checks"]}
    assert (code, took < 10) == (1, True)
    assert bad(found) == {"broker", "keys", "account", "clock", "data feed"}, found
    assert "does not answer" in found["broker"]["detail"] and found["broker"]["mend"] == "make down && make local"


def test_a_sweep_that_somebody_switched_off_stays_off_and_is_told(calm: Cloud, doctor: Doctor, name: str) -> None:
    events, function = calm.connection.events, calm.connection.function("sweep_orders")
    arn = calm.connection.lambda_.get_function_configuration(FunctionName=function)["FunctionArn"]
    [rule] = events.list_rule_names_by_target(TargetArn=arn)["RuleNames"]
    events.disable_rule(Name=rule)
    try:
        found = doctor()
        assert bad(found) == {"sweep"} and f"events enable-rule --name {rule}" in found["sweep"]["mend"]
        calm.exchange.quote("TQQQ", "50.95", "50.98", 2000, 4)
        calm.send(signal_id=name, qty=10)
        calm.until("partly filled", lambda: (order := calm.orders.find(name)) and order.filled_qty == 4)
        calm.stop(calm.order(name))
        calm.exchange.set_clock("2026-11-20T10:30:00-05:00")
        time.sleep(3 * Schedules.pause(calm.connection.speed or 1))
        assert calm.order(name).run.executions == 1, "the rule is off"
    finally:
        events.enable_rule(Name=rule)
    calm.exchange.set_clock("2026-11-20T10:35:00-05:00")
    calm.until("taken up again", lambda: calm.order(name).run.executions > 1)
    calm.ended(name)
    assert "sweep" not in bad(doctor())


def test_alerts_are_open_until_they_are_acknowledged(
    calm: Cloud, doctor: Doctor, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    calm.open_market(NIGHT)
    [order] = calm.ended(calm.send(signal_id=name, kind="close", side=None))
    assert "alerts" in bad(doctor())
    assert run(["alerts", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert {alert["state"] for alert in listed} == {"open"}
    [mine] = [alert for alert in listed if alert["order_id"] == order.order_id]
    assert "close of TQQQ did not complete: rejected: market_closed" in mine["alert"]
    assert run(["alerts", "--ack"]) == 0 and "acknowledged" in capsys.readouterr().out
    found = doctor()
    assert "alerts" not in bad(found) and "acknowledged" in found["alerts"]["detail"]


def test_the_page_shows_a_line_for_each_check_and_the_mend_below(
    calm: Cloud, capsys: pytest.CaptureFixture[str]
) -> None:
    calm.connection.lambda_.update_event_source_mapping(UUID=mapping_of(calm), Enabled=False)
    assert run(["doctor"]) == 1
    lines = capsys.readouterr().out.splitlines()
    [intake] = [at for at, line in enumerate(lines) if line.startswith("intake")]
    assert "not ok" in lines[intake] and lines[intake + 1].strip().startswith("fix: ")
    assert lines[-2].startswith("not ok: ") and "intake" in lines[-2] and "nothing was sent or changed" in lines[-1]


def test_another_stack_cannot_be_asked_for_in_two_ways(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["doctor", "--stack"]) == 2
    said = capsys.readouterr()
    assert said.out == "" and said.err.count("\n") == 1
