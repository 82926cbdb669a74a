"""What works the orders: executions that died, and the sweep that revives them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from desk.doctor.aws_trouble import AwsError
from desk.doctor.case import Case
from desk.doctor.findings import Trouble
from desk.doctor.metrics import points
from desk.doctor.words import START_AFRESH, aws, deploy_again, repeg, seconds_of, some
from repeg.executions import execution_number

MACHINE, SWEEP = "machine", "sweep"
LATELY = timedelta(hours=24)
SILENT = timedelta(minutes=5)
MOST = 20
FEW = 100
_DEAD = ("FAILED", "TIMED_OUT", "ABORTED")


def check_machine(case: Case) -> str:
    """Did executions die lately, and does somebody work on their orders."""
    dead = [name for status in _DEAD for name in _ended(case, status)]
    for name in dead:
        order_id = name.rpartition("-")[0]
        order = case.orders.get(order_id)
        if order and not order.status.terminal and order.run.executions == execution_number(name):
            detail = f"{name} died, and nobody works on {order.symbol} {order_id}; the sweep should within a minute"
            raise Trouble(MACHINE, detail, repeg(case.connection, f"order {order_id}"))
    at_work = f"{some(len(case.orders.to_do()), 'order')} in work"
    if dead:
        return (
            f"{at_work}; {some(len(dead), 'execution')} died in 24 h, and the orders were taken up again{_quota(case)}"
        )
    return f"{at_work}, no execution died in 24 h{_quota(case)}"


def check_sweep(case: Case) -> str:
    """Is the sweep fired every minute, and does it succeed."""
    connection = case.connection
    function = connection.lambda_.get_function_configuration(FunctionName=connection.function("sweep_orders"))
    _check_rule(case, function["FunctionArn"])
    name = function["FunctionName"]
    about = {"FunctionName": name}
    runs = points(case, "AWS/Lambda", "Invocations", about, "Sum", minutes=15)
    errors = points(case, "AWS/Lambda", "Errors", about, "Sum", minutes=15)
    ago = case.wall() - runs[-1].at if runs else None
    if ago is None or ago > SILENT + timedelta(minutes=1):
        if case.wall() - datetime.fromisoformat(function["LastModified"]) < 2 * SILENT:
            return "deployed a moment ago, not seen running yet"
        when = f"ran {seconds_of(ago)} ago for the last time" if ago else "did not run for 15 min"
        mend = START_AFRESH if case.simulated else aws(connection, f"lambda get-function --function-name {name}")
        raise Trouble(SWEEP, f"{name} {when} (docs/runbook.md#sweep-silent)", mend)
    failed = sum(point.value for point in errors)
    if errors and errors[-1].value:
        logs = aws(connection, f"logs tail {connection.log_group} --since 15m --filter-pattern ERROR")
        detail = f"{name} fails, {failed:.0f} times in 15 min (docs/runbook.md#sweep-errors)"
        raise Trouble(SWEEP, detail, logs)
    by = "on market time" if case.simulated else "every minute"
    told = f"fired {by}, {some(round(sum(run.value for run in runs)), 'run')} in 15 min"
    return f"{told}, {failed:.0f} of them failed" if failed else told


def _quota(case: Case) -> str:
    """How many functions the account may run at once: a new one ten, which a burst of orders waits for."""
    if case.simulated:
        return ""
    try:
        limit = case.connection.lambda_.get_account_settings()["AccountLimit"]["ConcurrentExecutions"]
    except AwsError:  # who may not ask for it can still see the rest
        return ""
    few = ": a burst is slowed by that (docs/runbook.md#lambda-throttled)" if limit < FEW else ""
    return f"; Lambda runs {limit} functions at once{few}"


def _ended(case: Case, status: str) -> Iterator[str]:
    """Names of the newest executions that ended so within the last day."""
    answer: dict[str, Any] = case.connection.stepfunctions.list_executions(
        stateMachineArn=case.connection.state_machines["execute_order"], statusFilter=status, maxResults=MOST
    )
    for execution in answer["executions"]:
        if case.wall() - execution["stopDate"] < LATELY:
            yield execution["name"]


def _check_rule(case: Case, function_arn: str) -> None:
    connection = case.connection
    names = connection.events.list_rule_names_by_target(TargetArn=function_arn)["RuleNames"]
    if not names:
        raise Trouble(SWEEP, "nothing fires the sweep: it has no schedule", deploy_again(connection))
    for name in names:
        if connection.events.describe_rule(Name=name)["State"] == "DISABLED":
            detail = "its schedule is disabled: dead orders are not revived, lost protection is not put back"
            raise Trouble(SWEEP, detail, aws(connection, f"events enable-rule --name {name}"))
