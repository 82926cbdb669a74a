"""The order store: every write is conditional on the execution that owns the order and on the version it read."""

from __future__ import annotations

import copy
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from repeg.domain.metrics.figures import Mark
from repeg.domain.models import direction, from_json
from repeg.domain.order.course import superseded, taken_back
from repeg.domain.order.fence import handed_on, written_once_more
from repeg.domain.order.record import ZERO, Order
from repeg.store.claims import Claims, SignalClaim
from repeg.store.fenced import ABSENT, Fenced, raise_unless_condition
from repeg.store.halts import Halts
from repeg.store.items import (
    GIVEN_UP,
    HELD,
    MARKED,
    MARKED_REWARD,
    OPEN,
    UNPUBLISHED,
    Item,
    Traded,
    from_item,
    item_order,
    order_item,
    order_key,
    position_item,
    position_key,
    queue_item,
    queue_key,
    to_item,
)
from repeg.store.limits import Limits
from repeg.store.sweeps import Sweeps
from repeg.store.turns import Turns

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from repeg.store.trips import Trips

BATCH = 100
"""Items that DynamoDB reads in one call."""
TOGETHER = 48
"""Orders of a symbol that one transaction writes: each takes two of its 100 writes, and their owner and symbol one."""


class OrderStore(Claims, Fenced, Halts, Limits, Turns, Sweeps):
    """Orders, signals and symbol queues in one table. `client` is a low-level DynamoDB client."""

    _owner: Order | None = None

    def on_behalf_of(self, owner: Order | None) -> OrderStore:
        """The same store for a worker of `owner`, which writes other orders only while it still has that one."""
        # A worker of a close that had stalled for a minute took down what its successor had protected, and booked the
        # sale of before.
        other = copy.copy(self)
        other._owner = owner
        return other

    def trips(self) -> Trips:
        """Evidence upon which trading halts by itself."""
        from repeg.store.trips import Trips  # read where something went wrong, and by the sweep

        return Trips(self._client, self._table)

    # --- reading -------------------------------------------------------------------------------------------------

    def get(self, order_id: str) -> Order | None:
        """The order, read consistently, or None."""
        item = self._get(order_key(order_id))
        return item_order(item) if item else None

    def find(self, order_or_signal_id: str) -> Order | None:
        """An order by its own or its signal's id, or None."""
        order = self.get(order_or_signal_id)
        if order:
            return order
        claim = self.claim_of(order_or_signal_id)
        return self.get(claim.order_id) if claim else None

    def newest(self, limit: int = 1000, broken: dict[str, str] | None = None) -> Iterator[Order]:
        """Orders from the newest to the oldest, at most `limit`.

        What is wrong with those that cannot be read is put into `broken`, by their ids; without it the first raises.
        """
        ids = self.newest_ids(limit)
        while some := list(islice(ids, BATCH)):
            found, unreadable = self.several(some)
            if unreadable and broken is None:
                raise ValueError(f"{len(unreadable)} records cannot be read: {unreadable}")
            (broken if broken is not None else {}).update(unreadable)
            yield from (found[order_id] for order_id in some if order_id in found)

    def newest_ids(self, limit: int) -> Iterator[str]:
        """Ids of orders from the newest to the oldest, at most `limit` (eventually consistent)."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            IndexName="by_created",
            KeyConditionExpression="gsi1pk = :orders",
            ExpressionAttributeValues=to_item({":orders": "ORDERS"}),
            ScanIndexForward=False,
            PaginationConfig={"MaxItems": limit},
        )
        return (from_item(item)["gsi1sk"].rpartition("#")[2] for page in pages for item in page["Items"])

    def received_since(self, wall: datetime) -> Iterator[str]:
        """Ids of orders that came, or were made, since a wall time, oldest first (eventually consistent)."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            IndexName="by_created",
            KeyConditionExpression="gsi1pk = :orders AND gsi1sk >= :since",
            ExpressionAttributeValues=to_item({":orders": "ORDERS", ":since": wall.isoformat()}),
        )
        return (from_item(item)["gsi1sk"].rpartition("#")[2] for page in pages for item in page["Items"])

    def marks(self, most: int) -> list[Mark]:
        """What the entries that came last contribute to the figures, the newest first (eventually consistent).

        Up to so many of brackets that bought, and as many of others.
        """
        found = [from_item(item) for kind in (MARKED, MARKED_REWARD) for item in self._marked(kind, most)]
        found.sort(key=lambda item: str(item["gsi3sk"]), reverse=True)
        return [from_json(item["mark"], Mark) for item in found]

    def _marked(self, kind: str, most: int) -> list[Item]:
        answer = self._client.query(
            TableName=self._table,
            IndexName="marks",
            KeyConditionExpression="gsi3pk = :kind",
            ExpressionAttributeValues=to_item({":kind": kind}),
            ScanIndexForward=False,
            Limit=most,
        )
        return list(answer["Items"])

    def _read_many(self, order_ids: list[str]) -> list[Item]:
        ahead: dict[str, Any] = {
            self._table: {"Keys": [order_key(order_id) for order_id in order_ids], "ConsistentRead": True}
        }
        found: list[Item] = []
        # DynamoDB leaves keys out of its answer when it is throttled, or when that would exceed 16 MB.
        while ahead:
            answer = self._client.batch_get_item(RequestItems=ahead)
            found += answer["Responses"][self._table]
            ahead = answer.get("UnprocessedKeys", {})
        return found

    def to_do(self) -> list[str]:
        """Ids of orders that are not over or whose outcome was not published (eventually consistent)."""
        return [order_id for state in (OPEN, UNPUBLISHED) for order_id in self._indexed(state)]

    def given_up(self) -> list[str]:
        """Ids of orders that are over, of which something sent may still show at the broker (eventually consistent)."""
        return self._indexed(GIVEN_UP)

    def holding_shares(self) -> list[str]:
        """Ids of brackets that still hold shares (eventually consistent)."""
        return self._indexed(HELD)

    def several(self, order_ids: list[str]) -> tuple[dict[str, Order], dict[str, str]]:
        """Orders by id, read consistently, 100 in a call; and what is wrong with those that cannot be read."""
        found: dict[str, Order] = {}
        broken: dict[str, str] = {}
        for place in range(0, len(order_ids), BATCH):
            for item in self._read_many(order_ids[place : place + BATCH]):
                try:
                    order = item_order(item)
                except ValueError as error:
                    broken[from_item(item)["pk"].removeprefix("ORDER#")] = str(error)
                else:
                    found[order.order_id] = order
        return found, broken

    def holding(self, symbol: str) -> list[Order]:
        """Brackets of a symbol that still hold shares, oldest first, read consistently."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            ConsistentRead=True,
            KeyConditionExpression="pk = :position",
            ExpressionAttributeValues=to_item({":position": f"POSITION#{symbol}"}),
        )
        found = [self.get(from_item(item)["order_id"]) for page in pages for item in page["Items"]]
        return [order for order in found if order]

    def _indexed(self, state: str) -> list[str]:
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            IndexName="to_do",
            KeyConditionExpression="gsi2pk = :state",
            ExpressionAttributeValues=to_item({":state": state}),
        )
        return [from_item(item)["gsi2sk"].rpartition("#")[2] for page in pages for item in page["Items"]]

    # --- intake --------------------------------------------------------------------------------------------------

    def accept(self, order: Order, body_hash: str) -> SignalClaim | None:
        """Write a new order: claims its signal, the record, and (unless it is over already) a place in the queue.

        Returns None when written, or the earlier claim if the signal is known; then nothing was written.
        """
        writes = [self._put(order_item(order), ABSENT)]
        if not order.status.terminal:
            writes.append(self._put(queue_item(order), ABSENT))
        return self._accept(SignalClaim(order.order_id, body_hash), order.signal_id, writes)

    def record(self, order: Order) -> None:
        """Write a rejected order that claims no signal; writing it again changes nothing."""
        try:
            self._client.put_item(TableName=self._table, Item=order_item(order), ConditionExpression=ABSENT)
        except ClientError as error:
            raise_unless_condition(error)

    # --- an execution's writes -----------------------------------------------------------------------------------

    def save(self, order: Order, requeue: bool = False) -> Order:
        """Write the order back, with `requeue` also until when it is parked; returns it with its new version.

        An order that parks gives its turn back with the same write: nobody waits out a night behind it.

        Raises:
            StaleExecution: a newer execution owns the order.
            StoreConflict: this execution wrote it from elsewhere (a retried step that was still running).
        """
        written, writes = self._written(order)
        if requeue and not order.ask.parent_id:
            writes.append(self._put(queue_item(order), "attribute_exists(pk)"))
            if order.run.parked_until and self.holder(order.symbol) == order.order_id:
                writes.append({"Delete": self._turn_if_mine(order)})
        if not writes and not self._is_for_another(order):
            return self._replace(order, written)
        self._transact(order, [self._put_fenced(order_item(written), order.run), *writes])
        return written

    def save_with(self, order: Order, unwind: Order) -> Order:
        """Write the order back together with a new order that exits its position."""
        written, writes = self._written(order)
        put = self._put_fenced(order_item(written), order.run)
        self._transact(order, [put, self._put(order_item(unwind), ABSENT), *writes])
        return written

    def save_together(self, orders: Sequence[Order]) -> list[Order]:
        """Write all of these, of one symbol, back, or none; more than a transaction takes in several, one by one.

        Raises:
            StaleExecution, StoreConflict: as of `save`, of any of them.
        """
        saved: list[Order] = []
        for place in range(0, len(orders), TOGETHER):
            saved += self._saved(orders[place : place + TOGETHER])
        return saved

    def _saved(self, orders: Sequence[Order]) -> list[Order]:
        written, writes = [], dict[str, dict[str, Any]]()
        for order in orders:
            after, more = self._written(order)
            written.append(after)
            for write in (self._put_fenced(order_item(after), order.run), *more):
                # That a symbol's shares were exited is one item, whichever bracket's they were.
                writes[_item_of(write)] = write
        # An owner that is among them is held to its fence by its own write.
        self._transact(next((each for each in orders if not self._is_for_another(each)), orders[0]), [*writes.values()])
        return written

    def _written(self, order: Order) -> tuple[Order, list[dict[str, Any]]]:
        """The order's next version, and what keeps its symbol's list of positions in step with it."""
        written, entry = self._listed(order)
        if written.guard.position_entry == order.guard.position_entry:
            return written, []
        # In the write of the shares themselves: the sweep looks only at positions that this list shows.
        exited = [self._traded(order.symbol, "EXITED", Traded(order.exit_at))] if order.exit_at else []
        return written, [entry, *exited]

    def finish(self, order: Order) -> Order:
        """Write the terminal record, leave the symbol's queue and give up the turn, all at once."""
        # One transaction: with the turn given back earlier a second order would be live beside this one; given back
        # later, a death in between would lock the symbol.
        written, writes = self._written(order)
        writes.append(self._put_fenced(order_item(written), order.run))
        writes.append({"Delete": {"TableName": self._table, "Key": queue_key(order)}})
        if order.filled_qty > 0 and order.completed_at:
            plain = order.kind in ("order", "rebalance_leg")
            plainly = order.filled_qty * direction(order.trading_side) if plain else ZERO
            writes.append(self._traded(order.symbol, "TRADED", Traded(order.completed_at, plainly)))
        if self.holder(order.symbol) == order.order_id:
            writes.append({"Delete": self._turn_if_mine(order)})
        self._transact(order, writes)
        return written

    def relist(self, order: Order) -> Order:
        """Write the order back, and its entry in the list of positions anew, whatever that says of it."""
        written, entry = self._listed(order)
        self._transact(order, [self._put_fenced(order_item(written), order.run), entry])
        return written

    def _listed(self, order: Order) -> tuple[Order, dict[str, Any]]:
        """The order's next version, and the write of its entry in the list of positions."""
        line = order.position_line
        written = written_once_more(order).with_guard(position_entry=line)
        if not line:
            return written, {"Delete": {"TableName": self._table, "Key": position_key(order)}}
        return written, {"Put": {"TableName": self._table, "Item": position_item(order)}}

    def stand_in_line(self, order: Order) -> Order:
        """Write an order that is not over back, and put it into its symbol's line again."""
        written = written_once_more(order)
        place = self._put(queue_item(order), ABSENT)
        self._transact(order, [self._put_fenced(order_item(written), order.run), place])
        return written

    def adopt(self, order: Order, execution_arn: str) -> Order:
        """Hand the order to its next execution; the one before can write nothing from here on."""
        # Before the new execution starts, so that no two of them can believe that the order is theirs.
        return self._replace(order, handed_on(order, execution_arn))

    def supersede(self, order: Order, by: str, execution_arn: str, now: datetime) -> None:
        """Hand the order to its next execution, which ends it: a close took over.

        Raises:
            StoreConflict, StaleExecution: the order was just written by its own execution; look again.
        """
        self.adopt(superseded(order, by, now), execution_arn)

    def take_back(self, order: Order, by: str, execution_arn: str, now: datetime) -> None:
        """Hand the order to its next execution, which ends it: a cancel, the signal `by`, took it back.

        Raises:
            StoreConflict, StaleExecution: the order was just written by its own execution; look again.
        """
        self.adopt(taken_back(order, by, now), execution_arn)

    def _transact(self, order: Order, writes: list[dict[str, Any]]) -> None:
        owner = self._owner if self._is_for_another(order) else None
        behalf = (owner.order_id, owner.run, order_key(owner.order_id)) if owner else None
        self._transact_fenced(order.order_id, order.run, order_key(order.order_id), writes, behalf)

    def _is_for_another(self, order: Order) -> bool:
        return self._owner is not None and self._owner.order_id != order.order_id

    def _replace(self, read: Order, written: Order) -> Order:
        self._replace_fenced(read.order_id, read.run, order_item(written))
        return written

    # --- the symbol's queue --------------------------------------------------------------------------------------

    def earlier(self, order: Order) -> list[Order]:
        """Orders of the same symbol that arrived before this one and are not over."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            ConsistentRead=True,
            KeyConditionExpression="pk = :queue AND sk < :mine",
            ExpressionAttributeValues={
                **to_item({":queue": f"QUEUE#{order.symbol}"}),
                ":mine": queue_key(order)["sk"],
            },
        )
        found = [self.get(from_item(item)["order_id"]) for page in pages for item in page["Items"]]
        return [known for known in found if known and not known.status.terminal]


def _item_of(write: dict[str, Any]) -> str:
    """Which item a write is about."""
    about = next(iter(write.values()))
    key = about.get("Key") or about["Item"]
    return f"{key['pk']['S']} {key['sk']['S']}"
