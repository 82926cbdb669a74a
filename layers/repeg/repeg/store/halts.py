"""The kill switch in the table: an item for each word of an operator, that on the account always.

An item needs its mode and nothing else, so that it can be written by hand: docs/runbook.md says how. The account's says
`active` where nothing is halted. It is made with the table's identity, which bears a mark of it: a table that has the
mark and no word on the account has lost it, and counts as halted.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from datetime import datetime
from typing import Any, cast

from botocore.exceptions import ClientError

from repeg.domain.halt import MISSING, Halt, Mode, Scope, unreadable
from repeg.errors import StoreConflict
from repeg.store.fenced import ABSENT, Table, raise_unless_condition
from repeg.store.items import Item, from_item, to_item

PARTITION = "CONTROL"
IDENTITY_KEY = to_item({"pk": "IDENTITY", "sk": "IDENTITY"})
HAS_CONTROL = "has_control"
"""The identity's mark."""
_NO_STRICTER = "#mode IN (:reducing, :active)"
_TAKES_NONE_OUT = "attribute_not_exists(cancel_open)"


def halt_key(scope: Scope, of: str = "") -> Item:
    """Key of an operator's word: `ACCOUNT`, `STRATEGY#pairs`, `SYMBOL#TQQQ`."""
    return to_item({"pk": PARTITION, "sk": f"{scope.name}#{of}" if of else scope.name})


def halt_item(halt: Halt) -> Item:
    """A word as it is written."""
    said = {"mode": halt.mode.value, "reason": halt.reason, "since": halt.since.isoformat() if halt.since else ""}
    said |= {"cancel_open": "yes"} if halt.cancel_open else {}
    return halt_key(halt.scope, halt.of) | to_item({name: value for name, value in said.items() if value})


class ControlTable(Table):
    """A table that was given a word on the account, or was not yet."""

    def lost_word(self) -> bool:
        """True when it was given one, and has it no more; as of an operator who deleted it."""
        # Without the mark the stack is of an older version that had no such item; the first signal, or comparison of
        # the book, makes it. And both may have been made since it was looked for.
        identity = self._get(IDENTITY_KEY)
        return identity is not None and HAS_CONTROL in identity and self._get(halt_key(Scope.ACCOUNT)) is None


