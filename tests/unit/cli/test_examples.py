"""The example strategy, and the signals that it makes of bars."""

from __future__ import annotations

import csv
import json
import runpy
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.client import BaseClient
from moto import mock_aws

from desk.stack.signal_files import read_signals
from repeg.domain.schedule.targets import judge, parse_targets
from repeg.domain.signals.parsing import read_json
from repeg.store.schedules import ScheduleStore
from tests.support.stand_ins.tables import create_table

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"


@pytest.fixture(scope="module")
def breakout() -> dict[str, Any]:
    return runpy.run_path(str(EXAMPLES / "breakout.py"))


def _bars(symbol: str, *closes: str) -> list[dict[str, str]]:
    return [
        {"symbol": symbol, "date": f"2026-10-{day:02}", "high": close, "low": close, "close": close}
        for day, close in enumerate(closes, 1)
    ]


QUIET = ["10.00", "9.50"] * 10


def test_the_shipped_bars_make_two_signals_that_repeg_takes(breakout: dict[str, Any]) -> None:
    with (EXAMPLES / "daily_bars.csv").open(newline="") as file:
        made = list(breakout["signals"](csv.DictReader(file)))
    signals = read_signals(json.dumps(made))
    assert [signal.group for signal in signals] == ["CRWD", "NVDA"]


def test_a_breakout_is_sized_by_what_its_stop_would_cost(breakout: dict[str, Any]) -> None:
    [signal] = breakout["signals"](_bars("BRK.B", *QUIET, "10.50"))
    assert (signal["signal_id"], signal["symbol"]) == ("breakout-BRK-B-2026-10-21", "BRK.B")
    assert (signal["qty"], signal["stop_loss"], signal["take_profit"]) == ("250", "9.50", "12.50")
    read_signals(json.dumps(signal))


@pytest.mark.parametrize(
    "closes", [[*QUIET, "10.00"], ["11.00", *QUIET[1:], "11.00"], [*QUIET[2:], "10.50"], [*QUIET, "900.00"], ["10.00"]]
)
def test_nothing_is_sent_without_a_breakout_or_enough_days(breakout: dict[str, Any], closes: list[str]) -> None:
    assert list(breakout["signals"](_bars("ABC", *closes))) == []


def test_the_message_is_deduplicated_as_the_command_line_does(breakout: dict[str, Any]) -> None:
    [signal] = breakout["signals"](_bars("ABC", *QUIET, "10.50"))
    sent: list[dict[str, str]] = []

    class Queue:
        def send_message(self, **message: str) -> None:
            sent.append(message)

    breakout["send"](Queue(), "url", signal)
    [ours] = read_signals(json.dumps(signal))
    assert sent == [
        {
            "QueueUrl": "url",
            "MessageBody": ours.body,
            "MessageGroupId": "ABC",
            "MessageDeduplicationId": ours.deduplication_id,
        }
    ]


@pytest.fixture(scope="module")
def rotation() -> dict[str, Any]:
    return runpy.run_path(str(EXAMPLES / "rotation.py"))


def test_the_shipped_bars_make_targets_that_repeg_takes(rotation: dict[str, Any]) -> None:
    with (EXAMPLES / "daily_bars.csv").open(newline="") as file:
        made = rotation["targets"](csv.DictReader(file))
    assert made == {"NVDA": "0.49", "CRWD": "0.49"}
    parse_targets(read_json(json.dumps({"targets": made})))


def test_the_shipped_targets_are_taken() -> None:
    assert parse_targets(read_json((EXAMPLES / "targets.json").read_text())).strategy == "sixty-forty"


def test_targets_are_written_where_the_market_open_rebalance_reads_them(rotation: dict[str, Any]) -> None:
    with mock_aws():
        create_table(boto3.client("dynamodb", region_name="us-east-1"), "mine")
        rotation["write"](boto3.resource("dynamodb", region_name="us-east-1").Table("mine"), {"SPY": "0.3333"})
        kept = ScheduleStore(boto3.client("dynamodb", region_name="us-east-1"), "mine").targets()
    assert kept
    now = datetime.now(UTC)
    judged = judge(*kept, lambda wall: wall, now, now - timedelta(minutes=1))
    assert judged.problem is None and judged.signal and judged.signal.strategy == "rotation"


@pytest.mark.parametrize(
    ("event", "line"),
    [
        ({"detail-type": "Daily Summary", "detail": {"message": "3 orders"}}, "Daily Summary 3 orders"),
        (
            {"detail-type": "Order Alert", "detail": {"signal_id": None, "alert": "it did not fire", "message": "m"}},
            "Order Alert it did not fire",
        ),
        ({"detail-type": "Spread Assessment", "detail": {"plans": []}}, "Spread Assessment"),
    ],
)
def test_what_is_published_of_no_order_is_heard_too(event: dict[str, Any], line: str) -> None:
    with mock_aws(), pytest.MonkeyPatch.context() as environment:
        environment.setenv("AWS_DEFAULT_REGION", "us-east-1")
        told = runpy.run_path(str(EXAMPLES / "outcomes.py"))["told"]
    assert told(event) == line


def test_outcomes_are_listened_to_once_rule_and_queue_exist_and_until_ctrl_c(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    call, made = BaseClient._make_api_call, []

    def ctrl_c(client: Any, operation: str, request: Any) -> Any:
        made.append(operation)
        if operation == "ReceiveMessage":
            raise KeyboardInterrupt
        return call(client, operation, request)

    monkeypatch.setattr(BaseClient, "_make_api_call", ctrl_c)
    monkeypatch.setattr("sys.argv", ["outcomes.py"])
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    with mock_aws(), pytest.raises(SystemExit) as ended:
        boto3.client("events").create_event_bus(Name="repeg-events")
        runpy.run_path(str(EXAMPLES / "outcomes.py"), run_name="__main__")
    assert (ended.value.code, made[-2:]) == (0, ["PutTargets", "ReceiveMessage"])
    assert capsys.readouterr().out == "listening to repeg-events\n"
    guide = (EXAMPLES.parent / "docs" / "guide.md").read_text()
    assert "`listening to repeg-events`" in guide and "outcomes.py 30 &" not in guide


@pytest.mark.parametrize(
    ("example", "arguments", "words"),
    [
        ("breakout", [], "which bars? for example: python examples/breakout.py"),
        ("breakout", ["/nowhere.csv"], "stopped: [Errno 2] No such file"),
        ("rotation", [], "which bars? for example: python examples/rotation.py"),
        ("rotation", [str(EXAMPLES / "daily_bars.csv")], "no targets were written: You must specify a region"),
        ("outcomes", ["1"], "AWS cannot be asked: You must specify a region"),
        ("alpaca_bars", ["CRWD"], "the key pair is needed: export APCA_API_KEY_ID"),
    ],
)
def test_an_example_that_lacks_something_says_what_in_a_line(
    example: str, arguments: list[str], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_DEFAULT_REGION", "AWS_REGION", "AWS_PROFILE", "APCA_API_KEY_ID", "APCA_API_SECRET_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    monkeypatch.setattr("sys.argv", [f"{example}.py", *arguments])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(EXAMPLES / f"{example}.py"), run_name="__main__")
    assert str(ended.value.code).startswith(words) and "\n" not in str(ended.value.code)
