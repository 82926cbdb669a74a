"""Schedules: which of them are on, where their runs are kept, and how a firing is carried out."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

from repeg.care.punctual import Timetable
from repeg.domain.schedule.times import Schedule
from repeg.errors import ConfigurationError
from repeg.store.schedules import ScheduleStore
from repeg.wiring import clients

GROUP = "portfolio"
"""Message group of what concerns the whole account."""


@cache
def schedule_store() -> ScheduleStore:
    """Runs and targets."""
    return ScheduleStore(clients.client("dynamodb"), clients.environment("TABLE_NAME"))


def timetable() -> Timetable:
    """The schedules that the deployment turned on."""
    named = os.environ.get("SCHEDULES_ON", "").split(",")
    return Timetable([schedule for schedule in Schedule if schedule.value in named], schedule_store())


def fire(event: dict[str, Any]) -> dict[str, str]:
    """`{"schedule": name}` -> `{"run_id", "outcome", "detail"}`.

    Raises:
        ConfigurationError: there is no such schedule.
    """
    # Here, as the sweep needs none of it.
    from repeg.schedules.jobs import run_schedule
    from repeg.schedules.runner import Bench
    from repeg.wiring.connection import broker

    name = event.get("schedule")
    if name not in list(Schedule):
        raise ConfigurationError(f"schedule: {name!r} is none of {', '.join(Schedule)}")
    bench = Bench(clients.worker(broker), schedule_store(), clients.rebalance_store(), _send)
    return run_schedule(bench, Schedule(name))._asdict()


def _send(signal_id: str, body: str) -> None:
    from repeg.domain.signals.parsing import body_hash, read_json

    clients.client("sqs").send_message(
        QueueUrl=clients.environment("SIGNALS_URL"),
        MessageBody=body,
        MessageGroupId=GROUP,
        MessageDeduplicationId=f"{signal_id}-{body_hash(read_json(body))[:32]}",
    )
