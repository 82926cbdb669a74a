"""Executions of a machine: names, ARNs, starting them, and whether one is running."""

from __future__ import annotations

import json
from datetime import datetime
from enum import StrEnum
from typing import Any

from botocore.exceptions import ClientError

from repeg.errors import RetryError

# An execution of that name ran, or runs: the order has had it, whoever started it.
_ALREADY_STARTED = {"ExecutionAlreadyExists"}
MAX_DIGITS = 9
_UNKNOWN = {"ExecutionDoesNotExist"}
# Passes by itself: a sweep of a thousand orders meets it, and must not alert for each of them.
_THROTTLED = {"ThrottlingException", "TooManyRequestsException", "RequestLimitExceeded"}


class ExecutionState(StrEnum):
    """What matters about an execution."""

    RUNNING = "running"
    ENDED = "ended"
    MISSING = "missing"


def execution_number(name: str) -> int | None:
    """The number in an execution's name, `<order_id>-<n>`, or None if it is named otherwise."""
    number = name.rpartition("-")[2]
    return int(number) if number.isdecimal() and len(number) < MAX_DIGITS else None


class Executions:
    """The machine that works orders, or rebalances. `client` is a low-level Step Functions client.

    An id is that of an order or a rebalance.
    """

    def __init__(self, client: Any, state_machine_arn: str) -> None:
        self._client = client
        self._machine = state_machine_arn

    def arn(self, order_id: str, number: int) -> str:
        """ARN of the order's `number`-th execution, started or not."""
        return f"{self._machine.replace(':stateMachine:', ':execution:')}:{order_id}-{number}"

    def start(self, order_id: str, number: int) -> None:
        """Start the execution; one of the same name that was started before counts as success."""
        try:
            self._client.start_execution(
                stateMachineArn=self._machine,
                name=f"{order_id}-{number}",
                # Only the id: all else an execution reads from the record, and so another can take over.
                input=json.dumps({"order_id": order_id}),
            )
        except ClientError as error:
            if error.response["Error"]["Code"] not in _ALREADY_STARTED:
                raise

    def state(self, order_id: str, number: int) -> ExecutionState:
        """Whether the order's `number`-th execution runs, has ended, or was never started.

        Raises:
            RetryError: Step Functions is asked too often.
        """
        try:
            answer = self._client.describe_execution(executionArn=self.arn(order_id, number))
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code in _UNKNOWN:
                return ExecutionState.MISSING
            if code in _THROTTLED:
                raise RetryError(f"DescribeExecution: {code}") from error
            raise
        # One that waits for its redrive will go on: a second beside it would take the order from it.
        return ExecutionState.RUNNING if answer["status"] in ("RUNNING", "PENDING_REDRIVE") else ExecutionState.ENDED

    def under_way(self) -> frozenset[str]:
        """Names of all executions that run, as they were a moment ago: one call for a thousand."""
        pages = self._client.get_paginator("list_executions").paginate(
            stateMachineArn=self._machine, statusFilter="RUNNING"
        )
        return frozenset(execution["name"] for page in pages for execution in page["executions"])

    def moved_at(self, order_id: str, number: int) -> datetime | None:
        """Wall time of the last thing that happened in the order's `number`-th execution."""
        answer = self._client.get_execution_history(
            executionArn=self.arn(order_id, number), maxResults=1, reverseOrder=True
        )
        moved: datetime | None = next((event["timestamp"] for event in answer["events"]), None)
        return moved
