"""The kill switch in the table: an item for each word of an operator that is in force.

An item needs its mode and nothing else, so that it can be written by hand: docs/runbook.md says how.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from repeg.domain.halt import UNREADABLE, Halt, Mode, Scope
from repeg.store.fenced import Table
from repeg.store.items import Item, from_item, to_item

PARTITION = "CONTROL"


def halt_key(scope: Scope, of: str = "") -> Item:
    """Key of an operator's word: `ACCOUNT`, `STRATEGY#pairs`, `SYMBOL#TQQQ`."""
    return to_item({"pk": PARTITION, "sk": f"{scope.name}#{of}" if of else scope.name})


class Halts(Table):
    """Read anew before every send: a halt holds from the moment in which it is written."""

    def halts(self) -> tuple[Halt, ...]:
        """Every word that is in force, read consistently; one that cannot be understood counts as a halt."""
        return tuple(self._halts())

    def keep_halt(self, halt: Halt) -> None:
        """Have a word in force from now on, in place of the last one about the same."""
        said = {"mode": halt.mode.value, "reason": halt.reason, "since": halt.since.isoformat() if halt.since else ""}
        said |= {"cancel_open": "yes"} if halt.cancel_open else {}
        item = halt_key(halt.scope, halt.of) | to_item({name: value for name, value in said.items() if value})
        self._client.put_item(TableName=self._table, Item=item)

    def lift_halt(self, scope: Scope, of: str = "") -> None:
        """Take a word back."""
        self._client.delete_item(TableName=self._table, Key=halt_key(scope, of))

    def _halts(self) -> Iterator[Halt]:
        start: dict[str, Item] = {}
        while True:
            answer = self._client.query(
                TableName=self._table,
                ConsistentRead=True,
                KeyConditionExpression="pk = :control",
                ExpressionAttributeValues=to_item({":control": PARTITION}),
                **start,
            )
            yield from map(_understood, answer["Items"])
            if "LastEvaluatedKey" not in answer:
                return
            start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}


def _understood(item: Item) -> Halt:
    data = from_item(item)
    scope, _, of = data["sk"].partition("#")
    try:
        since = datetime.fromisoformat(data["since"]) if data.get("since") else None
        mode = Mode(str(data["mode"]).lower())
        cancels = bool(data.get("cancel_open"))
        return Halt(
            scope=Scope[scope], of=of, mode=mode, reason=data.get("reason", ""), since=since, cancel_open=cancels
        )
    except (KeyError, ValueError, TypeError):
        return UNREADABLE
