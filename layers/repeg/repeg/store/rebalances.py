"""Rebalances: every write is conditional on the execution that owns the rebalance, and on the version it read."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from repeg.domain.models import from_json, to_json
from repeg.domain.rebalance.record import Rebalance, RebalanceStatus
from repeg.store.claims import Claims, SignalClaim
from repeg.store.fenced import ABSENT, Fenced, raise_unless_condition
from repeg.store.items import Item, from_item, order_item, place_key, queue_item, to_item
from repeg.store.turns import Lines

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from repeg.domain.order.record import Order

TO_DO = "REBALANCE"
_OVER = {status.value for status in RebalanceStatus if status.terminal}
PORTFOLIO = "portfolio"
"""The line in which rebalances stand, as orders do in that of their symbol."""


class RebalanceStore(Claims, Fenced, Lines):
    """Rebalances in the table of the orders."""

    def get(self, rebalance_id: str) -> Rebalance | None:
        """The rebalance, read consistently, or None."""
        item = self._get(_key(rebalance_id))
        return _read(item) if item else None

    def find(self, rebalance_or_signal_id: str) -> Rebalance | None:
        """A rebalance by its own or its signal's id, or None."""
        known = self.get(rebalance_or_signal_id)
        claim = None if known else self.claim_of(rebalance_or_signal_id)
        return self.get(claim.order_id) if claim else known

    def newest(self, limit: int = 100, broken: dict[str, str] | None = None) -> Iterator[Rebalance]:
        """Rebalances from the newest to the oldest, at most `limit`.

        What is wrong with those that cannot be read is put into `broken`, by their ids; without it the first raises.
        """
        for rebalance_id in islice(self._ids("by_created", "gsi1", "REBALANCES", newest_first=True), limit):
            try:
                rebalance = self.get(rebalance_id)
            except ValueError as error:
                if broken is None:
                    raise
                broken[rebalance_id] = str(error)
                continue
            if rebalance:
                yield rebalance

    def to_do(self) -> list[str]:
        """Ids of rebalances that are not over, or of which nobody was told (eventually consistent)."""
        return list(self._ids("to_do", "gsi2", TO_DO))

    def accept(self, rebalance: Rebalance, body_hash: str) -> SignalClaim | None:
        """Write a new rebalance: claims its signal, the record, and a place in the line.

        Returns None when written, or the earlier claim if the signal is known; then nothing was written.
        """
        writes = [self._put(_item(rebalance), ABSENT), self._put(_place(rebalance), ABSENT)]
        return self._accept(SignalClaim(rebalance.rebalance_id, body_hash), rebalance.signal_id, writes)

    def save(self, rebalance: Rebalance, requeue: bool = False) -> Rebalance:
        """Write the rebalance back, with `requeue` also until when it is parked; returns it with its new version.

        One that parks gives its turn back with the same write, and takes it again once it is awake.

        Raises:
            StaleExecution: a newer execution owns it.
            StoreConflict: this execution wrote it from elsewhere (a retried step that was still running).
        """
        written = rebalance.with_work(version=rebalance.work.version + 1)
        writes = [self._put(_place(rebalance), "attribute_exists(pk)")] if requeue else []
        if writes and rebalance.work.parked_until and self.holder(PORTFOLIO) == rebalance.rebalance_id:
            writes.append({"Delete": self._give_if_mine(PORTFOLIO, rebalance.rebalance_id)})
        self._write(rebalance, written, writes)
        return written

    def finish(self, rebalance: Rebalance) -> Rebalance:
        """Write the terminal record, leave the line and give up the turn, all at once."""
        written = rebalance.with_work(version=rebalance.work.version + 1)
        writes: list[dict[str, Any]] = [{"Delete": {"TableName": self._table, "Key": _place_key(rebalance)}}]
        if self.holder(PORTFOLIO) == rebalance.rebalance_id:
            writes.append({"Delete": self._give_if_mine(PORTFOLIO, rebalance.rebalance_id)})
        self._write(rebalance, written, writes)
        return written

    def add_leg(self, rebalance: Rebalance, leg: Order) -> None:
        """Write the order of a leg, and its place in the queue of its symbol, for who owns the rebalance.

        Raises:
            StaleExecution: a newer execution owns the rebalance, and may have given the leg up.
            StoreConflict: the rebalance was written meanwhile, or the leg was.
        """
        owned = {"TableName": self._table, "Key": _key(rebalance.rebalance_id), **self._mine(rebalance.work)}
        writes = [{"ConditionCheck": owned}, self._put(order_item(leg), ABSENT), self._put(queue_item(leg), ABSENT)]
        self._transact_fenced(rebalance.rebalance_id, rebalance.work, _key(rebalance.rebalance_id), writes)

    def adopt(self, rebalance: Rebalance, execution_arn: str) -> Rebalance:
        """Hand the rebalance to its next execution; the one before can write nothing from here on."""
        work = rebalance.work
        adopted = rebalance.with_work(
            executions=work.executions + 1, version=work.version + 1, execution_arn=execution_arn, waits_since_start=0
        )
        self._write(rebalance, adopted, [])
        return adopted

    def take_back(self, rebalance: Rebalance, by: str, execution_arn: str, now: datetime) -> None:
        """Hand the rebalance to its next execution, which ends it: a cancel, the signal `by`, took it back.

        Raises:
            StoreConflict, StaleExecution: it was just written by its own execution; look again.
        """
        self.adopt(rebalance.taken_back(by, now), execution_arn)

    def take_turn(self, rebalance: Rebalance, now: datetime) -> bool:
        """True when it is this rebalance's turn: one at a time, in order of arrival (see `Lines`)."""
        if self._take(PORTFOLIO, rebalance.rebalance_id, _place_key(rebalance), now):
            return True
        self._free_turn()
        self._free_place(now)
        return False

    def _free_turn(self) -> None:
        """Take the turn from a rebalance that is over: a worker that was held up may have taken it as that ended."""
        holder_id = self.holder(PORTFOLIO)
        if holder_id is None or not self._is_over(holder_id):
            return
        try:
            self._client.delete_item(**self._give_if_mine(PORTFOLIO, holder_id))
        except ClientError as error:
            raise_unless_condition(error)

    def _free_place(self, now: datetime) -> None:
        """Take the first out of the line if it is over or not there: it would never have its turn, nor who follows."""
        first = self._line(PORTFOLIO).first(now)
        if first is not None and self._is_over(first):
            self._drop_place(PORTFOLIO, first)

    def _is_over(self, rebalance_id: str) -> bool:
        """True for one that has ended, or has no record: a place in line is written together with that."""
        # By the item's own attribute: a record of another version cannot be read, and must fail none but its own steps.
        item = self._get(_key(rebalance_id))
        return item is None or from_item(item)["status"] in _OVER

    def _write(self, read: Rebalance, written: Rebalance, writes: list[dict[str, Any]]) -> None:
        if not writes:
            self._replace_fenced(read.rebalance_id, read.work, _item(written))
            return
        put = self._put_fenced(_item(written), read.work)
        self._transact_fenced(read.rebalance_id, read.work, _key(read.rebalance_id), [put, *writes])

    def _ids(self, index: str, key: str, value: str, newest_first: bool = False) -> Iterator[str]:
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            IndexName=index,
            KeyConditionExpression=f"{key}pk = :value",
            ExpressionAttributeValues=to_item({":value": value}),
            ScanIndexForward=not newest_first,
        )
        return (from_item(item)[f"{key}sk"].rpartition("#")[2] for page in pages for item in page["Items"])


