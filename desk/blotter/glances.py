"""Looking whether orders changed, without reading them: cheap enough to be done twice a second all day."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from repeg.store.items import from_item, order_key, to_item

Version = tuple[int, int]
"""Execution and write: another pair means that the record was written."""
MOST = 100
"""Items that DynamoDB reads in one call."""


class Glances:
    """Orders of one table, eventually consistent. `client` is a low-level DynamoDB client."""

    def __init__(self, client: Any, table: str) -> None:
        self._client = client
        self._table = table

    def arrived_since(self, wall: datetime) -> list[str]:
        """Ids of orders that were taken in since then, oldest first."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            IndexName="by_created",
            KeyConditionExpression="gsi1pk = :orders AND gsi1sk > :since",
            ExpressionAttributeValues=to_item({":orders": "ORDERS", ":since": wall.isoformat()}),
        )
        return [from_item(item)["gsi1sk"].rpartition("#")[2] for page in pages for item in page["Items"]]

    def versions(self, order_ids: Sequence[str]) -> dict[str, Version]:
        """The version of each of these orders that there is. DynamoDB bills the whole record, but sends two numbers."""
        found: dict[str, Version] = {}
        for place in range(0, len(order_ids), MOST):
            ahead: dict[str, Any] = {
                self._table: {
                    "Keys": [order_key(order_id) for order_id in order_ids[place : place + MOST]],
                    "ProjectionExpression": "pk, executions, version",
                }
            }
            # Keys that were left out of the answer are asked for by the next look.
            for item in self._client.batch_get_item(RequestItems=ahead)["Responses"][self._table]:
                read = from_item(item)
                found[read["pk"].removeprefix("ORDER#")] = (int(read["executions"]), int(read["version"]))
        return found
