"""The changes to the emulator: tasks queue for workers, equal archives are unpacked once, and nothing idles."""

from __future__ import annotations

import json
import queue
import subprocess
import threading
import time
import zipfile
from pathlib import Path
from types import FunctionType
from typing import Any

import pytest

from desk.cloud import emulator
from desk.cloud.emulator import (
    EMULATOR_VERSION,
    END_OF_LOG,
    START_PAUSE_S,
    alarm_message,
    limited,
    log_until,
    shared_archives,
    without_pause,
)
from tests.support.stack import ROOT, load_template

EMULATORS_PYTHON = ROOT / ".tools/cloud/bin/python"


class Workers:
    """Counts who is inside at once; each stays until let go."""

    def __init__(self) -> None:
        self.entered = threading.Semaphore(0)
        self.leave = threading.Semaphore(0)
        self.inside = 0
        self.most = 0
        self._lock = threading.Lock()

    def call(self, function: str, event: object) -> object:
        with self._lock:
            self.inside += 1
            self.most = max(self.most, self.inside)
        self.entered.release()
        self.leave.acquire()
        with self._lock:
            self.inside -= 1
        return event


def test_calls_beyond_the_limit_wait_and_none_is_lost() -> None:
    workers, answers = Workers(), []
    call = limited(workers.call, 3)
    threads = [threading.Thread(target=lambda number=n: answers.append(call("f", number))) for n in range(10)]
    for thread in threads:
        thread.start()
    for _ in range(3):
        assert workers.entered.acquire(timeout=5)
    assert not workers.entered.acquire(timeout=0.05), "a fourth call got in"
    for _ in threads:
        workers.leave.release()
    for thread in threads:
        thread.join(60)
    assert sorted(answers) == list(range(10))
    assert workers.most == 3


def test_functions_do_not_wait_for_each_other() -> None:
    workers = Workers()
    call = limited(workers.call, 1)
    threads = [threading.Thread(target=call, args=(name, None)) for name in ("f", "g")]
    for thread in threads:
        thread.start()
    assert workers.entered.acquire(timeout=5) and workers.entered.acquire(timeout=5)
    workers.leave.release(2)
    for thread in threads:
        thread.join(60)


def test_a_failing_call_gives_its_turn_back() -> None:
    def fail(function: str, event: object) -> object:
        raise ValueError(function)

    call = limited(fail, 1)
    for _ in range(3):
        with pytest.raises(ValueError, match="f"):
            call("f", None)


def archive(path: Path, text: str) -> Path:
    with zipfile.ZipFile(path, "w") as made:
        made.writestr("python/module.py", text)
    return path


def unpack(kind: type[zipfile.ZipFile], source: Path, target: Path) -> Path:
    """As the emulator does it: a fresh folder, the names looked at, everything unpacked."""
    target.mkdir(parents=True)
    with kind(source) as opened:
        opened.namelist()
        opened.extractall(target)
    return target


