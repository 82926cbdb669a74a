"""Evidence of trips in the table: counted by the table itself, and used up by the write that halts."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from botocore.exceptions import ClientError

from repeg.domain.halt import Halt, Mode, Scope
from repeg.domain.patience import ERRORS_LAST
from repeg.domain.trips import Errors, Failures, Trip, Tripped
from repeg.errors import StoreConflict
from repeg.store.fenced import ABSENT, raise_unless_condition
from repeg.store.halts import ControlTable, halt_item, halt_key, understood
from repeg.store.items import Item, from_item, to_item

_FAILURE = "order#"
_KEPT = 50
"""Failures that an item holds before those of old are dropped."""
_OLD = timedelta(hours=1)
"""No window is wider."""


def _errors(item: Item) -> Errors:
    return Errors(item["in_a_row"], item.get("used_up", ""))


class Word(NamedTuple):
    """The account's word as it stands: what it means, and its mode as it is written."""

    halt: Halt | None = None
    mode: str = ""
    lost: bool = False
    """Whether there was one, and is none: then all is halted."""


def trip_key(trip: Trip) -> Item:
    """Key of a trip's evidence."""
    return to_item({"pk": "TRIPS", "sk": trip.name})


class Trips(ControlTable):
    """An item for each trip. Evidence is added in one write that answers with all of it: whoever adds the last counts.

    Twice the same evidence is counted once, but for errors, whose count is of requests.
    """

    def add_failure(self, order_id: str, at: datetime) -> Failures:
        """An order ended without protection at a market time."""
        name = {"#failure": f"{_FAILURE}{order_id}"}
        item = self._change(
            Trip.PROTECTION, "SET #failure = if_not_exists(#failure, :at)", {":at": at.isoformat()}, name
        )
        found = {
            key.removeprefix(_FAILURE): datetime.fromisoformat(value)
            for key, value in item.items()
            if key.startswith(_FAILURE)
        }
        if len(found) > _KEPT:
            self._drop(name for name, when in found.items() if at - when > _OLD)
        return Failures(dict(sorted(found.items(), key=lambda each: each[1])), item.get("used_up", ""))

    def add_errors(self, count: int, anew: bool, wall: datetime) -> Errors:
        """So many requests were not served by a wall time; `anew`: one before them was, or nothing came for minutes."""
        begun, added = "SET in_a_row = :count, last_at = :wall", "ADD in_a_row :count SET last_at = :wall"
        values: dict[str, Any] = {":count": count, ":wall": wall.isoformat()}
        if anew:
            return _errors(self._change(Trip.BROKER, begun, values))
        # What nobody added to for so long is no row: workers that were served, and had no part in it, wrote nothing.
        values |= {":since": (wall - ERRORS_LAST).isoformat()}
        tries = [(added, "last_at > :since"), (begun, "attribute_not_exists(last_at) OR last_at <= :since")] * 2
        for change, condition in tries:
            try:
                return _errors(self._change(Trip.BROKER, change, values, condition=condition))
            except ClientError as error:
                raise_unless_condition(error)
        raise StoreConflict("the broker's errors were counted by others meanwhile, again and again")

    def mark(self, trip: Trip) -> str:
        """What a trip has used up."""
        item = self._get(trip_key(trip))
        return str(from_item(item).get("used_up", "")) if item else ""

    def word_on_account(self) -> Word:
        """What is in force for the account by the key that a trip writes to."""
        item = self._get(halt_key(Scope.ACCOUNT))
        return Word(understood(item), str(from_item(item).get("mode", ""))) if item else Word(lost=self.lost_word())

    def trip(self, tripped: Tripped, halt: Halt | None, before: Word) -> bool:
        """Use up the evidence and, in the same write, halt (None: it is halted). False: somebody was there first."""
        condition = "used_up = :before" if tripped.before else "attribute_not_exists(used_up)"
        values: dict[str, str | int] = {":after": tripped.after, ":none": 0}
        values |= {":before": tripped.before} if tripped.before else {}
        update = {
            "TableName": self._table,
            "Key": trip_key(tripped.trip),
            "UpdateExpression": "SET used_up = :after, in_a_row = :none",
            "ConditionExpression": condition,
            "ExpressionAttributeValues": to_item(values),
        }
        writes: list[dict[str, Any]] = [{"Update": update}, *([self._halting(halt, before)] if halt else [])]
        try:
            self._client.transact_write_items(TransactItems=writes)
        except ClientError as error:
            raise_unless_condition(error)
            return False
        return True

    def _halting(self, halt: Halt, before: Word) -> dict[str, Any]:
        # An operator's word of this very moment, which may say to take open orders back, is not written over.
        if before.halt is None:
            return self._put(halt_item(halt), ABSENT)
        put = self._put(halt_item(halt), "#mode = :mode", to_item({":mode": before.mode}))
        put["Put"]["ExpressionAttributeNames"] = {"#mode": "mode"}
        return put

    def _change(
        self,
        trip: Trip,
        change: str,
        values: dict[str, Any],
        names: dict[str, str] | None = None,
        condition: str | None = None,
    ) -> Item:
        answer = self._client.update_item(
            TableName=self._table,
            Key=trip_key(trip),
            UpdateExpression=change,
            ExpressionAttributeValues=to_item(values),
            ReturnValues="ALL_NEW",
            **({"ExpressionAttributeNames": names} if names else {}),
            **({"ConditionExpression": condition} if condition else {}),
        )
        return from_item(answer["Attributes"])

    def _drop(self, order_ids: Iterable[str]) -> None:
        names = {f"#f{place}": f"{_FAILURE}{order_id}" for place, order_id in enumerate(order_ids)}
        if names:
            self._client.update_item(
                TableName=self._table,
                Key=trip_key(Trip.PROTECTION),
                UpdateExpression=f"REMOVE {', '.join(names)}",
                ExpressionAttributeNames=names,
            )


def is_as_strict(word: Word, mode: Mode) -> bool:
    """True when what is in force for the account stops as much."""
    return word.halt is not None and list(Mode).index(word.halt.mode) >= list(Mode).index(mode)
