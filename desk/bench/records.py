"""Order records of a made up period in a table."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Any

from repeg.domain.order.record import Order
from repeg.store.items import order_item

BATCH = 25
"""Items that DynamoDB writes in one call."""


def store(client: Any, table: str, orders: Iterable[Order]) -> None:
    """Puts records into the table, over those of the same ids; no queue and no claim comes with them."""
    left = iter(orders)
    while some := [{"PutRequest": {"Item": order_item(order)}} for order in islice(left, BATCH)]:
        while some:
            some = client.batch_write_item(RequestItems={table: some}).get("UnprocessedItems", {}).get(table, [])
