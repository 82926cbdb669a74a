"""Schedules follow the market's clock: once a market minute, however fast it runs, and never twice at a time."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from desk.cloud import schedules as module
from desk.cloud.schedules import Schedules, enabled
from desk.exchange.client import ClockReading
from desk.stack.place import Status
from repeg.domain.schedule.times import Schedule
from tests.support.clinic import Clinic, open_clinic
from tests.support.stack import load_template, resources


class Exchange:
    """An exchange whose clock is set by the test."""

    def __init__(self) -> None:
        self.now = "2026-11-20T15:00:10.000000000Z"

    def clock(self) -> ClockReading:
        return ClockReading(self.now, paused=False, speed=1.0)


@pytest.fixture
def clinic(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Clinic]:
    with open_clinic(monkeypatch, tmp_path) as stack:
        yield stack


@pytest.fixture
def fired(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    calls: list[str] = []
    monkeypatch.setattr(module, "_invoke", lambda status, function: calls.append(function))
    monkeypatch.setattr(module, "_fire_scheduled", lambda status, schedule: calls.append(schedule.value))
    return calls


def looked(exchange: Exchange, *times: str) -> None:
    schedules = Schedules("http://127.0.0.1:1", exchange)  # type: ignore[arg-type]
    for time in times:
        exchange.now = f"2026-11-20T{time}Z"
        schedules.look(Status())
        for thread in [*schedules._running.values(), *schedules._fired]:
            thread.join(5)


@pytest.mark.parametrize(
    ("times", "firings"),
    [
        (["15:00:10"], 0),
        (["15:00:10", "15:00:59.999999999"], 0),
        (["15:00:10", "15:01:00", "15:01:30"], 1),
        (["15:00:59", "15:01:01", "15:02:01"], 2),
        (["15:00:10", "15:30:00"], 1),
        (["15:00:10", "14:59:59"], 1),
    ],
)
def test_the_sweep_is_fired_when_the_market_minute_changes(times: list[str], firings: int, fired: list[str]) -> None:
    looked(Exchange(), *times)
    assert [name for name in fired if name != "reconcile_book"] == ["sweep_orders"] * firings


@pytest.mark.parametrize(
    ("times", "firings"),
    [
        (["15:00:10", "15:04:59"], 0),
        (["15:04:59", "15:05:00", "15:05:30", "15:06:00"], 1),
        (["15:00:10", "15:30:00"], 1),
    ],
)
def test_the_comparison_is_fired_every_five_market_minutes(times: list[str], firings: int, fired: list[str]) -> None:
    looked(Exchange(), *times)
    assert fired.count("reconcile_book") == firings


def test_a_sweep_that_is_still_running_is_not_fired_again(monkeypatch: pytest.MonkeyPatch) -> None:
    running, go_on, calls = threading.Event(), threading.Event(), []

    def invoke(status: Status, function: str) -> None:
        calls.append(function)
        running.set()
        go_on.wait(5)

    monkeypatch.setattr(module, "_invoke", invoke)
    exchange = Exchange()
    schedules = Schedules("http://127.0.0.1:1", exchange)  # type: ignore[arg-type]
    for minute in range(3):
        exchange.now = f"2026-11-20T15:0{minute}:00Z"
        schedules.look(Status())
    assert running.wait(5)
    go_on.set()
    assert calls == ["sweep_orders"]


def test_a_silent_exchange_stops_nothing(fired: list[str]) -> None:
    class Silent:
        def clock(self) -> ClockReading:
            raise ConnectionRefusedError

    Schedules("http://127.0.0.1:1", Silent()).look(Status())  # type: ignore[arg-type]
    assert not fired


def test_what_is_fired_here_is_fired_as_often_on_aws() -> None:
    functions = resources(load_template(), "AWS::Serverless::Function")
    events = {each["CodeUri"]: event for each in functions.values() for event in each.get("Events", {}).values()}
    rates = {uri: event["Properties"]["Schedule"] for uri, event in events.items() if event["Type"] == "Schedule"}
    assert rates == {f"functions/{name}/": f"rate({n} minute{'s' * (n > 1)})" for name, n in module.EVERY.items()}


@pytest.mark.parametrize("speed", [1, 5, 10, 20])
def test_no_market_minute_is_missed_between_two_looks(speed: float) -> None:
    assert Schedules.pause(speed) * speed < 60


def test_only_a_rule_that_is_enabled_fires(clinic: Clinic) -> None:
    connection = clinic.case.connection
    assert enabled(connection, "sweep_orders")
    clinic["events"].disable_rule(Name="every-minute")
    assert not enabled(connection, "sweep_orders")
    clinic["events"].enable_rule(Name="every-minute")
    assert enabled(connection, "sweep_orders")
    clinic["events"].remove_targets(Rule="every-minute", Ids=["1"])
    assert not enabled(connection, "sweep_orders")


@pytest.mark.parametrize(
    ("times", "fires"),
    [
        (["14:24:50", "14:25:02", "14:25:30"], ["market-open-rebalance"]),
        (["14:24:50", "14:26:10"], ["market-open-rebalance"]),
        (["14:00:00", "15:00:00"], []),
        (["14:00:00", "14:25:00"], ["market-open-rebalance"]),
        (["14:25:20", "14:25:40"], ["market-open-rebalance"]),
        (["14:19:59", "14:20:00"], ["pre-market-assessment"]),
        (["21:19:00", "21:20:30"], ["end-of-day-summary"]),
    ],
)
def test_a_schedule_is_fired_when_the_market_comes_to_its_time_and_not_when_the_clock_is_set_over_it(
    times: list[str], fires: list[str], fired: list[str]
) -> None:
    looked(Exchange(), *times)
    assert [name for name in fired if name not in ("sweep_orders", "reconcile_book")] == fires


def test_a_schedule_is_handed_to_lambda_if_the_deployment_has_it_on(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = clinic.case.connection
    monkeypatch.setattr(module, "connect_local", lambda _: connection)
    handed: list[tuple[str, str, bytes]] = []

    def invoke(FunctionName: str, InvocationType: str, Payload: bytes) -> None:
        handed.append((FunctionName, InvocationType, Payload))

    monkeypatch.setattr(connection.lambda_, "invoke", invoke)
    module._fire_scheduled(Status(), Schedule.END_OF_DAY_SUMMARY)
    assert not handed
    clinic.schedules_on(Schedule.END_OF_DAY_SUMMARY)
    module._fire_scheduled(Status(), Schedule.END_OF_DAY_SUMMARY)
    module._fire_scheduled(Status(), Schedule.MARKET_OPEN_REBALANCE)
    assert handed == [("repeg-run-schedule", "Event", b'{"schedule": "end-of-day-summary"}')]