class Halts(ControlTable):
    """Read anew before every send: a halt holds from the moment in which it is written."""

    def halts(self) -> tuple[Halt, ...]:
        """Every word that is in force, read consistently; one that cannot be understood halts the account."""
        words = [understood(item) for item in self._items()]
        in_force = [halt for halt in words if halt.mode is not Mode.ACTIVE]
        return (*in_force, *([MISSING] if self._is_missing(words) else []))

    def keep_halt(self, halt: Halt) -> None:
        """Have a word in force from now on, in place of the last one about the same."""
        self._client.put_item(TableName=self._table, Item=halt_item(halt))

    def tighten(self, halt: Halt) -> Halt | None:
        """Have a word in force, but not in place of a stricter one about the same, which is returned then.

        Where entries are being taken out of the market they go on being so.
        """
        if halt.mode is Mode.HALTED:
            if halt.cancel_open or self._unless(_TAKES_NONE_OUT, halt) is not None:
                self.keep_halt(halt.changed(cancel_open=True))
            return None
        if halt.scope is not Scope.ACCOUNT:
            return self._tightened(f"{ABSENT} OR {_NO_STRICTER}", halt)
        # Not read before: whoever halts may have the right to write and no other.
        stands = self._tightened(_NO_STRICTER, halt)
        if stands is not MISSING:
            return stands
        return MISSING if self.lost_word() else self._tightened(f"{ABSENT} OR {_NO_STRICTER}", halt)

    def _tightened(self, condition: str, halt: Halt) -> Halt | None:
        stands = self._unless(f"({condition}) AND {_TAKES_NONE_OUT}", halt)
        if stands is None or not stands.cancel_open:
            return stands
        return self._unless(condition, halt.changed(cancel_open=True))

    def _unless(self, condition: str, halt: Halt) -> Halt | None:
        """None when the word was written; else what stands there, as the condition does not hold."""
        names = {"#mode": "mode"} if "#mode" in condition else {}
        values = to_item({":reducing": Mode.REDUCING.value, ":active": Mode.ACTIVE.value}) if names else {}
        named = {"ExpressionAttributeNames": names, "ExpressionAttributeValues": values} if names else {}
        try:
            self._client.put_item(
                TableName=self._table,
                Item=halt_item(halt),
                ConditionExpression=condition,
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
                **named,
            )
        except ClientError as error:
            raise_unless_condition(error)
            item = dict(error.response).get("Item")
            return understood(cast("Item", item)) if item else MISSING
        return None

    def lift_halt(
        self, scope: Scope, of: str = "", since: datetime | None = None, seen: Collection[Halt] | None = None
    ) -> bool:
        """Take back whatever reads as a word about that; False when nothing did. `since`: wall time.

        `seen`: what whoever lifts it was shown, if not all that there is.

        Raises:
            StoreConflict: somebody said something else about it since or at the same time, which stays in force.
        """
        # Not by the key that it should have: what was written by hand could be shown, and never be lifted.
        found = [(item, understood(item)) for item in self._items()]
        meant = [item for item, halt in found if halt.is_about(scope, of) and halt.mode is not Mode.ACTIVE]
        on_account = scope is Scope.ACCOUNT
        missing = on_account and self._is_missing([halt for _, halt in found])
        if not meant and not missing:
            return False
        if seen is not None:
            # A page may be open for an hour, and a trip have halted meanwhile for what nobody has looked at.
            told = {(halt.mode, halt.reason, halt.since) for halt in seen}
            words = (*map(understood, meant), *([MISSING] if missing else []))
            unseen = [halt for halt in words if (halt.mode, halt.reason, halt.since) not in told]
            if unseen:
                raise StoreConflict(f"said since, it stays in force: {unseen[0].sentence}")
        of_account = halt_key(Scope.ACCOUNT)
        for item in meant:
            key = {"pk": item["pk"], "sk": item["sk"]}
            if not (on_account and key == of_account):
                self._write_over(item, self._client.delete_item, Key=key)
        if on_account:
            # In place of what it lifts, and never deleted: what is not there says nothing.
            stood = next((item for item, _ in found if of_account.items() <= item.items()), {})
            self._write_over(stood, self._client.put_item, Item=halt_item(Halt(mode=Mode.ACTIVE, since=since)))
        return True

    def _write_over(self, stood: Item, write: Callable[..., object], **request: Any) -> None:
        """Write where a word stood, unless it is another one by now: nobody lifts what he has not seen."""
        try:
            write(**request, **_as_seen(stood), TableName=self._table, ReturnValuesOnConditionCheckFailure="ALL_OLD")
        except ClientError as error:
            raise_unless_condition(error)
            item = dict(error.response).get("Item")
            stands = understood(cast("Item", item)) if item else None
            # By somebody who resumed at the same time it is done.
            if stands and stands.mode is not Mode.ACTIVE:
                raise StoreConflict(f"said at the same time, it stays in force: {stands.sentence}") from error

    def forget_order(self, record_id: str, signal_id: str = "") -> None:
        """Take back the word about one order, or rebalance, that is over; none is as well.

        With its signal, also those that were kept while nobody knew which of both it would become.
        """
        from repeg.domain.order.record import order_id_for
        from repeg.domain.rebalance.record import rebalance_id_for  # read where a cancel ended something

        either = {order_id_for(signal_id), rebalance_id_for(signal_id)} if signal_id else set[str]()
        for each in {record_id} | either:
            self._client.delete_item(TableName=self._table, Key=halt_key(Scope.ORDER, each))

    def halt_about(self, record_id: str) -> Halt | None:
        """The word about one order, or rebalance, read consistently; or None."""
        item = self._get(halt_key(Scope.ORDER, record_id))
        return understood(item) if item else None

    def _is_missing(self, words: Iterable[Halt]) -> bool:
        # Read only where there is none.
        return not any(halt.scope is Scope.ACCOUNT for halt in words) and self.lost_word()

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


def _as_seen(item: Item) -> dict[str, Any]:
    """The condition that a word, or that there is none, stands as it was read."""
    names = {f"#{name}": name for name in ("mode", "since", "reason")}
    said = {f":{name}": item[name] for name in names.values() if name in item}
    terms = (f"{at} = :{name}" if name in item else f"attribute_not_exists({at})" for at, name in names.items())
    condition = {"ConditionExpression": " AND ".join(terms), "ExpressionAttributeNames": names}
    return condition | ({"ExpressionAttributeValues": said} if said else {})


def understood(item: Item) -> Halt:
    """What an item says; whatever cannot be understood halts the account."""
    written_under = str(item["sk"]["S"])
    name, _, of = written_under.partition("#")
    try:
        data = from_item(item)
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
        return unreadable(f"nobody understands what is written under {PARTITION} {written_under}")
    return word
