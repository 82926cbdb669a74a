"""Runs the AWS emulator with nine changes, about the functions that it runs, what calls them, and what is measured.

AWS runs fifty functions at once without a thought. The emulator gives each concurrent invocation a process of its own,
60 MB each, and past a cap fails the task as ``Lambda.Unknown``. Here the tasks of the state machines queue, in order,
for a few workers of each function.

It also unpacks every layer for every worker, a second of CPU in the one process that serves everything. Here equal
archives are unpacked once and shared, as ``/opt`` is on AWS.

It sleeps 150 ms before the first state of every execution, and 50 ms after a look into the queues that found nothing,
such as while a batch is still being worked. Here it does not, and hardly.

After every invocation it listens up to 50 ms for lines that the function may still have to log. Here a worker marks the
end of what an invocation wrote, so that nothing is waited for, and each line is told to the invocation that wrote it.

It fires the rules that have a schedule by the wall's clock. Here the local cloud does, by the market's: schedules.py.

It sets alarms off by rules of its own, takes a metric without dimensions for all that have some, and stamps what it
measures by the wall's clock. Here it keeps metrics by the market's, finds exactly what is asked for, leaves the alarms
to the local cloud (watch/), and tells of one in the words that CloudWatch has.

It does not tell how old the oldest message of a queue is. Here it does, as one more attribute of the queue.

It refuses a template with saved queries of the log. Here it takes note of them, though nothing runs them.

A script, run by the emulator's own interpreter: ``emulator.py WORKERS CACHE CLOCK``, all else by environment variables.
CLOCK is the file in which the exchange says how its clock runs; without it, market time is the wall's.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import os
import queue
import runpy
import sys
import threading
import time
import types
import zipfile
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from types import FunctionType
from typing import Any

EMULATOR_VERSION = "1.5.33"
START_PAUSE_S = 0.15
QUEUE_PAUSE_S, SHORT_QUEUE_PAUSE_S = 0.05, 0.002
# A worker that died leaves no mark.
UNMARKED_LOG_S = 0.25
END_OF_LOG = "\x1eend of log"
NAMES_ONLY = ("AWS::Logs::QueryDefinition", "AWS::Events::ApiDestination", "AWS::Events::Connection")
"""What the emulator knows nothing of, and needs to do nothing for: saved queries, and where alerts are posted."""
_ANSWER_IS_OUT = "        _real_stdout.flush()\n\nrun()"
_REGIONS = {"us-east-1": "US East (N. Virginia)"}
_ACTIONS = {"ALARM": "AlarmActions", "OK": "OKActions", "INSUFFICIENT_DATA": "InsufficientDataActions"}
_KEPT_S = 14 * 24 * 3600
OLDEST_AGE = "ApproximateAgeOfOldestMessage"
"""Attribute of a queue: wall seconds since its oldest message was sent, 0 if it is empty."""

Call = Callable[[str, Any], Any]


def limited(call: Call, workers: int) -> Call:
    """The same call, at most ``workers`` at a time for each function; the others wait their turn."""
    turns: defaultdict[str, threading.Semaphore] = defaultdict(lambda: threading.Semaphore(workers))
    opening = threading.Lock()

    def call_in_turn(func_ref: str, event: Any) -> Any:
        with opening:
            turn = turns[func_ref]
        with turn:
            return call(func_ref, event)

    return call_in_turn


def shared_archives(cache: Path) -> type[zipfile.ZipFile]:
    """A ``ZipFile`` that unpacks equal archives once, into ``cache``, and only links to them from then on."""
    unpacking = threading.Lock()

    class SharedZipFile(zipfile.ZipFile):
        def namelist(self) -> list[str]:
            """Nothing once unpacked: the caller's check of every name has passed before."""
            return [] if self._unpacked().exists() else super().namelist()

        def extractall(self, path: Any = None, members: Any = None, pwd: Any = None) -> None:
            target = self._unpacked()
            with unpacking:
                if not target.exists():
                    part = target.with_suffix(".part")
                    super().extractall(part, members, pwd)
                    part.rename(target)
            os.rmdir(path)
            os.symlink(target, path)

        def _unpacked(self) -> Path:
            contents = repr([(entry.filename, entry.CRC, entry.file_size) for entry in self.infolist()])
            return cache / hashlib.sha256(contents.encode()).hexdigest()

    return SharedZipFile


