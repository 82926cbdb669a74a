"""The fence: who may write an order's record. Every write names the execution that owns it and the version it read."""

from __future__ import annotations

from repeg.domain.order.record import Order


def first_worked_by(order: Order, execution_arn: str) -> Order:
    """A new order with the execution that is to be started for it."""
    return order.with_run(execution_arn=execution_arn)


def written_once_more(order: Order) -> Order:
    """The order as its owner's next write has it."""
    return order.with_run(version=order.run.version + 1)


def handed_on(order: Order, execution_arn: str) -> Order:
    """The order as its next execution owns it, which has waited for nothing yet."""
    return order.with_run(
        executions=order.run.executions + 1,
        version=order.run.version + 1,
        execution_arn=execution_arn,
        waits_since_start=0,
    )


def unfenced(order: Order) -> Order:
    """The order without its fence, which is kept beside it: the conditions of a write cannot read within a record."""
    return order.with_run(executions=1, version=0, execution_arn=None)


def fenced(order: Order, *, executions: int, version: int, execution_arn: str | None) -> Order:
    """The order with the fence that was kept beside it."""
    return order.with_run(executions=executions, version=version, execution_arn=execution_arn)
