"""The examples, as a user runs them: pointed at the local cloud by nothing but environment variables."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.children import running
from tests.support.cloud import NIGHT, Cloud

pytestmark = pytest.mark.cloud

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
REPEG = Path(sys.executable).with_name("repeg")


@pytest.fixture
def outside(cloud: Cloud) -> dict[str, str]:
    """The environment of a shell that has evaluated `repeg local env`, with nothing else of the user's in it."""
    before = {"PATH": os.defpath, "HOME": "/nonexistent", "AWS_PROFILE": "mine"}
    told = {**before, "REPEG_LOCAL_DIR": os.environ["REPEG_LOCAL_DIR"]}
    ran = subprocess.run(
        ["bash", "-c", f'eval "$({REPEG} local env)"; env -0'], env=told, capture_output=True, text=True, check=True
    )
    return dict(line.split("=", 1) for line in ran.stdout.split("\0") if line)


@pytest.fixture
def listening(outside: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, str(EXAMPLES / "outcomes.py"), "60"]
    with running(command, env=outside, stdout=subprocess.PIPE, text=True) as listener:
        try:
            assert listener.stdout and listener.stdout.readline() == "listening to repeg-events\n"
            yield listener
        finally:
            listener.terminate()
            assert _run(outside, "outcomes.py", "--remove") == []


def _run(environment: dict[str, str], example: str, *arguments: str) -> list[str]:
    command = [sys.executable, str(EXAMPLES / example), *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.splitlines()


def test_a_strategy_sends_its_signals_once_and_hears_what_became_of_them(
    cloud: Cloud, outside: dict[str, str], listening: subprocess.Popen[str]
) -> None:
    cloud.exchange.quote("CRWD", "534.75", "534.80", 500, 500)
    cloud.exchange.quote("NVDA", "188.36", "188.39", 1500, 1500)
    bars = str(EXAMPLES / "daily_bars.csv")
    ids = ["breakout-CRWD-2026-11-19", "breakout-NVDA-2026-11-19"]

    assert _run(outside, "breakout.py", bars) == ids
    expected = {
        "Order Outcome breakout-CRWD-2026-11-19 filled 14 CRWD at 534.8\n",
        "Order Outcome breakout-NVDA-2026-11-19 filled 73 NVDA at 188.39\n",
    }
    assert listening.stdout
    heard: set[str] = set()
    while not expected <= heard:
        line = listening.stdout.readline()
        assert line, f"heard only {heard}"
        heard.add(line)
    before = cloud.ended(*ids)
    assert all(order.guard.protected for order in before)

    assert _run(outside, "breakout.py", bars) == ids
    cloud.until("the queue is empty", cloud.queue_is_empty)
    assert cloud.ended(*ids) == before


def test_a_strategy_writes_down_what_to_hold(cloud: Cloud, outside: dict[str, str]) -> None:
    assert _run(outside, "rotation.py", str(EXAMPLES / "daily_bars.csv")) == ['{"NVDA": "0.49", "CRWD": "0.49"}']
    shown = subprocess.run(
        [REPEG, "targets", "show", "--json"], env=outside, capture_output=True, text=True, check=True
    )
    found = json.loads(shown.stdout)
    assert (found["targets"], found["stale"]) == ({"NVDA": "0.49", "CRWD": "0.49"}, False)


def test_bars_are_fetched_as_the_strategy_reads_them(cloud: Cloud, outside: dict[str, str]) -> None:
    assert _run(outside, "alpaca_bars.py", "CRWD", "AAPL")[0] == "symbol,date,high,low,close"


def test_alerts_are_heard_as_well(cloud: Cloud, listening: subprocess.Popen[str], name: str) -> None:
    cloud.open_market(NIGHT)
    cloud.send(signal_id=name, kind="close", side=None)
    assert listening.stdout
    heard = {listening.stdout.readline() for _ in range(2)}
    assert heard == {
        f"Order Alert {name} close of TQQQ did not complete: rejected: market_closed, 0 filled\n",
        f"Order Outcome {name} rejected market_closed\n",
    }