def without_pause(function: FunctionType) -> None:
    """Turns the one pause in the emulator's function that walks an execution into none."""
    code = function.__code__
    constants = tuple(0 if constant == START_PAUSE_S else constant for constant in code.co_consts)
    function.__code__ = code.replace(co_consts=constants)


def marking(script: str) -> str:
    """The workers' script, changed to end each invocation's log by its mark, just before the answer goes out."""
    mark = f"{END_OF_LOG!r} + _ms_ctx.get('request_id', '') + chr(10)"
    return script.replace(
        _ANSWER_IS_OUT, f"        print({mark}, end='', file=sys.__stderr__, flush=True)\n{_ANSWER_IS_OUT}"
    )


def log_until(mark: str, lines: queue.Queue[str], patience_s: float = UNMARKED_LOG_S) -> str:
    """What a worker logged before a mark; without one, what came in ``patience_s`` seconds (the next has the rest)."""
    logged: list[str] = []
    deadline = time.monotonic() + patience_s
    while True:
        try:
            line = lines.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            return "\n".join(logged)
        text, end, request_id = line.partition(END_OF_LOG)
        if text or not end:
            logged.append(text)
        if end + request_id == mark:
            return "\n".join(logged)


def mark_logs(runtime: Any) -> None:
    """Lets the workers of the emulator's runtime tell where an invocation's log ends."""
    invoke = runtime.Worker.invoke

    def invoke_marked(worker: Any, event: Any, request_id: str, **more: Any) -> Any:
        worker.mark = END_OF_LOG + request_id
        return invoke(worker, event, request_id, **more)

    runtime._PYTHON_WORKER_SCRIPT = marking(runtime._PYTHON_WORKER_SCRIPT)
    runtime.Worker.invoke = invoke_marked
    runtime.Worker._drain_stderr_bounded = lambda worker: log_until(worker.mark, worker._stderr_queue)


def setting_of(clock: Path) -> str:
    """What the exchange's file says of its clock; nothing where there is no exchange."""
    try:
        return clock.read_text()
    except OSError:
        return ""


