"""What SQS and Step Functions measure of themselves on AWS, found out by asking them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from desk.cloud.emulator import OLDEST_AGE
from desk.cloud.watch.emf import Datum

_QUEUES = {
    "ApproximateNumberOfMessages": "ApproximateNumberOfMessagesVisible",
    "ApproximateNumberOfMessagesNotVisible": "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed": "ApproximateNumberOfMessagesDelayed",
}
"""Names of the metrics by those of a queue's attributes."""

_ENDS = {
    "SUCCEEDED": "ExecutionsSucceeded",
    "FAILED": "ExecutionsFailed",
    "TIMED_OUT": "ExecutionsTimedOut",
    "ABORTED": "ExecutionsAborted",
}
_PAGE = 100


def queues(sqs: Any, speed: float) -> Iterator[Datum]:
    """How full all queues are, and how old the oldest message is, in market seconds."""
    for url in sqs.list_queues().get("QueueUrls", []):
        attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        about = {"QueueName": url.rpartition("/")[2]}
        for attribute, metric in _QUEUES.items():
            yield Datum("AWS/SQS", metric, (float(attributes[attribute]),), "Count", about)
        if OLDEST_AGE in attributes:
            age = float(attributes[OLDEST_AGE]) * speed
            yield Datum("AWS/SQS", OLDEST_AGE, (age,), "Seconds", about)


class Executions:
    """Beginnings and ends of the executions of some state machines, each counted once."""

    def __init__(self, stepfunctions: Any, machines: Iterable[str]) -> None:
        self._stepfunctions, self._machines = stepfunctions, list(machines)
        self._known: set[str] = set()
        self._running: dict[str, set[str]] = {arn: set() for arn in self._machines}

    def counted(self) -> Iterator[Datum]:
        """What happened since the last call, machine by machine: one that cannot be asked spoils no other."""
        for machine in self._machines:
            yield from self._of(machine)

    def _of(self, machine: str) -> Iterator[Datum]:
        started = {one["executionArn"]: str(one["status"]) for one in self._new(machine)}
        ended = [status for status in started.values() if status in _ENDS]
        before = self._running[machine]
        gone = before - self._still(machine) if before else set()
        ended += [self._stepfunctions.describe_execution(executionArn=arn)["status"] for arn in gone]
        self._known |= set(started)
        self._running[machine] = (before - gone) | {arn for arn, status in started.items() if status not in _ENDS}
        about = {"StateMachineArn": machine}
        if started:
            yield Datum("AWS/States", "ExecutionsStarted", (float(len(started)),), "Count", about)
        for status, metric in _ENDS.items():
            if count := ended.count(status):
                yield Datum("AWS/States", metric, (float(count),), "Count", about)

    def _new(self, machine: str) -> Iterator[dict[str, Any]]:
        """Executions are listed from the last begun on."""
        pages = self._stepfunctions.get_paginator("list_executions").paginate(
            stateMachineArn=machine, PaginationConfig={"PageSize": _PAGE}
        )
        for execution in (one for page in pages for one in page["executions"]):
            if execution["executionArn"] in self._known:
                return
            yield execution

    def _still(self, machine: str) -> set[str]:
        pages = self._stepfunctions.get_paginator("list_executions").paginate(
            stateMachineArn=machine, statusFilter="RUNNING"
        )
        return {execution["executionArn"] for page in pages for execution in page["executions"]}
