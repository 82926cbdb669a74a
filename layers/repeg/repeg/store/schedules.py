"""Runs of schedules, one item a schedule and day, and the targets that a strategy writes."""

from __future__ import annotations

from datetime import date
from typing import Any, NamedTuple

from botocore.exceptions import ClientError

from repeg.domain.models import from_json, to_json
from repeg.domain.schedule.runs import ScheduledRun
from repeg.domain.schedule.times import Schedule
from repeg.store.items import Item, from_item, to_item

_TARGETS = {"pk": "TARGETS", "sk": "CURRENT"}


class KeptTargets(NamedTuple):
    """Targets as they were written: JSON, and when, RFC 3339 wall time; empty where the item says none."""

    document: str
    written_at: str


class ScheduleStore:
    """Runs and targets. `client` is a low-level DynamoDB client."""

    def __init__(self, client: Any, table: str) -> None:
        self._client = client
        self._table = table

    def run(self, schedule: Schedule, day: date) -> ScheduledRun | None:
        """The run of a day, read consistently, or None."""
        item = self._get(_key(schedule, day))
        return _run(item) if item else None

    def last_run(self, schedule: Schedule) -> ScheduledRun | None:
        """The newest run, or None."""
        answer = self._client.query(
            TableName=self._table,
            KeyConditionExpression="pk = :runs",
            ExpressionAttributeValues=to_item({":runs": f"RUN#{schedule.value}"}),
            ScanIndexForward=False,
            Limit=1,
        )
        return next((_run(item) for item in answer["Items"]), None)

    def claim(self, run: ScheduledRun) -> bool:
        """Write down a run that nobody has begun; False: somebody has."""
        return self._write(run, "attribute_not_exists(pk)")

    def take_over(self, before: ScheduledRun, run: ScheduledRun) -> bool:
        """Claim a run that died half-way; False: somebody else has, or it came to its end after all."""
        return self._write(run, "tries = :tries AND finished = :no", before)

    def finish(self, run: ScheduledRun) -> bool:
        """Record what a run came to; False: somebody else has taken it over."""
        return self._write(run, "tries = :tries AND finished = :no", run)

    def targets(self) -> KeptTargets | None:
        """The targets on record, or None."""
        item = self._get(_TARGETS)
        if not item:
            return None
        # A stranger's program may have written it: what is no text is shown as what it is, and refused for that.
        data = from_item(item)
        return KeptTargets(str(data.get("document", "")), str(data.get("written_at", "")))

    def keep_targets(self, kept: KeptTargets) -> None:
        """Put targets in the place of those before."""
        item = to_item(_TARGETS | {"document": kept.document, "written_at": kept.written_at})
        self._client.put_item(TableName=self._table, Item=item)

    def _get(self, key: dict[str, str]) -> Item | None:
        item: Item | None = self._client.get_item(TableName=self._table, Key=to_item(key), ConsistentRead=True).get(
            "Item"
        )
        return item

    def _write(self, run: ScheduledRun, condition: str, before: ScheduledRun | None = None) -> bool:
        attributes: dict[str, str | int] = {"tries": run.tries, "finished": int(run.finished), "document": to_json(run)}
        item = to_item({**_key(run.schedule, run.date), **attributes})
        request: dict[str, Any] = {"TableName": self._table, "Item": item, "ConditionExpression": condition}
        if before:
            request["ExpressionAttributeValues"] = to_item({":tries": before.tries, ":no": 0})
        try:
            self._client.put_item(**request)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            # The client's own retry of a write whose answer was lost finds what it wrote.
            return self._get(_key(run.schedule, run.date)) == item
        return True


def _key(schedule: Schedule, day: date) -> dict[str, str]:
    return {"pk": f"RUN#{schedule.value}", "sk": day.isoformat()}


def _run(item: Item) -> ScheduledRun:
    return from_json(from_item(item)["document"], ScheduledRun)
