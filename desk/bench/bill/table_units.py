"""What DynamoDB would bill for the calls of a trail: request units from the sizes of what was written and read."""

from __future__ import annotations

import json
import math
from typing import Any

Item = dict[str, Any]
_TRANSACTION = 2


class TableUnits:
    """Adds up write and read request units. Sizes of items are remembered from when they were written whole."""

    def __init__(self) -> None:
        self.write = 0.0
        self.read = 0.0
        self._sizes: dict[str, int] = {}
        self._listed: dict[str, str] = {}

    def take(self, call: str, parameters: Item, counted: bool = True) -> None:
        """One call by its API name and parameters; one that is not counted only tells the sizes of items."""
        write, read = self._write_units(call, parameters), self._read_units(call, parameters)
        if counted:
            self.write += write
            self.read += read

    def _write_units(self, call: str, parameters: Item) -> float:
        if call == "PutItem":
            return self._put(parameters["Item"], 1)
        if call in ("UpdateItem", "DeleteItem"):
            return self._kilobytes(parameters["Key"])
        if call == "TransactWriteItems":
            return sum(self._transacted(write) for write in parameters["TransactItems"])
        return 0

    def _read_units(self, call: str, parameters: Item) -> float:
        if call not in ("GetItem", "Query"):
            return 0
        size = self._sizes.get(_name(parameters["Key"]), 1) if call == "GetItem" else 1
        return math.ceil(size / 4096) * (1 if parameters.get("ConsistentRead") else 0.5)

    def _transacted(self, write: Item) -> float:
        if "Put" in write:
            return self._put(write["Put"]["Item"], _TRANSACTION)
        (parameters,) = write.values()
        return self._kilobytes(parameters["Key"]) * _TRANSACTION

    def _put(self, item: Item, times: int) -> float:
        """The item, its place in the index of all orders once, and that in the sparse one when it changes."""
        name, size = _name(item), item_bytes(item)
        listed = "gsi1pk" in item and name not in self._sizes
        self._sizes[name] = size
        units = math.ceil(size / 1024)
        place = json.dumps([item.get("gsi2pk"), item.get("gsi2sk")])
        moved = place != self._listed.get(name, json.dumps([None, None]))
        self._listed[name] = place
        return units * times + listed + moved

    def _kilobytes(self, key: Item) -> int:
        return math.ceil(self._sizes.get(_name(key), 1) / 1024)


def item_bytes(item: Item) -> int:
    """About what an item weighs: its names and its values."""
    return sum(len(name) + _value_bytes(value) for name, value in item.items())


def _value_bytes(value: Item) -> int:
    ((kind, inner),) = value.items()
    if kind == "M":
        return 3 + item_bytes(inner)
    if kind == "L":
        return 3 + sum(_value_bytes(each) for each in inner)
    return len(inner.encode()) if isinstance(inner, str) else 1


def _name(item: Item) -> str:
    return f"{item['pk']['S']} {item['sk']['S']}"