def market_now(setting: str) -> float:
    """Seconds since 1970; the same as desk/stack/market_time.py, which the emulator's interpreter does not find."""
    if not setting:
        return time.time()
    market, since, speed, parts = map(int, setting.split())
    return (market + (time.monotonic_ns() - since) * speed // parts) / 1e9


class Exactly(dict[str, str]):
    """Dimensions asked for: none are none, not any."""

    def __bool__(self) -> bool:
        return True


def keep_metrics_on_market_time(cloudwatch: Any, clock: Path) -> None:
    """Lets the emulator's CloudWatch live by the exchange's clock, and leave its alarms to others."""
    find, record, seen = cloudwatch._dims_from_list, cloudwatch.record_metric, [setting_of(clock)]

    def forget_what_has_not_happened() -> None:
        """Once the clock was set: else what was measured later would be there already when its time comes again."""
        setting = setting_of(clock)
        if setting == seen[0]:
            return
        seen[0] = setting
        now = market_now(setting)
        for key, points in list(cloudwatch._metrics.items()):
            kept = [point for point in points if now - _KEPT_S <= point["Timestamp"] <= now]
            if kept:
                cloudwatch._metrics[key] = kept
            else:
                del cloudwatch._metrics[key]

    def record_also_for_the_account(
        namespace: str, name: str, value: float, unit: str = "None", dimensions: dict[str, str] | None = None
    ) -> None:
        record(namespace, name, value, unit, dimensions)
        if dimensions:
            record(namespace, name, value, unit)

    cloudwatch.time = types.SimpleNamespace(**{**vars(time), "time": lambda: market_now(setting_of(clock))})
    cloudwatch._evict_old_metrics = forget_what_has_not_happened
    cloudwatch._dims_from_list = lambda dimensions: Exactly(find(dimensions))
    cloudwatch.record_metric = record_also_for_the_account
    cloudwatch._evaluate_alarm = lambda alarm: None


def alarm_message(
    alarm: dict[str, Any], old: str, new: str, reason: str, at: float, account: str, region: str
) -> dict[str, Any]:
    """What CloudWatch tells a topic of an alarm; `at`: seconds since 1970."""
    percentile = alarm.get("ExtendedStatistic")
    statistic = (
        {"StatisticType": "ExtendedStatistic", "ExtendedStatistic": percentile}
        if percentile
        else {"StatisticType": "Statistic", "Statistic": str(alarm.get("Statistic", "")).upper()}
    )
    needed = {"DatapointsToAlarm": alarm["DatapointsToAlarm"]} if "DatapointsToAlarm" in alarm else {}
    return {
        "AlarmName": alarm["AlarmName"],
        "AlarmDescription": alarm.get("AlarmDescription") or None,
        "AWSAccountId": account,
        "AlarmConfigurationUpdatedTimestamp": _told(alarm.get("AlarmConfigurationUpdatedTimestamp", at)),
        "NewStateValue": new,
        "NewStateReason": reason,
        "StateChangeTime": _told(at),
        "Region": _REGIONS.get(region, region),
        "AlarmArn": alarm["AlarmArn"],
        "OldStateValue": old,
        "OKActions": alarm.get("OKActions", []),
        "AlarmActions": alarm.get("AlarmActions", []),
        "InsufficientDataActions": alarm.get("InsufficientDataActions", []),
        "Trigger": {
            "MetricName": alarm.get("MetricName"),
            "Namespace": alarm.get("Namespace"),
            **statistic,
            "Unit": alarm.get("Unit"),
            "Dimensions": [{"value": one["Value"], "name": one["Name"]} for one in alarm.get("Dimensions", [])],
            "Period": alarm.get("Period"),
            "EvaluationPeriods": alarm.get("EvaluationPeriods"),
            **needed,
            "ComparisonOperator": alarm.get("ComparisonOperator"),
            "Threshold": alarm.get("Threshold"),
            "TreatMissingData": alarm.get("TreatMissingData", "missing"),
            "EvaluateLowSampleCountPercentile": "",
        },
    }


def _told(at: float) -> str:
    moment = datetime.fromtimestamp(at, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03}+0000"


def tell_of_alarms(cloudwatch: Any, sns: Any) -> None:
    """Lets the emulator tell topics of alarms in the form that CloudWatch has."""

    def tell(alarm: dict[str, Any], old: str, new: str, reason: str) -> None:
        actions = alarm.get(_ACTIONS[new], []) if alarm.get("ActionsEnabled", True) else []
        account, region = cloudwatch.get_account_id(), cloudwatch.get_region()
        message = alarm_message(alarm, old, new, reason, cloudwatch.time.time(), account, region)
        subject = f'{new}: "{alarm["AlarmName"]}" in {message["Region"]}'[:100]
        for topic in filter(cloudwatch._is_sns_action_arn, actions):
            sns._fanout(topic, cloudwatch.new_uuid(), json.dumps(message), subject)

    cloudwatch._dispatch_alarm_actions = tell


def tell_ages(sqs: Any) -> None:
    """Lets the emulator's queues say how old their oldest message is."""
    refresh = sqs._refresh_counts

    def refresh_with_age(queue: dict[str, Any]) -> None:
        refresh(queue)
        now = time.time()
        sent = [message.get("enqueued_at", message.get("sent_at", now)) for message in queue["messages"]]
        queue["attributes"][OLDEST_AGE] = str(int(now - min(sent, default=now)))

    sqs._refresh_counts = refresh_with_age


def take_names(handlers: dict[str, dict[str, Any]]) -> None:
    """Lets the emulator's CloudFormation make what is nothing here but its name."""
    for kind in NAMES_ONLY:
        handlers[kind] = {
            "create": lambda logical_id, properties, stack: (f"{stack}-{logical_id}", _attributes(logical_id, stack)),
            "update": lambda physical_id, old, new, stack: (physical_id, {}),
            "delete": lambda physical_id, properties: None,
        }


def _attributes(logical_id: str, stack: str) -> dict[str, str]:
    return {"Arn": f"arn:aws:events:us-east-1:000000000000:name/{stack}-{logical_id}"}


def change(workers: int, cache: Path, clock: Path) -> None:
    """Applies all changes; an emulator that is not the known one is refused."""
    from ministack.core import lambda_runtime
    from ministack.services import cloudwatch, eventbridge, lambda_svc, sns, sqs, stepfunctions
    from ministack.services.cloudformation import provisioners

    found = version("ministack")
    calls = inspect.signature(stepfunctions._call_lambda).parameters
    spawning = inspect.getsource(lambda_runtime.Worker._spawn)
    known = [
        found == EMULATOR_VERSION,
        list(calls) == ["func_ref", "event"],
        spawning.count("extractall(") == spawning.count("zipfile.ZipFile(") == 2,
        stepfunctions._run_execution.__code__.co_consts.count(START_PAUSE_S) == 1,
        lambda_svc._ESM_IDLE_WAKE_GAP_SECONDS == QUEUE_PAUSE_S,
        lambda_runtime._PYTHON_WORKER_SCRIPT.count(_ANSWER_IS_OUT) == 1,
        inspect.getsource(lambda_runtime.Worker.invoke).count("self._drain_stderr_bounded()") == 1,
        inspect.getsource(eventbridge._scheduler_loop).count("_tick_scheduled_rules()") == 1,
        inspect.getsource(cloudwatch).count("_dims_key(req_dims) if req_dims else None") == 2,
        inspect.getsource(cloudwatch).count("    _evaluate_alarm(alarm)\n") == 3,
        inspect.getsource(cloudwatch.handle_request).count("_evict_old_metrics()") == 1,
        list(inspect.signature(cloudwatch._dispatch_alarm_actions).parameters)
        == ["alarm", "old_state", "new_state", "reason"],
        list(inspect.signature(sns._fanout).parameters)[:4] == ["topic_arn", "msg_id", "message", "subject"],
        "_cw.record_metric(" in inspect.getsource(lambda_svc._emit_lambda_metrics),
        inspect.getsource(sqs._act_get_queue_attributes).count("_refresh_counts(q)") == 1,
        not set(NAMES_ONLY) & set(provisioners._RESOURCE_HANDLERS),
    ]
    if not all(known):
        raise SystemExit(f"ministack {found} is not {EMULATOR_VERSION}, for which these changes were written")
    stepfunctions._call_lambda = limited(stepfunctions._call_lambda, workers)
    shared = {**vars(zipfile), "ZipFile": shared_archives(cache)}
    lambda_runtime.zipfile = types.SimpleNamespace(**shared)
    without_pause(stepfunctions._run_execution)
    lambda_svc._ESM_IDLE_WAKE_GAP_SECONDS = SHORT_QUEUE_PAUSE_S
    mark_logs(lambda_runtime)
    eventbridge._tick_scheduled_rules = lambda: None
    keep_metrics_on_market_time(cloudwatch, clock)
    tell_of_alarms(cloudwatch, sns)
    tell_ages(sqs)
    take_names(provisioners._RESOURCE_HANDLERS)


if __name__ == "__main__":
    change(int(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]))
    sys.argv = sys.argv[:1]
    runpy.run_module("ministack", run_name="__main__")
