"""Whose turn it is: one live order per symbol, in order of arrival; and when a symbol was last traded."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from repeg.domain.order.record import Order
from repeg.errors import StoreConflict
from repeg.store.items import (
    Item,
    Line,
    Traded,
    from_item,
    item_traded,
    line_of,
    queue_key,
    to_item,
    traded_item,
    turn_key,
)

ABSENT = "attribute_not_exists(pk)"


class Turns:
    """The symbols' queues. `client` is a low-level DynamoDB client."""

    def __init__(self, client: Any, table: str) -> None:
        self._client = client
        self._table = table

    def holder(self, symbol: str) -> str | None:
        """The order that has the symbol's turn, or None."""
        item = self._get(turn_key(symbol))
        return from_item(item)["order_id"] if item else None

    def last_trades(self, symbol: str) -> tuple[Traded, ...]:
        """When an order of ours last traded the symbol, and when a bracket last exited shares."""
        answer = self._client.query(
            TableName=self._table,
            ConsistentRead=True,
            KeyConditionExpression="pk = :queue AND begins_with(sk, :turn)",
            ExpressionAttributeValues=to_item({":queue": f"QUEUE#{symbol}", ":turn": "TURN#"}),
        )
        return tuple(item_traded(item) for item in answer["Items"])

    def borrow_turn(self, order: Order) -> bool:
        """True when an order that is over got its symbol's turn back, to look after its shares."""
        return self._turn_for(order.symbol, order.order_id)

    def _turn_for(self, symbol: str, order_id: str) -> bool:
        turn = turn_key(symbol) | to_item({"order_id": order_id})
        try:
            self._client.put_item(TableName=self._table, Item=turn, ConditionExpression=ABSENT)
        except ClientError as error:
            raise_unless_condition(error)
            return self.holder(symbol) == order_id
        return True

    def give_turn(self, order: Order) -> None:
        """Give a borrowed turn back, if the order has it."""
        try:
            self._client.delete_item(**self._turn_if_mine(order))
        except ClientError as error:
            raise_unless_condition(error)

    def take_turn(self, order: Order, now: datetime) -> bool:
        """True when the order has its symbol's turn: nobody holds it, and the order is the first in line.

        Orders that are parked for an open after `now` do not stand in line.

        An unwind trades on its bracket's turn, and takes it for the bracket should a late worker have given it back.

        Only an order that still stands in line can take it, so a step that was held up cannot take it for an order
        that has ended meanwhile.
        """
        line = self._line(order.symbol)
        if line.holder is not None:
            return line.holder == (order.ask.parent_id or order.order_id)
        if order.ask.parent_id:
            return self._turn_for(order.symbol, order.ask.parent_id)
        if line.first(now) != order.order_id:
            return False
        in_line = {"TableName": self._table, "Key": queue_key(order), "ConditionExpression": "attribute_exists(pk)"}
        # Both conditions hold at once, or nobody has the turn: two orders could each have seen themselves first.
        turn = turn_key(order.symbol) | to_item({"order_id": order.order_id})
        try:
            self._client.transact_write_items(TransactItems=[{"ConditionCheck": in_line}, self._put(turn, ABSENT)])
        except ClientError as error:
            raise_unless_condition(error)
            # Read again, since botocore repeats a write whose answer was lost, and the refusal may be of our own.
            return self.holder(order.symbol) == order.order_id
        return True

    def _line(self, symbol: str) -> Line:
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            ConsistentRead=True,
            KeyConditionExpression="pk = :queue",
            ExpressionAttributeValues=to_item({":queue": f"QUEUE#{symbol}"}),
        )
        return line_of(item for page in pages for item in page["Items"])

    # --- plumbing ------------------------------------------------------------------------------------------------

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

    def _traded(self, symbol: str, how: str, traded: Traded) -> dict[str, Any]:
        return {"Put": {"TableName": self._table, "Item": traded_item(symbol, how, traded)}}

    def _turn_if_mine(self, order: Order) -> dict[str, Any]:
        return {
            "TableName": self._table,
            "Key": turn_key(order.symbol),
            "ConditionExpression": "order_id = :me",
            "ExpressionAttributeValues": to_item({":me": order.order_id}),
        }


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
