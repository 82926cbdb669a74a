"""What works orders and rebalances: executions that died, and the sweep that revives them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from desk.doctor.aws_trouble import AwsError
from desk.doctor.case import Case
from desk.doctor.findings import Trouble
from desk.doctor.metrics import points
from desk.doctor.words import aws, deploy_again, repeg, seconds_of, some, start_afresh
from repeg.domain.rebalance.record import is_rebalance
from repeg.executions import execution_number

MACHINE, SWEEP = "machine", "sweep"
LATELY = timedelta(hours=24)
SILENT = timedelta(minutes=5)
MOST = 20
FEW = 100
_LOOKS_AFTER = ("execute_order", "rebalance_portfolio")
_DEAD = ("FAILED", "TIMED_OUT", "ABORTED")


def check_machine(case: Case) -> str:
    """Did executions die lately, and does somebody work on their orders and rebalances."""
    machines = (arn for name, arn in case.connection.state_machines.items() if name in _LOOKS_AFTER)
    dead = [name for machine in machines for status in _DEAD for name in _ended(case, machine, status)]
    for name in dead:
        _check_taken_up(case, name)
    rebalances = len(case.rebalances.to_do())
    beside = f" and {some(rebalances, 'rebalance')}" if rebalances else ""
    at_work = f"{some(len(case.orders.to_do()), 'order')}{beside} in work"
    if dead:
        died = f"{some(len(dead), 'execution')} died in 24 h"
        return f"{at_work}; {died}, and the orders were taken up again{_quota(case)}"
    return f"{at_work}, no execution died in 24 h{_quota(case)}"


def _check_taken_up(case: Case, execution: str) -> None:
    record_id, number = execution.rpartition("-")[0], execution_number(execution)
    if is_rebalance(record_id):
        rebalance = case.rebalances.get(record_id)
        if rebalance and not rebalance.status.terminal and rebalance.work.executions == number:
            raise _abandoned(case, execution, f"rebalance {rebalance.signal_id}", f"rebalance {rebalance.signal_id}")
        return
    order = case.orders.get(record_id)
    if order and not order.status.terminal and order.run.executions == number:
        raise _abandoned(case, execution, f"{order.symbol} {record_id}", f"order {record_id}")


def _abandoned(case: Case, execution: str, what: str, shown_by: str) -> Trouble:
    detail = f"{execution} died, and nobody works on {what}; the sweep should within a minute"
    return Trouble(MACHINE, detail, repeg(case.connection, shown_by))


def check_sweep(case: Case) -> str:
    """Is the sweep fired every minute, and does it succeed."""
    connection = case.connection
    function = connection.lambda_.get_function_configuration(FunctionName=connection.function("sweep_orders"))
    _check_rule(case, function["FunctionArn"])
    name = function["FunctionName"]
    about = {"FunctionName": name}
    runs = points(case, "AWS/Lambda", "Invocations", about, "Sum", minutes=15)
    errors = points(case, "AWS/Lambda", "Errors", about, "Sum", minutes=15)
    ago = case.measured_now() - runs[-1].at if runs else None
    if ago is None or ago > SILENT + timedelta(minutes=1):
        if case.wall() - datetime.fromisoformat(function["LastModified"]) < 2 * SILENT:
            return "deployed a moment ago, not seen running yet"
        when = f"ran {seconds_of(ago)} ago for the last time" if ago else "did not run for 15 min"
        mend = start_afresh() if case.simulated else aws(connection, f"lambda get-function --function-name {name}")
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


def _ended(case: Case, machine: str, status: str) -> Iterator[str]:
    """Names of a machine's newest executions that ended so within the last day."""
    answer: dict[str, Any] = case.connection.stepfunctions.list_executions(
        stateMachineArn=machine, statusFilter=status, maxResults=MOST
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
