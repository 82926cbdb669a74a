"""What limits are measured by, in the table: the counters of each day's entries, and the account as last looked at.

Counters change by one conditional update each, which adds to all of them or to none: whoever counts at the same time
does not conflict, and no two can both take the last place. An entry is counted under its own name, once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, TypeVar, cast

from botocore.exceptions import ClientError

from repeg.domain.book import Book
from repeg.domain.counters import (
    SETTLED_AT,
    Bound,
    Counters,
    Entry,
    counters_of,
    day_of,
    entry_name,
    refusing,
    settling,
    settling_late,
    taking_out,
)
from repeg.domain.loss import Losses
from repeg.domain.models import Frozen, from_json, to_json
from repeg.domain.order.record import Order
from repeg.domain.order.reservation import Counted
from repeg.errors import RetryError
from repeg.store.fenced import Table, raise_unless_condition
from repeg.store.items import Item, from_item, item_traded, to_item

_Kept = TypeVar("_Kept", bound=Frozen)
PARTITION = "LIMITS"
_BOOK = {"pk": "MARKET", "sk": "BOOK"}
_LOSSES = {"pk": "MARKET", "sk": "LOSSES"}


def counters_key(day: date) -> Item:
    """Key of a day's counters."""
    return to_item({"pk": PARTITION, "sk": day.isoformat()})


class Limits(Table):
    """Counters of entries, and the book."""

    # --- counting ---

    def count_entry(self, day: date, entry: Entry, bounds: Iterable[Bound]) -> Bound | None:
        """Count an entry unless that would exceed a bound, which is returned then; counted again, it counts once."""
        bounds = tuple(bounds)
        # Of several that look the same the newest counts.
        stamp = Decimal(str(entry.at.timestamp()))
        update = _Update()
        update.add(entry.adds)
        update.set({entry.name: entry.notional})
        # Only where it is asked for: nobody takes it out again, and by ten thousand of them the item is full.
        if any(bound.counter == entry.twin_name for bound in bounds):
            update.set({entry.twin_name: stamp})
        conditions = [f"attribute_not_exists({update.name(entry.name)})"]
        for bound in bounds:
            name, most = update.name(bound.counter), update.value(bound.most)
            conditions.append(f"(attribute_not_exists({name}) OR {name} <= {most})")
        stood = self._update(day, update, conditions)
        if stood is None or entry.name in stood:
            return None
        refused = refusing(bounds, stood)
        if refused is None:
            raise RuntimeError(f"{entry.order_id} was not counted, and no bound refuses it")
        return refused

    def settle_entry(self, order: Order, now: datetime) -> None:
        """Give back what an entry that is over did not use; done again, or of one that was not counted: nothing.

        All of it of one that the record does not know to be counted: who did it was too late, and sent nothing.
        """
        counted, adds = order.sending.counted, settling(order)
        if counted is None:
            day = day_of(now)
            notional = self.counters(day).entries.get(order.order_id)
            if notional is None:
                return
            counted, adds = Counted(day=day, notional=notional), taking_out(order, notional)
        entry = entry_name(order.order_id)
        update = _Update()
        update.add(adds)
        update.set({SETTLED_AT: Decimal(str(now.timestamp()))})
        update.remove(entry)
        self._update(counted.day, update, [f"{update.name(entry)} = {update.value(counted.notional)}"])

    def settle_late(self, before: Order, after: Order, now: datetime) -> None:
        """Count what an entry that was settled as `before` used besides; of one that is not settled yet: nothing.

        Not for a second time: whoever wrote the record from `before` to `after` does it.
        """
        counted, adds = after.sending.counted, settling_late(before, after)
        if counted is None or not adds:
            return
        update = _Update()
        update.add(adds)
        update.set({SETTLED_AT: Decimal(str(now.timestamp()))})
        self._update(counted.day, update, [f"attribute_not_exists({update.name(entry_name(after.order_id))})"])

    def counters(self, day: date) -> Counters:
        """The counters of a day as they stand, read consistently."""
        return counters_of(_numbers(self._get(counters_key(day))))

    def correct_counters(self, day: date, stand: Counters, right: Counters) -> None:
        """Bring the counters that stand so to what they should be; who counts at the same time counts on top."""
        names = sorted(stand.totals.keys() | right.totals.keys())
        stood = {name: stand.totals.get(name, Decimal(0)) for name in names}
        off = {name: right.totals.get(name, Decimal(0)) - stood[name] for name in names}
        update = _Update()
        update.add({name: by for name, by in off.items() if by})
        if update.adds:
            # On what was read, or not at all: two that corrected at once would both add the difference. Of what is not
            # there, too: each of the counters that differ has all of them corrected.
            unchanged = [update.stands_at(name, value) for name, value in stood.items()]
            self._update(day, update, unchanged)

    def _update(self, day: date, update: _Update, conditions: list[str]) -> dict[str, Decimal] | None:
        """None when written, else the counters as they stood when a condition failed."""
        key = counters_key(day)
        condition = {"ConditionExpression": " AND ".join(conditions)} if conditions else {}
        try:
            self._client.update_item(
                TableName=self._table,
                Key=key,
                UpdateExpression=update.expression,
                ExpressionAttributeNames=update.names,
                ExpressionAttributeValues=update.values,
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
                **condition,
            )
        except ClientError as error:
            raise_unless_condition(error)
            # The stubs do not know that a refused condition returns the item it was held against.
            item = cast("Item | None", dict(error.response).get("Item"))
            return _numbers(item if item else self._get(key))
        return None

    # --- the account ---

    def book(self) -> Book | None:
        """The account as last looked at, with what strategies lost as last reckoned, or None.

        Raises:
            RetryError: the table is throttled.
        """
        return _book(self._together([_BOOK, _LOSSES]))

    def keep_book(self, book: Book) -> None:
        """Keep a look at the account, without losses; an older one does not take the place of a newer."""
        self._keep_newest(_BOOK, book.at, book.changed(losses=None))

    def keep_losses(self, losses: Losses) -> None:
        """Keep what strategies lost; what was reckoned before does not take the place of it."""
        # Not in the book: entries look at the account as well, while the records are read and before, and kept their
        # book, with the losses of before, over that of the sweep.
        self._keep_newest(_LOSSES, losses.at, losses)

    def _keep_newest(self, key: Item, when: datetime, kept: Frozen) -> None:
        at = str(when.timestamp())
        item = to_item(key | {"document": to_json(kept)}) | {"at": {"N": at}}
        try:
            self._client.put_item(
                TableName=self._table,
                Item=item,
                # By a clock that was set back the newest would else be the last for ever.
                ConditionExpression="attribute_not_exists(#at) OR #at < :at OR #at > :far",
                ExpressionAttributeNames={"#at": "at"},
                ExpressionAttributeValues={":at": {"N": at}, ":far": {"N": str(when.timestamp() + 120)}},
            )
        except ClientError as error:
            raise_unless_condition(error)

    def book_and_trades(self, symbol: str) -> tuple[Book | None, tuple[datetime, ...]]:
        """The account as `book` has it, and when an order of ours last traded the symbol: one consistent read.

        Raises:
            RetryError: the table is throttled.
        """
        trades = [{"pk": f"QUEUE#{symbol}", "sk": f"TURN#{how}"} for how in ("TRADED", "EXITED")]
        found = self._together([_BOOK, _LOSSES, *trades])
        traded = (item_traded(item).at for item in found if item["pk"]["S"] != _BOOK["pk"])
        return _book(found), tuple(traded)

    def _together(self, keys: list[Item]) -> list[Item]:
        asked = {"Keys": [to_item(key) for key in keys], "ConsistentRead": True}
        answer = self._client.batch_get_item(RequestItems={self._table: asked})
        if answer.get("UnprocessedKeys"):
            raise RetryError("the table is throttled")
        found: list[Item] = answer["Responses"][self._table]
        return found


