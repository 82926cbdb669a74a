"""Finding the stack: the local cloud when one is up, else AWS; and why neither answers, when neither does."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime

from botocore.config import Config

from desk.doctor.aws_trouble import AwsError, error_code, explain
from desk.doctor.case import Case
from desk.doctor.findings import Trouble
from desk.doctor.meter import Meter
from desk.doctor.words import deploy, deploy_again, start_afresh
from desk.stack.connection import DEFAULT_STACK, Connection, connect, local_for
from desk.stack.market_time import wall_clock
from desk.stack.place import Place, here
from desk.stack.processes import is_ours

STACK = "stack"
BOUNDED = Config(connect_timeout=2, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 2})
NEEDED = frozenset(
    {
        "AlpacaSecretId",
        "DlqUrl",
        "ExecuteOrderArn",
        "FunctionLogGroup",
        "QueueUrl",
        "SettingsDefaultsName",
        "SettingsOverridesName",
        "TableName",
    }
)
_IS_DOWN = "; the local cloud is down"
_CLIENTS = (
    "cloudwatch",
    "dynamodb",
    "events",
    "lambda_",
    "logs",
    "scheduler",
    "secretsmanager",
    "sns",
    "sqs",
    "ssm",
    "stepfunctions",
)


def reach(
    stack: str, meter: Meter, wall: Callable[[], datetime] = wall_clock, clients: Iterable[str] = _CLIENTS
) -> Case:
    """The stack, with what its functions were told.

    `clients` are made now: each takes long, and only who shares the case with other threads needs them ahead.

    Raises:
        Trouble: neither the local cloud nor AWS has a stack that can be looked at.
    """
    local = local_for(stack) is not None
    try:
        connection = connect(stack, BOUNDED)
        connection.tell_calls(meter.count_aws_call)
        # One after the other: a session must not make clients in several threads.
        for client in clients:
            getattr(connection, client)
        check_deployment(connection)
        return Case(connection, _environment(connection), meter, wall)
    except AwsError as error:
        raise _unreachable(stack, error, local=local) from None


def case_at(stack: str) -> Case:
    """A stack, for whoever does not judge its deployment.

    Raises:
        Trouble: neither the local cloud nor AWS has it, or there is only a part of it.
    """
    try:
        connection = connect(stack, BOUNDED)
    except AwsError as error:
        raise _unreachable(stack, error, local=local_for(stack) is not None) from None
    return case_of(connection)


def case_of(connection: Connection, wall: Callable[[], datetime] = wall_clock) -> Case:
    """The same of a stack that was reached.

    Raises:
        Trouble: it is there only in part.
    """
    bounded, meter = replace(connection, config=BOUNDED), Meter()
    bounded.tell_calls(meter.count_aws_call)
    try:
        if not set(bounded.outputs) >= NEEDED:
            check_deployment(bounded)
        return Case(bounded, _environment(bounded), meter, wall)
    except AwsError as error:
        raise _unreachable(connection.stack, error, local=connection.is_local) from None


def check_stack(case: Case) -> str:
    """Where the stack is, and how its last deployment ended."""
    connection = case.connection
    told = check_deployment(connection)
    if connection.is_local:
        return f"{connection.stack} on the local cloud, {connection.endpoint_url}"
    return f"{connection.stack} on AWS, {connection.region}, {told}"


def check_deployment(connection: Connection) -> str:
    """Whether all of the stack is there."""
    described = connection.cloudformation.describe_stacks(StackName=connection.stack)["Stacks"][0]
    state = str(described["StackStatus"])
    missing = sorted(NEEDED - set(connection.outputs))
    if missing or not state.endswith("_COMPLETE") or state.startswith(("DELETE", "REVIEW")):
        if state.endswith("_IN_PROGRESS") and not state.startswith("REVIEW"):
            wait = f"aws cloudformation describe-stack-events --stack-name {connection.stack}, until it is done"
            raise Trouble(STACK, f"stack {connection.stack} is being changed right now ({state})", wait)
        lacks = f", it lacks {', '.join(missing)}" if missing else ""
        raise Trouble(
            STACK, f"stack {connection.stack} is there only in part: {state}{lacks}", deploy_again(connection)
        )
    return state


def _environment(connection: Connection) -> dict[str, str]:
    name = connection.function("place_order")
    configuration = connection.lambda_.get_function_configuration(FunctionName=name)
    return dict(configuration.get("Environment", {}).get("Variables", {}))


def _unreachable(stack: str, error: Exception, *, local: bool) -> Trouble:
    stack = stack or DEFAULT_STACK
    if local:
        if error_code(error) == "ResourceNotFoundException":
            return Trouble(STACK, f"stack {stack} on the local cloud is there only in part: {error}", start_afresh())
        detail, mend = explain(error, local=True)
        return Trouble(STACK, _last_words(here()) or detail, mend)
    if endpoint := os.environ.get("AWS_ENDPOINT_URL"):
        detail = f"no local cloud is up, and this shell is pointed at {endpoint} and not at AWS"
        return Trouble(STACK, detail, 'make local; for the stack on AWS: eval "$(repeg local env --unset)"')
    ended = local_end()
    no_stack = error_code(error) == "ValidationError" and "does not exist" in str(error)
    if no_stack:
        detail, mend = f"AWS has no stack {stack!r}", f"{deploy(stack)} (or repeg doctor --stack <its name>)"
    elif error_code(error) == "ResourceNotFoundException":
        detail, mend = f"stack {stack!r} on AWS is there only in part: {error}", deploy(stack)
    else:
        detail, mend = explain(error, local=False)
    if ended:
        return Trouble(STACK, f"{ended} (and on AWS: {detail})", start_afresh())
    return Trouble(STACK, f"no local cloud is up, and {detail}", f"make local; for the stack on AWS: {mend}")


def local_end() -> str:
    """How a local cloud ended that was up here and was not stopped; empty if there was none."""
    place = here()
    processes = place.processes()
    if processes is None:
        return ""
    if is_ours(processes.supervisor, str(place.folder)):
        return "" if place.stack() else "the local cloud is still starting"
    return _last_words(place) or "the local cloud is down"


def _last_words(place: Place) -> str:
    """What the local cloud said of its own end, or nothing."""
    try:
        lines = place.log("supervisor").read_text(errors="replace").strip().splitlines()
    except OSError:
        return ""
    # What it says behind that is about what it kept.
    last = next((line for line in reversed(lines) if _IS_DOWN in line), "")
    cause = last.partition(" ")[2].partition(_IS_DOWN)[0]
    return f"the local cloud is down: {cause}" if cause else ""
