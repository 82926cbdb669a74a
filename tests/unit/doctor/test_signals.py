"""The way in: each way of being closed, and its mend."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest

from desk.doctor import signals
from desk.stack.intake import pause, resume
from tests.support.clinic import Clinic


@pytest.fixture(autouse=True)
def in_no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signals, "SECOND_LOOK_S", 0.01)


def test_a_queue_that_is_read_and_empty_is_ok(clinic: Clinic) -> None:
    for name, told in (("intake", "takes"), ("queue", "0 signals waiting"), ("refused", "none")):
        found = clinic.look(name)
        assert found.ok and told in found.detail and found.mend is None


def test_paused_intake_is_told_with_who_paused_it_what_waits_and_the_command_that_resumes_it(clinic: Clinic) -> None:
    pause(clinic.case.connection, datetime.now(UTC) - timedelta(minutes=12))
    clinic.wait()
    found = clinic.look("intake")
    assert not found.ok and re.match(r"intake is paused by you at \d\d \w{3} \d\d:\d\d ET, 12 min ago: ", found.detail)
    clinic.local = True
    assert " UTC, 12 min ago: " in clinic.look("intake").detail, "the wall's time, beside another day's"
    clinic.local = False
    assert "12 min ago: 1 signal waiting" in found.detail and found.mend == "repeg resume"
    resume(clinic.case.connection)
    assert clinic.look("intake").ok


def test_intake_that_something_else_switched_off_is_resumed_alike(clinic: Clinic) -> None:
    clinic.local = True
    clinic["lambda"].update_event_source_mapping(UUID=clinic.mapping, Enabled=False)
    found = clinic.look("intake")
    assert not found.ok and "paused, not by repeg (disabled)" in found.detail and found.mend == "repeg resume"


def test_a_function_that_may_not_run_takes_nothing(clinic: Clinic) -> None:
    clinic["lambda"].put_function_concurrency(FunctionName="repeg-accept-signal", ReservedConcurrentExecutions=0)
    found = clinic.look("intake")
    assert not found.ok and "throttled" in found.detail
    assert found.mend == "aws lambda delete-function-concurrency --function-name repeg-accept-signal"


def test_a_queue_that_nothing_is_connected_to(clinic: Clinic) -> None:
    clinic["lambda"].delete_event_source_mapping(UUID=clinic.mapping)
    found = clinic.look("intake")
    assert (found.ok, found.mend) == (False, "make deploy")


def test_signals_that_wait_for_long_are_told_by_the_age_of_the_oldest(clinic: Clinic) -> None:
    clinic.wait()
    name = {"QueueName": "repeg-signals.fifo"}
    clinic.metric("AWS/SQS", "ApproximateAgeOfOldestMessage", name, 20, minutes_ago=2)
    assert clinic.look("queue").ok
    clinic.metric("AWS/SQS", "ApproximateAgeOfOldestMessage", name, 600)
    found = clinic.look("queue")
    assert not found.ok and "1 signal waiting" in found.detail and "the oldest for 10 min" in found.detail
    assert found.mend == f"aws logs tail /aws/lambda/repeg --since 15m --filter-pattern '{signals.FAILURES}'"


def test_behind_paused_intake_the_queue_points_there(clinic: Clinic) -> None:
    clinic["lambda"].update_event_source_mapping(UUID=clinic.mapping, Enabled=False)
    clinic.wait()
    found = clinic.look("queue")
    assert (found.ok, found.mend, found.behind) == (False, "fix intake first", "intake")


def test_a_queue_that_the_function_cannot_read(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    client = clinic["lambda"]
    mapped = client.list_event_source_mappings(FunctionName="repeg-accept-signal")
    mapped["EventSourceMappings"][0]["LastProcessingResult"] = "PROBLEM: no permission to read the queue"
    monkeypatch.setattr(client, "list_event_source_mappings", lambda **_: mapped)
    found = clinic.look("intake")
    assert not found.ok and "no permission to read the queue" in found.detail and found.mend == "make deploy"


def test_without_a_metric_signals_that_are_still_there_at_the_second_look_are_stuck(clinic: Clinic) -> None:
    clinic.local = True
    clinic.wait()
    assert not clinic.look("queue").ok


def test_without_a_metric_signals_that_are_being_taken_are_fine(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    clinic.local = True
    clinic.wait()
    monkeypatch.setattr(signals.time, "sleep", lambda _: clinic["sqs"].purge_queue(QueueUrl=clinic.queue_url))
    assert clinic.look("queue").ok


def test_refused_signals_are_counted_and_the_mend_reads_them(clinic: Clinic) -> None:
    clinic.send(clinic.dlq_url)
    clinic.send(clinic.dlq_url)
    found = clinic.look("refused")
    assert not found.ok and "2 messages" in found.detail and "runbook.md#signals-refused" in found.detail
    assert found.mend == "repeg refused"


def test_looking_takes_no_message(clinic: Clinic) -> None:
    clinic.send(clinic.dlq_url, "body")
    clinic.look("refused")
    [message] = clinic["sqs"].receive_message(QueueUrl=clinic.dlq_url, AttributeNames=["All"])["Messages"]
    assert message["Attributes"]["ApproximateReceiveCount"] == "1"