def test_equal_archives_are_unpacked_once(tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir()
    kind = shared_archives(tmp_path / "cache")
    first = unpack(kind, archive(tmp_path / "a.zip", "x = 1"), tmp_path / "one/layer")
    second = unpack(kind, archive(tmp_path / "b.zip", "x = 1"), tmp_path / "two/layer")
    assert (first / "python/module.py").read_text() == (second / "python/module.py").read_text() == "x = 1"
    assert first.resolve() == second.resolve()


def test_other_archives_are_unpacked_apart(tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir()
    kind = shared_archives(tmp_path / "cache")
    first = unpack(kind, archive(tmp_path / "a.zip", "x = 1"), tmp_path / "one/layer")
    second = unpack(kind, archive(tmp_path / "b.zip", "x = 2"), tmp_path / "two/layer")
    assert (first / "python/module.py").read_text() == "x = 1"
    assert (second / "python/module.py").read_text() == "x = 2"


def test_workers_that_start_at_the_same_time_all_get_a_whole_archive(tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir()
    kind, source = shared_archives(tmp_path / "cache"), archive(tmp_path / "a.zip", "x = 1")
    targets = [tmp_path / str(number) / "layer" for number in range(8)]
    threads = [threading.Thread(target=unpack, args=(kind, source, target)) for target in targets]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert {(target / "python/module.py").read_text() for target in targets} == {"x = 1"}


def test_the_known_version_is_the_locked_one() -> None:
    assert f"ministack=={EMULATOR_VERSION} " in (ROOT / "requirements/cloud.txt").read_text()


def pausing() -> str:
    time.sleep(0.15)
    return "walked"


def test_the_pause_before_the_first_state_goes_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(pausing, FunctionType) and START_PAUSE_S in pausing.__code__.co_consts
    without_pause(pausing)
    paused: list[float] = []
    monkeypatch.setattr(time, "sleep", paused.append)
    assert (pausing(), paused) == ("walked", [0])


def waiting(*lines: str) -> queue.Queue[str]:
    """What a worker's reader has taken in."""
    found: queue.Queue[str] = queue.Queue()
    for line in lines:
        found.put(line)
    return found


def test_a_log_ends_at_its_mark_even_behind_half_a_line() -> None:
    lines = waiting("one", "", f"half{END_OF_LOG}a", "two", f"{END_OF_LOG}b")
    assert log_until(f"{END_OF_LOG}a", lines) == "one\n\nhalf"
    assert log_until(f"{END_OF_LOG}b", lines) == "two"


def test_a_log_without_mark_is_not_lost_and_delays_none_after_it() -> None:
    lines = waiting("one")
    assert log_until(f"{END_OF_LOG}a", lines, patience_s=0.05) == "one"
    for line in ("late", f"{END_OF_LOG}a", "two", f"{END_OF_LOG}b"):
        lines.put(line)
    assert log_until(f"{END_OF_LOG}b", lines) == "late\ntwo"


def test_an_alarm_is_told_of_as_cloudwatch_does() -> None:
    """By a message of AWS's own, as its guides show them."""
    alarm = {
        "AlarmName": "repeg-signals-refused",
        "AlarmArn": "arn:aws:cloudwatch:us-east-1:000000000000:alarm:repeg-signals-refused",
        "Statistic": "Maximum",
        "ExtendedStatistic": None,
        "Dimensions": [{"Name": "QueueName", "Value": "refused"}],
        "MetricName": "ApproximateNumberOfMessagesVisible",
        "Namespace": "AWS/SQS",
        "Period": 60,
        "EvaluationPeriods": 1,
        "ComparisonOperator": "GreaterThanThreshold",
        "Threshold": 0.0,
        "TreatMissingData": "notBreaching",
        "OKActions": ["arn"],
    }
    told = alarm_message(alarm, "OK", "ALARM", "crossed", 1_763_650_830.25, "000000000000", "us-east-1")
    assert told["StateChangeTime"] == "2025-11-20T15:00:30.250+0000"
    assert (told["OldStateValue"], told["NewStateValue"], told["NewStateReason"]) == ("OK", "ALARM", "crossed")
    assert (told["Region"], told["OKActions"], told["AlarmActions"]) == ("US East (N. Virginia)", ["arn"], [])
    assert told["Trigger"] == {
        "MetricName": "ApproximateNumberOfMessagesVisible",
        "Namespace": "AWS/SQS",
        "StatisticType": "Statistic",
        "Statistic": "MAXIMUM",
        "Unit": None,
        "Dimensions": [{"value": "refused", "name": "QueueName"}],
        "Period": 60,
        "EvaluationPeriods": 1,
        "ComparisonOperator": "GreaterThanThreshold",
        "Threshold": 0.0,
        "TreatMissingData": "notBreaching",
        "EvaluateLowSampleCountPercentile": "",
    }
    of_p99 = alarm | {"ExtendedStatistic": "p99", "DatapointsToAlarm": 1}
    trigger = alarm_message(of_p99, "OK", "ALARM", "crossed", 0, "0", "eu-west-1")["Trigger"]
    assert (trigger["StatisticType"], trigger["ExtendedStatistic"], trigger["DatapointsToAlarm"]) == (
        "ExtendedStatistic",
        "p99",
        1,
    )


HANDLER = """
import os, sys
def handler(event, context):
    for number in range(event.get("lines", 0)):
        print("line", number)
    sys.stdout.write(event.get("half", ""))
    if event.get("die"):
        os._exit(1)
    if event.get("fail"):
        raise ValueError("bad")
"""
INVOKE = """
import json, runpy, sys, tempfile, time
from pathlib import Path
emulator, code, events = sys.argv[1], Path(sys.argv[2]).read_bytes(), json.loads(sys.argv[3])
runpy.run_path(emulator)["change"](1, Path(tempfile.gettempdir()), Path("no-clock"))
from ministack.core.lambda_runtime import Worker
arn = "arn:aws:lambda:us-east-1:000000000000:function:f"
worker = Worker("f", {"Runtime": "python3", "Handler": "app.handler", "FunctionArn": arn}, code)
told = []
for nth, event in enumerate(events):
    started = time.monotonic()
    log = worker.invoke(event, f"request-{nth}")["log"]
    told.append((log, time.monotonic() - started))
worker.kill()
print(json.dumps(told))
"""


def test_the_real_emulator_tells_each_log_to_its_invocation_at_once(tmp_path: Path) -> None:
    """In the emulator's own interpreter, which refuses an emulator that is not the known one."""
    code = tmp_path / "code.zip"
    with zipfile.ZipFile(code, "w") as made:
        made.writestr("app.py", HANDLER)
    events: list[dict[str, Any]] = [
        {},
        {},
        {"lines": 2, "half": "no end"},
        {"lines": 300},
        {"lines": 1, "fail": True},
        {"lines": 2},
        {"lines": 1, "die": True},
        {"lines": 1},
        *[{}] * 10,
    ]
    answer = subprocess.run(
        [EMULATORS_PYTHON, "-P", "-c", INVOKE, str(emulator.__file__), str(code), json.dumps(events)],
        env={"TMPDIR": str(tmp_path), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
        timeout=200,
    )
    told = json.loads(answer.stdout.splitlines()[-1])
    logs = [log.splitlines() for log, _ in told]
    assert logs[:3] == [[], [], ["line 0", "line 1", "no end"]]
    assert logs[3] == [f"line {number}" for number in range(300)]
    assert logs[4:] == [["line 0"], ["line 0", "line 1"], ["line 0"], ["line 0"], *[[]] * 10]
    # Of many, since a busy machine lets any of them wait for its turn.
    silent = min(seconds for _, seconds in (told[1], *told[8:]))
    assert silent < 0.04, "the emulator still listens for lines that do not come"


MEASURE = """
import asyncio, json, runpy, sys, time
from pathlib import Path
emulator, clock = sys.argv[1], Path(sys.argv[2])
def set_clock(market):
    clock.write_text(f"{market * 10**9} {time.monotonic_ns()} 0 1")
set_clock(2_000_000_000)
runpy.run_path(emulator)["change"](1, clock.parent, clock)
from ministack.services import cloudwatch, lambda_svc, sqs
def call(action, **given):
    headers = {"content-type": "application/json", "x-amz-target": f"any.{action}"}
    status, _, body = asyncio.run(cloudwatch.handle_request("POST", "/", headers, json.dumps(given).encode(), {}))
    assert status == 200, body
    return json.loads(body or b"{}")
def sums(name, *dimensions):
    stat = {"Metric": {"Namespace": "AWS/Lambda", "MetricName": name, "Dimensions": list(dimensions)}, "Period": 60}
    query = {"Id": "q", "MetricStat": stat | {"Stat": "Sum"}}
    [found] = call("GetMetricData", MetricDataQueries=[query], StartTime=0, EndTime=3e9)["MetricDataResults"]
    return list(zip(found["Timestamps"], found["Values"]))
alarm = {"Namespace": "AWS/Lambda", "MetricName": "Errors", "Statistic": "Sum", "Period": 60, "EvaluationPeriods": 1}
call("PutMetricAlarm", AlarmName="a", Threshold=0, ComparisonOperator="GreaterThanThreshold", **alarm)
for function in ("f", "g"):
    lambda_svc._emit_lambda_metrics(function, 5, True, False)
call("PutMetricData", Namespace="AWS/Lambda", MetricData=[{"MetricName": "Errors", "Value": 1}])
told = {"all": sums("Errors"), "f": sums("Errors", {"Name": "FunctionName", "Value": "f"})}
told["state"] = call("DescribeAlarms")["MetricAlarms"][0]["StateValue"]
set_clock(1_999_999_000)
told["set back"] = sums("Errors")
lambda_svc._emit_lambda_metrics("f", 5, True, False)
told["later"] = sums("Errors")
queue = {"attributes": {}, "messages": []}
sqs._refresh_counts(queue)
told["ages"] = [queue["attributes"]["ApproximateAgeOfOldestMessage"]]
queue["messages"] = [{"sent_at": time.time() - age, "visible_at": 0, "receive_count": 0} for age in (3, 70)]
sqs._refresh_counts(queue)
told["ages"].append(queue["attributes"]["ApproximateAgeOfOldestMessage"])
print(json.dumps(told))
"""


def test_the_real_emulator_measures_on_market_time_and_leaves_the_alarms_alone(tmp_path: Path) -> None:
    answer = subprocess.run(
        [EMULATORS_PYTHON, "-P", "-c", MEASURE, str(emulator.__file__), str(tmp_path / "clock")],
        env={"TMPDIR": str(tmp_path), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert answer.returncode == 0, answer.stderr
    told = json.loads(answer.stdout.splitlines()[-1])
    assert told["all"] == [[1_999_999_980, 3.0]], "the account's own, of both functions and by hand"
    assert told["f"] == [[1_999_999_980, 1.0]]
    assert told["state"] == "INSUFFICIENT_DATA"
    assert (told["set back"], told["later"]) == ([], [[1_999_998_960, 1.0]])
    assert told["ages"] == ["0", "70"]


def test_what_is_nothing_but_a_name_is_made_of_a_template() -> None:
    """A rule's target, or a rehearsal, asks for no more of where alerts are posted."""
    handlers: dict[str, dict[str, Any]] = {}
    emulator.take_names(handlers)
    made = {each["Type"] for each in load_template()["Resources"].values()}
    assert set(handlers) == set(emulator.NAMES_ONLY) <= made
    name, attributes = handlers["AWS::Events::ApiDestination"]["create"]("Webhook", {}, "repeg")
    assert (name, attributes["Arn"].startswith("arn:aws:events:")) == ("repeg-Webhook", True)
