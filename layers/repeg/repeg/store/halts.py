"""The kill switch in the table: an item for each word of an operator that is in force.

An item needs its mode and nothing else, so that it can be written by hand: docs/runbook.md says how.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from repeg.domain.halt import Halt, Mode, Scope, unreadable
from repeg.store.fenced import Table
from repeg.store.items import Item, from_item, to_item

PARTITION = "CONTROL"


def halt_key(scope: Scope, of: str = "") -> Item:
    """Key of an operator's word: `ACCOUNT`, `STRATEGY#pairs`, `SYMBOL#TQQQ`."""
    return to_item({"pk": PARTITION, "sk": f"{scope.name}#{of}" if of else scope.name})


def halt_item(halt: Halt) -> Item:
    """A word as it is written."""
    said = {"mode": halt.mode.value, "reason": halt.reason, "since": halt.since.isoformat() if halt.since else ""}
    said |= {"cancel_open": "yes"} if halt.cancel_open else {}
    return halt_key(halt.scope, halt.of) | to_item({name: value for name, value in said.items() if value})


class Halts(Table):
    """Read anew before every send: a halt holds from the moment in which it is written."""

    def halts(self) -> tuple[Halt, ...]:
        """Every word that is in force, read consistently; one that cannot be understood halts the account."""
        return tuple(map(understood, self._items()))

    def keep_halt(self, halt: Halt) -> None:
        """Have a word in force from now on, in place of the last one about the same."""
        self._client.put_item(TableName=self._table, Item=halt_item(halt))

    def lift_halt(self, scope: Scope, of: str = "") -> bool:
        """Take back whatever reads as a word about that; False when nothing did."""
        # Not by the key that it should have: what was written by hand could be shown, and never be lifted.
        meant = [item for item in self._items() if understood(item).is_about(scope, of)]
        for item in meant:
            self._client.delete_item(TableName=self._table, Key={"pk": item["pk"], "sk": item["sk"]})
        return bool(meant)

    def forget_order(self, record_id: str) -> None:
        """Take back the word about one order, or rebalance, that is over; none is as well."""
        self._client.delete_item(TableName=self._table, Key=halt_key(Scope.ORDER, record_id))

    def halt_about(self, record_id: str) -> Halt | None:
        """The word about one order, or rebalance, read consistently; or None."""
        item = self._get(halt_key(Scope.ORDER, record_id))
        return understood(item) if item else None

    def _items(self) -> Iterator[Item]:
        start: dict[str, Item] = {}
        while True:
            answer = self._client.query(
                TableName=self._table,
                ConsistentRead=True,
                KeyConditionExpression="pk = :control",
                ExpressionAttributeValues=to_item({":control": PARTITION}),
                **start,
            )
            yield from answer["Items"]
            if "LastEvaluatedKey" not in answer:
                return
            start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}


def understood(item: Item) -> Halt:
    """What an item says; whatever cannot be understood halts the account."""
    data = from_item(item)
    name, _, of = data["sk"].partition("#")
    try:
        scope = Scope[name.strip().upper()]
        since = datetime.fromisoformat(data["since"]) if data.get("since") else None
        word = Halt(
            scope=scope,
            of=of.strip().upper() if scope is Scope.SYMBOL else of,
            mode=Mode(str(data["mode"]).strip().lower()),
            reason=data.get("reason", ""),
            since=since,
            cancel_open=bool(data.get("cancel_open")),
        )
    except (KeyError, ValueError, TypeError):
        word = None
    # A symbol's word without a symbol would stop nothing, and its writer believe that it does.
    if word is None or (scope is Scope.ACCOUNT) is bool(of.strip()):
        return unreadable(f"nobody understands what is written under {PARTITION} {data['sk']}")
    return word
