"""The way in: is the queue read, does anything wait in it, was anything refused."""

from __future__ import annotations

import time
from datetime import UTC, timedelta
from typing import Any

from desk.doctor.case import Case
from desk.doctor.findings import Trouble
from desk.doctor.metrics import latest
from desk.doctor.words import aws, deploy_again, repeg, seconds_of, some
from desk.stack.intake import is_on, mappings_of, paused_since
from desk.telling.figures import NEW_YORK

INTAKE, QUEUE, REFUSED = "intake", "queue", "refused"
OLD = timedelta(seconds=60)
FAILURES = '?ERROR ?"Task timed out" ?"Unable to import"'
SECOND_LOOK_S = 1.5
_COUNTS = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]


def waiting(case: Case) -> tuple[int, int]:
    """Messages in the queue: those that nobody has taken, and those that are being accepted."""
    return _depth(case, case.connection.queue_url)


def intake(case: Case) -> str:
    """How signals get out of the queue, if they do."""
    connection = case.connection
    function = connection.function("accept_signal")
    mappings = mappings_of(connection)
    if not mappings:
        raise Trouble(INTAKE, "nothing takes signals out of the queue", deploy_again(connection))
    for mapping in mappings:
        if not is_on(mapping):
            detail = f"intake is {_paused(case, mapping)}: {_held_back(case)}"
            raise Trouble(INTAKE, detail, repeg(connection, "resume"))
    result = str(mappings[0].get("LastProcessingResult", ""))
    if result.startswith("PROBLEM"):
        raise Trouble(INTAKE, f"the queue cannot be read: {result}", deploy_again(connection))
    if connection.lambda_.get_function_concurrency(FunctionName=function).get("ReservedConcurrentExecutions") == 0:
        allow = f"lambda delete-function-concurrency --function-name {function}"
        raise Trouble(INTAKE, f"{function} is throttled to nothing: {_held_back(case)}", aws(connection, allow))
    return "takes signals from the queue"


def check_intake(case: Case) -> str:
    """Is the function that accepts signals connected to the queue, and allowed to run."""
    return case.fact(intake)


def check_queue(case: Case) -> str:
    """How many signals wait, and since when. Nothing is received: that would count as a try."""
    visible, taken = case.fact(waiting)
    told = f"{some(visible, 'signal')} waiting, {taken} being accepted"
    if visible == 0:
        return told
    age = _age(case)
    if age is None:
        time.sleep(SECOND_LOOK_S)
        left, _ = waiting(case)
        stuck, since = left >= visible, f"still there after {SECOND_LOOK_S:g} s"
    else:
        stuck, since = age > OLD, f"the oldest for {seconds_of(age)}"
    if stuck:
        case.fact(intake)
        logs = aws(case.connection, f"logs tail {case.connection.log_group} --since 15m --filter-pattern '{FAILURES}'")
        raise Trouble(QUEUE, f"{told}, {since}; after 15 min most signals expire", logs)
    return f"{told}, {since}" if age else told


def check_refused(case: Case) -> str:
    """Is the dead-letter queue empty."""
    connection = case.connection
    visible, _ = _depth(case, connection.dlq_url)
    if not visible:
        return "none"
    detail = f"{some(visible, 'message')} not taken as a signal, nothing was traded (docs/runbook.md#signals-refused)"
    raise Trouble(REFUSED, detail, repeg(connection, "refused"))


def _paused(case: Case, mapping: dict[str, Any]) -> str:
    since = paused_since(case.connection)
    if since is None:
        return f"paused, not by repeg ({mapping['State'].lower()})"
    # On the local cloud the page's own times are another day's: the wall's stay apart from them.
    zone, name = (UTC, "UTC") if case.simulated else (NEW_YORK, "ET")
    return f"paused by you at {since.astimezone(zone):%d %b %H:%M} {name}, {seconds_of(case.wall() - since)} ago"


def _held_back(case: Case) -> str:
    visible, _ = case.fact(waiting)
    return f"{some(visible, 'signal')} waiting in the queue" if visible else "signals stay in the queue"


def _age(case: Case) -> timedelta | None:
    """How long the oldest message waits. On the local cloud, where nothing else calls, a second look tells sooner."""
    if case.simulated:
        return None
    name = case.connection.queue_url.rpartition("/")[2]
    point = latest(case, "AWS/SQS", "ApproximateAgeOfOldestMessage", {"QueueName": name}, "Maximum", minutes=5)
    return None if point is None else timedelta(seconds=point.value)


def _depth(case: Case, url: str) -> tuple[int, int]:
    answer: dict[str, Any] = case.connection.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=_COUNTS)
    visible, taken = (int(answer["Attributes"][name]) for name in _COUNTS)
    return visible, taken
