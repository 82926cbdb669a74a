"""Step Functions as the sweep asks it: listings in pages, throttling as a reason to try again."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from repeg.errors import RetryError
from repeg.executions import Executions, ExecutionState

ARN = "arn:aws:states:us-east-1:000000000000:stateMachine:repeg-execute-order"
MOVED = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)


class Client:
    """Answers as boto3's client does."""

    def __init__(self, code: str = "") -> None:
        self.code = code

    def describe_execution(self, **_: Any) -> dict[str, Any]:
        if self.code:
            raise ClientError({"Error": {"Code": self.code, "Message": ""}}, "DescribeExecution")
        return {"status": "RUNNING"}

    def get_paginator(self, name: str) -> Client:
        assert name == "list_executions"
        return self

    def paginate(self, **query: Any) -> list[dict[str, Any]]:
        assert query == {"stateMachineArn": ARN, "statusFilter": "RUNNING"}
        return [{"executions": [{"name": "ord-1-1"}]}, {"executions": [{"name": "ord-2-3"}]}]

    def get_execution_history(self, **query: Any) -> dict[str, Any]:
        assert (query["maxResults"], query["reverseOrder"]) == (1, True)
        return {"events": [{"timestamp": MOVED}]}


@pytest.mark.parametrize("code", ["ThrottlingException", "TooManyRequestsException"])
def test_being_throttled_is_a_reason_to_try_again(code: str) -> None:
    with pytest.raises(RetryError):
        Executions(Client(code), ARN).state("ord-1", 1)


def test_an_execution_that_is_not_there_is_missing() -> None:
    assert Executions(Client("ExecutionDoesNotExist"), ARN).state("ord-1", 1) is ExecutionState.MISSING
    with pytest.raises(ClientError):
        Executions(Client("AccessDeniedException"), ARN).state("ord-1", 1)


def test_all_that_run_are_listed_page_by_page() -> None:
    assert Executions(Client(), ARN).under_way() == {"ord-1-1", "ord-2-3"}


def test_the_last_movement_is_the_newest_event() -> None:
    assert Executions(Client(), ARN).moved_at("ord-1", 1) == MOVED
