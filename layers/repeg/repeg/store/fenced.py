"""Writes to the table: on the condition that the execution owns the record, and wrote what it read."""

from __future__ import annotations

from typing import Any, Protocol, cast

from botocore.exceptions import ClientError

from repeg.errors import StaleExecution, StoreConflict
from repeg.store.items import Item, from_item, to_item

ABSENT = "attribute_not_exists(pk)"
# The number fences off an execution that was replaced, the version a retried step whose first try still runs.
_MINE_AND_UNCHANGED = "executions = :executions AND version = :version"


class Owned(Protocol):
    """A record's fence as it was read: the number of the execution that owns it, and the writes so far."""

    @property
    def executions(self) -> int: ...

    @property
    def version(self) -> int: ...


class Table:
    """One table. `client` is a low-level DynamoDB client."""

    def __init__(self, client: Any, table: str) -> None:
        self._client = client
        self._table = table

    def _get(self, key: Item) -> Item | None:
        # Consistently: a step that reads the record of before its last write could send what was sent.
        answer = self._client.get_item(TableName=self._table, Key=key, ConsistentRead=True)
        item: Item | None = answer.get("Item")
        return item

    def _put(self, item: Item, condition: str, values: Item | None = None) -> dict[str, Any]:
        put: dict[str, Any] = {"TableName": self._table, "Item": item, "ConditionExpression": condition}
        if values:
            put["ExpressionAttributeValues"] = values
        return {"Put": put}


class Fenced(Table):
    """Records that one execution at a time may write. `record_id` and `fence` are as the record was read."""

    def _mine(self, fence: Owned) -> dict[str, Any]:
        return {"ConditionExpression": _MINE_AND_UNCHANGED, "ExpressionAttributeValues": _condition(fence)}

    def _put_fenced(self, item: Item, fence: Owned) -> dict[str, Any]:
        return self._put(item, _MINE_AND_UNCHANGED, _condition(fence))

    def _transact_fenced(
        self,
        record_id: str,
        fence: Owned,
        key: Item,
        writes: list[dict[str, Any]],
        behalf: tuple[str, Owned, Item] | None = None,
    ) -> None:
        """Write all or nothing; `behalf` (id, fence, key) is a record that the writer must still own besides."""
        checks = [self._check_fenced(behalf[2], behalf[1])] if behalf else []
        try:
            self._client.transact_write_items(TransactItems=[*writes, *checks])
        except ClientError as error:
            raise_unless_condition(error)
            if behalf and not _is_unchanged(behalf[1], current := self._get(behalf[2])):
                raise _lost(behalf[0], behalf[1], current) from None
            raise _lost(record_id, fence, self._get(key)) from None

    def _check_fenced(self, key: Item, fence: Owned) -> dict[str, Any]:
        check = {"TableName": self._table, "Key": key, "ConditionExpression": _MINE_AND_UNCHANGED}
        return {"ConditionCheck": check | {"ExpressionAttributeValues": _condition(fence)}}

    def _replace_fenced(self, record_id: str, fence: Owned, item: Item) -> None:
        try:
            self._client.put_item(
                TableName=self._table,
                Item=item,
                ConditionExpression=_MINE_AND_UNCHANGED,
                ExpressionAttributeValues=_condition(fence),
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            raise_unless_condition(error)
            found = cast("Item | None", error.response.get("Item"))
            if found != item:  # else the client's own retry of a write whose answer was lost
                raise _lost(record_id, fence, found) from None


def _condition(fence: Owned) -> Item:
    return to_item({":executions": fence.executions, ":version": fence.version})


def _is_unchanged(fence: Owned, current: Item | None) -> bool:
    told = from_item(current) if current else {}
    return (told.get("executions"), told.get("version")) == (fence.executions, fence.version)


def _lost(record_id: str, fence: Owned, current: Item | None) -> StaleExecution | StoreConflict:
    if current and int(from_item(current)["executions"]) != fence.executions:
        return StaleExecution(record_id, str(from_item(current)["executions"]))
    return StoreConflict(f"{record_id} was changed by another step")


def raise_unless_condition(error: ClientError) -> None:
    """Conditions that fail are answers; anything else is trouble.

    A cancelled transaction counts as an answer only if a condition failed: contention and throttling are retried.
    """
    code = error.response["Error"]["Code"]
    if code == "ConditionalCheckFailedException":
        return
    if code == "TransactionCanceledException":
        reasons = {reason.get("Code") for reason in error.response.get("CancellationReasons", [])}
        if "ConditionalCheckFailed" in reasons:
            return
        raise StoreConflict(f"transaction cancelled: {sorted(filter(None, reasons))}") from error
    raise error
