"""Whose turn it is: one live order per symbol, in order of arrival; and when a symbol was last traded."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from repeg.domain.order.record import Order
from repeg.store.fenced import ABSENT, Table, raise_unless_condition
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


class Lines(Table):
    """Lines of those who want the same turn: of orders in a symbol, of rebalances in the portfolio."""

    def holder(self, line: str) -> str | None:
        """Who has the turn, or None."""
        item = self._get(turn_key(line))
        return from_item(item)["order_id"] if item else None

    def _take(self, line: str, who: str, place: Item, now: datetime) -> bool:
        """True when `who`, whose place in the line has this key, has the turn: nobody holds it, and it is the first.

        Whoever is parked for an open after `now` does not stand in line. Only who still does can take the turn, so a
        step that was held up cannot take it for what has ended meanwhile.
        """
        known = self._line(line)
        if known.holder is not None:
            return known.holder == who
        if known.first(now) != who:
            return False
        in_line = {"TableName": self._table, "Key": place, "ConditionExpression": "attribute_exists(pk)"}
        # Both conditions hold at once, or nobody has the turn: two could each have seen themselves first.
        turn = turn_key(line) | to_item({"order_id": who})
        try:
            self._client.transact_write_items(TransactItems=[{"ConditionCheck": in_line}, self._put(turn, ABSENT)])
        except ClientError as error:
            raise_unless_condition(error)
            # Read again, since botocore repeats a write whose answer was lost, and the refusal may be of our own.
            return self.holder(line) == who
        return True

    def _line(self, line: str) -> Line:
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            ConsistentRead=True,
            KeyConditionExpression="pk = :queue",
            ExpressionAttributeValues=to_item({":queue": f"QUEUE#{line}"}),
        )
        return line_of(item for page in pages for item in page["Items"])

    def _drop_place(self, line: str, who: str) -> None:
        """Take who is over, or not there, out of a line."""
        answer = self._client.query(
            TableName=self._table,
            ConsistentRead=True,
            KeyConditionExpression="pk = :queue",
            FilterExpression="order_id = :order AND attribute_exists(parked_until)",
            ExpressionAttributeValues=to_item({":queue": f"QUEUE#{line}", ":order": who}),
        )
        for item in answer["Items"]:
            self._client.delete_item(TableName=self._table, Key={"pk": item["pk"], "sk": item["sk"]})

    def _give_if_mine(self, line: str, who: str) -> dict[str, Any]:
        return {
            "TableName": self._table,
            "Key": turn_key(line),
            "ConditionExpression": "order_id = :me",
            "ExpressionAttributeValues": to_item({":me": who}),
        }


class Turns(Lines):
    """The symbols' queues."""

    def last_trades(self, symbol: str) -> tuple[Traded, ...]:
        """When an order of ours last traded the symbol, and when a bracket last exited shares."""
        answer = self._client.query(
            TableName=self._table,
            ConsistentRead=True,
            KeyConditionExpression="pk = :queue AND begins_with(sk, :turn)",
            ExpressionAttributeValues=to_item({":queue": f"QUEUE#{symbol}", ":turn": "TURN#"}),
        )
        return tuple(item_traded(item) for item in answer["Items"])

    def line(self, symbol: str) -> Line:
        """The symbol's line, read consistently."""
        return self._line(symbol)

    def drop_turn(self, symbol: str, order_id: str) -> None:
        """Take the turn from an order that is over, or not there; nothing if it does not have it."""
        try:
            self._client.delete_item(**self._give_if_mine(symbol, order_id))
        except ClientError as error:
            raise_unless_condition(error)

    def drop_place(self, symbol: str, order_id: str) -> None:
        """Take an order that is over, or not there, out of the symbol's line."""
        self._drop_place(symbol, order_id)

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
        """True when the order has its symbol's turn (see `_take`).

        An unwind trades on its bracket's turn, and takes it for the bracket should a late worker have given it back.
        """
        if order.ask.parent_id:
            return self._turn_for(order.symbol, order.ask.parent_id)
        return self._take(order.symbol, order.order_id, queue_key(order), now)

    def _traded(self, symbol: str, how: str, traded: Traded) -> dict[str, Any]:
        return {"Put": {"TableName": self._table, "Item": traded_item(symbol, how, traded)}}

    def _turn_if_mine(self, order: Order) -> dict[str, Any]:
        return self._give_if_mine(order.symbol, order.order_id)