class _Update:
    """An update expression in the making: every name and value of it by a placeholder."""

    def __init__(self) -> None:
        self.adds: list[str] = []
        self.sets: list[str] = []
        self.removes: list[str] = []
        self._names: dict[str, str] = {}
        self.values: dict[str, Any] = {}

    @property
    def names(self) -> dict[str, str]:
        return {place: name for name, place in self._names.items()}

    @property
    def expression(self) -> str:
        parts = (("ADD", self.adds), ("SET", self.sets), ("REMOVE", self.removes))
        return " ".join(f"{verb} {', '.join(each)}" for verb, each in parts if each)

    def name(self, name: str) -> str:
        return self._names.setdefault(name, f"#n{len(self._names)}")

    def value(self, value: Decimal) -> str:
        place = f":v{len(self.values)}"
        self.values[place] = {"N": f"{value:f}"}
        return place

    def add(self, values: Mapping[str, Decimal]) -> None:
        self.adds += [f"{self.name(name)} {self.value(value)}" for name, value in values.items()]

    def set(self, values: Mapping[str, Decimal]) -> None:
        self.sets += [f"{self.name(name)} = {self.value(value)}" for name, value in values.items()]

    def stands_at(self, name: str, value: Decimal) -> str:
        """The condition that a counter stands so; one that is not there stands at zero."""
        place = self.name(name)
        stands = f"{place} = {self.value(value)}"
        return stands if value else f"(attribute_not_exists({place}) OR {stands})"

    def remove(self, name: str) -> None:
        self.removes.append(self.name(name))


def _numbers(item: Item | None) -> dict[str, Decimal]:
    return {name: Decimal(value["N"]) for name, value in (item or {}).items() if "N" in value}


def _book(items: Iterable[Item]) -> Book | None:
    by_name = {item["sk"]["S"]: item for item in items}
    book = _document(by_name.get(_BOOK["sk"]), Book)
    return book and book.changed(losses=_document(by_name.get(_LOSSES["sk"]), Losses))


def _document(item: Item | None, kind: type[_Kept]) -> _Kept | None:
    try:
        return from_json(from_item({"document": item["document"]})["document"], kind) if item else None
    except ValueError:  # of another version: the broker is asked, and losses are reckoned anew
        return None