def _key(rebalance_id: str) -> Item:
    return to_item({"pk": f"REBALANCE#{rebalance_id}", "sk": "REBALANCE"})


def _place_key(rebalance: Rebalance) -> Item:
    return place_key(PORTFOLIO, rebalance.wanted.received_wall, rebalance.rebalance_id)


def _place(rebalance: Rebalance) -> Item:
    parked_until = int(rebalance.work.parked_until.timestamp()) if rebalance.work.parked_until else 0
    return _place_key(rebalance) | to_item({"order_id": rebalance.rebalance_id, "parked_until": parked_until})


def _item(rebalance: Rebalance) -> Item:
    attributes: dict[str, Any] = {
        "pk": f"REBALANCE#{rebalance.rebalance_id}",
        "sk": "REBALANCE",
        "status": rebalance.status.value,
        "signal_id": rebalance.signal_id,
        "executions": rebalance.work.executions,
        "version": rebalance.work.version,
        "gsi1pk": "REBALANCES",
        "gsi1sk": f"{rebalance.wanted.received_wall.isoformat()}#{rebalance.rebalance_id}",
        "rebalance": to_json(rebalance.with_work(executions=1, version=0, execution_arn=None)),
    }
    if rebalance.work.execution_arn:
        attributes["execution_arn"] = rebalance.work.execution_arn
    if not rebalance.work.published:
        attributes |= {"gsi2pk": TO_DO, "gsi2sk": attributes["gsi1sk"]}
    return to_item(attributes)


def _read(item: Item) -> Rebalance:
    data = from_item(item)
    fence = {"executions": int(data["executions"]), "version": int(data["version"])}
    return from_json(data["rebalance"], Rebalance).with_work(**fence, execution_arn=data.get("execution_arn"))
