"""What the parts make of their measurements."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from desk.bench import __main__ as command
from desk.bench.bill.usage import within
from desk.bench.errors import BenchError
from desk.bench.kinds import KINDS
from desk.bench.parts import blotter
from desk.bench.parts.burst import Outcome, busiest
from desk.bench.parts.burst import report as burst_report
from desk.bench.parts.cold import ORDER_PATH
from desk.bench.parts.cold import report as cold_report
from desk.bench.parts.exchange import Outcome as ExchangeOutcome
from desk.bench.parts.exchange import report as exchange_report
from desk.bench.parts.first import FIRST
from desk.bench.parts.first import report as first_report
from desk.bench.parts.latency import Both, Trip
from desk.bench.parts.latency import report as latency_report
from desk.bench.parts.memory import descendants
from desk.bench.parts.memory import report as memory_report
from desk.bench.parts.rebalance import Outcome as Rebalanced
from desk.bench.parts.rebalance import report as rebalance_report
from desk.bench.parts.size import report as size_report
from desk.bench.runtime import ColdStart
from desk.bench.sample import Sample, sample
from desk.bench.stage import Task, course
from desk.report.prices import Usage
from repeg.domain.signals.parsing import parse_signal


@pytest.mark.parametrize(
    ("moments", "most"),
    [([], 0), ([1.0], 1), ([0, 59.9], 2), ([0, 60.0], 1), ([0, 1, 2, 61.5, 62.5, 63, 64], 4), ([0, 30, 60, 90], 2)],
)
def test_the_busiest_minute_is_found_wherever_it_starts(moments: list[float], most: int) -> None:
    assert busiest(moments) == most


def test_a_rebalance_is_held_against_the_time_that_its_requests_must_take() -> None:
    legs = [f"ord-{number}" for number in range(50)]
    moments = [number * 0.301 for number in range(400)]
    part = rebalance_report([Rebalanced(51, legs, 0, moments, 150.0, 1, [], Usage(transitions=540))])
    told = part.figures["legs_51"]
    assert (told["missing"], told["calls_a_leg"], told["of_least_seconds"]) == (1, 8.0, 1.25)
    assert told["busiest_minute"] == 200 and told["transitions_a_leg"] == 10.8
    verdicts = {target.name: target.ok for target in part.targets}
    assert verdicts["rebalance of 51: trading calls in the busiest 60 s"]
    assert not verdicts["rebalance of 51: legs lost or doubled, or off their target"]
    assert not verdicts["rebalance of 51: requests refused with 429"]
    assert not verdicts["rebalance of 51: seconds, of what the ceiling allows"]


def test_a_burst_is_held_against_the_even_use_of_the_limit() -> None:
    moments = [*(i / 10 for i in range(200)), *(61 + i / 10 for i in range(200))]
    part = burst_report(Outcome(200, [], sample([1, 2, 3]), moments, 120.0, 0, ["x"]))
    assert part.figures["of_ceiling"] == 1.0
    assert part.figures["busiest_minute"] == 200
    assert part.figures["least_seconds_from_an_idle_minute"] == 60
    verdicts = {target.name: target.ok for target in part.targets}
    assert verdicts["burst: trading calls in the busiest 60 s"]
    assert verdicts["burst: throughput, of what the ceiling allows"]
    assert not verdicts["burst: signals not filled"]
    assert not verdicts["burst: differences between records and exchange"]


def test_the_slowest_function_decides_on_the_cold_start_by_its_fastest_start() -> None:
    starts = {
        f"{where} {name}": [ColdStart(init, 5, init), ColdStart(init * 3, 5, init)]
        for where, init in (("ours", 300), ("native", 1500))
        for name in ORDER_PATH
    }
    starts |= {"plain": [ColdStart(500, 1, 500)], "plain native": [ColdStart(2000, 1, 2000)]}
    starts |= {"bare": [ColdStart(40, 1, 40)]}
    starts["ours place_order"] = [ColdStart(400, 5, 600), ColdStart(700, 5, 500)]
    part = cold_report(starts)
    assert part.figures["functions"]["record_outcome"]["of_native"] == 0.2
    assert part.figures["functions"]["place_order"]["cpu_of_native"] == 0.333
    assert [(round(target.value, 3), target.ok) for target in part.targets[:3]] == [
        (0.267, False),
        (0.2, True),
        (0.8, False),
    ]
    assert [round(target.value, 3) for target in part.targets[3:]] == [0.207, 0.155, 0.62]


def test_the_first_order_of_the_day_pays_for_every_function_on_its_way() -> None:
    path = ("accept_signal", "assess_market", "record_outcome")

    def walk(init: float, call: float) -> list[tuple[str, ColdStart]]:
        return [(function, ColdStart(init, call, init)) for function in path]

    found = {(kind, "ours"): [walk(300, 100), walk(200, 200)] for kind in FIRST}
    found |= {(kind, "native"): [walk(1000, 200)] for kind in FIRST}
    found |= {("", "plain"): [[("plain", ColdStart(500, 0, 500))]]}
    part = first_report(found)
    order = part.figures["order"]
    assert (order["ours"]["init_ms"], order["ours"]["together_ms"]) == (750, 1200)
    assert order["ours"]["init_dollars"] == pytest.approx(0.75 * 1769 / 1024 * 0.0000133334, rel=0.01)
    assert order["native"]["ours_of_it"] == {"init": 0.2, "together": 0.333, "cpu": 0.2}
    assert order["plain"]["ours_of_it"]["init"] == 0.4
    assert [row[0] for row in part.tables[0].rows][:3] == ["order, ours", "order, native", "3 handlers, plain"]
    assert [target.ok for target in part.targets] == [True] * 4


def test_orders_that_went_different_ways_are_not_added_up() -> None:
    def walk(*path: str) -> list[tuple[str, ColdStart]]:
        return [(function, ColdStart(1, 1, 1)) for function in path]

    found = {(kind, way): [walk("a", "b")] for kind in FIRST for way in ("ours", "native")}
    found["", "plain"] = [walk("plain")]
    found["order", "native"].append(walk("a", "c"))
    with pytest.raises(BenchError, match="same way"):
        first_report(found)


def test_sizes_stand_beside_the_plain_ones() -> None:
    part = size_report({"ours": (25_000_000, 9_000_000), "native": (100_000_000, 36_000_000)})
    assert part.tables[0].rows[0] == ["ours", "25", "0.25x", "9", "0.25x"]
    assert part.targets[0].ok


def test_the_way_to_the_market_is_judged_where_the_order_is_live() -> None:
    stretches = {"queue and AcceptSignal": 0.01, "acknowledgement": 0.02}
    near = Both([Trip(0.04, 0.06, stretches)] * 3, [Trip(0.01, 0.03)] * 3)
    far = Both([Trip(0.09, 0.12, stretches)] * 3, [Trip(0.03, 0.05)] * 3)
    part = latency_report({0: near, 25: far})
    assert [(target.value, target.ok) for target in part.targets] == [(2.0, True)]
    assert part.figures["broker_0_ms_away"]["arrived"]["of_submit_only"] == 4.0
    assert part.figures["broker_25_ms_away"]["live"]["of_submit_only"] == 2.4
    assert part.figures["stretches_ms"]["acknowledgement"]["median"] == 20
    assert [row[0] for row in part.tables[0].rows][2] == "through the stack, broker 25 ms away"


def test_memory_stands_beside_that_of_the_start() -> None:
    part = memory_report((800_000_000, 18), (1_200_000_000, 25), (1_000_000_000, 20))
    assert [row[-1] for row in part.tables[0].rows] == ["1.00x", "1.50x", "1.25x"]


def test_the_exchange_is_held_against_its_rate_its_slowest_orders_and_its_pages() -> None:
    orders = Sample((*[0.008] * 990, *[0.016] * 10))
    found = ExchangeOutcome(orders, 2.0, fills=667, newest=Sample((0.002,)), oldest=Sample((0.003,)), grown=1000 * 4096)
    part = exchange_report(found)
    assert {target.name: (target.value, target.ok) for target in part.targets} == {
        "orders a second at the exchange": (500, True),
        "an order at the exchange, 99 of 100, ms": (pytest.approx(8), True),
        "a page of activities, ms": (pytest.approx(3), True),
    }
    assert part.figures["kib_an_order"] == 4
    slower = exchange_report(replace(found, seconds=2.3, orders=Sample((*[0.008] * 989, *[0.016] * 11))))
    assert [target.ok for target in slower.targets] == [False, False, True]


def test_every_process_below_the_servers_counts_once() -> None:
    parents = {1: 0, 10: 1, 11: 10, 12: 11, 20: 1, 99: 98}
    assert descendants([10, 11, 77], parents) == {10, 11, 12}


def test_a_history_tells_states_and_tasks() -> None:
    def event(at_ms: int, kind: str, **details: Any) -> dict[str, Any]:
        return {"timestamp": datetime(2026, 1, 1, tzinfo=UTC) + timedelta(milliseconds=at_ms), "type": kind, **details}

    def entered(at_ms: int, name: str) -> dict[str, Any]:
        return event(at_ms, "TaskStateEntered", stateEnteredEventDetails={"name": name})

    events = [
        event(0, "ExecutionStarted"),
        entered(150, "AssessMarket"),
        event(150, "TaskScheduled"),
        event(180, "TaskSucceeded"),
        entered(181, "Route"),
        event(182, "TaskScheduled"),
        event(192, "TaskFailed"),
    ]
    found = course(events)
    assert not found.over and course([*events, event(193, "ExecutionFailed")]).over
    assert found.states == ["AssessMarket", "Route"]
    assert [task.ended - task.started for task in found.tasks] == [pytest.approx(0.03), pytest.approx(0.01)]


def test_a_call_belongs_to_the_task_that_made_it() -> None:
    tasks = [Task(10.0, 11.0), Task(20.0, 20.5)]
    assert [within(at, tasks) for at in (10.0, 10.999, 15.0, 20.501, 21.0)] == [True, True, False, True, False]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_the_kinds_are_signals_that_the_stack_takes(kind: Any) -> None:
    for signal in filter(None, (kind.signal, kind.before)):
        assert parse_signal({**signal, "signal_id": "a"}).symbol == kind.symbol


def test_brackets_are_worked_in_one_symbol_after_the_other() -> None:
    bracket, order = (next(kind for kind in KINDS if kind.name == name) for name in ("bracket_at_once", "buy_at_once"))
    assert [bracket.in_round(number).symbol for number in range(3)] == ["CRWD", "NVDA", "CRM"]
    assert [order.in_round(number).symbol for number in range(3)] == ["TQQQ"] * 3


def test_parts_are_asked_for_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert command._options(["--only", "burst,cold"]).only == ("cold", "burst")
    with pytest.raises(SystemExit) as ended:
        command._options(["--only", "cold,heat"])
    assert ended.value.code == 2
    assert (
        "'heat' is none of cold, size, exchange, first, cost, latency, burst, rebalance, memory"
        in capsys.readouterr().err
    )


def test_the_blotter_is_held_against_its_frames_under_load_and_its_slowest_change() -> None:
    rest = blotter.Stretch(Sample((16.7,) * 600), 0, 0, 100, 10, server=0.1, page=0.1)
    busy = replace(rest, frames=Sample((*[16.7] * 97, *[51.0] * 3)), changes=200, bytes=400_000, nodes=1000, page=0.3)
    part = blotter.report(blotter.Outcome(300, 2000, Sample((200, 1200)), rest, busy))
    assert {target.name: (round(target.value, 2), target.ok) for target in part.targets} == {
        "blotter: first paint, ms": (300, True),
        "blotter: a change is on the page, ms": (1200, False),
        "blotter: frames later than 50 ms, %": (3, False),
        "blotter: of a processor, page and server": (0.4, True),
    }
    assert part.tables[1].rows[-2:] == [["bytes a change", "", "2,000"], ["nodes touched a change", "", "5"]]


def test_what_cannot_be_measured_here_is_said_and_keeps_nothing_else_from_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REPEG_CHROMIUM", raising=False)
    monkeypatch.setattr(blotter.shutil, "which", lambda _: None)
    assert "apt-get install chromium" in (blotter.missing() or "")
