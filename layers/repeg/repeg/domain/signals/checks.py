"""Checks what strangers send by the types of a record's fields: pydantic's core does, and is told here what to look at.

Pydantic's own models are checked by the same core, in the same words; to import what makes them takes a fifth of a
cold start.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from types import NoneType
from typing import Annotated, Any, Literal, NamedTuple, Protocol, get_args, get_origin, get_type_hints

from msgspec import NODEFAULT
from pydantic_core import SchemaValidator

from repeg.domain.models import Frozen

Schema = Any
"""What pydantic's core calls a `CoreSchema`."""
_PLAIN: Mapping[Any, Schema] = {
    str: {"type": "str"},
    # To Python `true` is a number, and to pydantic "yes" is true, unless it is told to be strict.
    bool: {"type": "bool", "strict": True},
    Decimal: {"type": "decimal"},
    datetime: {"type": "datetime"},
}


class Known(Protocol):
    """What a check is told beside its value."""

    @property
    def data(self) -> dict[str, Any]:
        """The fields that stand before it in the record, as far as they are right."""


class Before(NamedTuple):
    """In a field's `Annotated`: `look` reads the value before it is checked, and raises ValueError if it is wrong."""

    look: Callable[[Any], Any]

    def on(self, schema: Schema) -> Schema:
        """A schema with this."""
        return {"type": "function-before", "schema": schema, "function": {"type": "no-info", "function": self.look}}


class After(NamedTuple):
    """In a field's `Annotated`: `look` takes the value that was checked, and raises ValueError if it is wrong."""

    look: Callable[[Any], Any]

    def on(self, schema: Schema) -> Schema:
        """A schema with this."""
        return {"type": "function-after", "schema": schema, "function": {"type": "no-info", "function": self.look}}


class Beside(NamedTuple):
    """In a field's `Annotated`: as `After`, but told the fields before it as well."""

    look: Callable[[Any, Known], Any]

    def on(self, schema: Schema) -> Schema:
        """A schema with this."""
        return {"type": "function-after", "schema": schema, "function": {"type": "with-info", "function": self.look}}


class Within(NamedTuple):
    """In a number's `Annotated`: its bounds, as in mathematics."""

    gt: int | None = None
    ge: int | None = None
    lt: int | None = None
    le: int | None = None

    def on(self, schema: Schema) -> Schema:
        """A schema with this."""
        bounds = {name: Decimal(bound) for name, bound in self._asdict().items() if bound is not None}
        return {"type": "chain", "steps": [schema, {"type": "decimal", **bounds}]}


def reader(records: Mapping[str, type[Frozen]], named_by: str) -> SchemaValidator:
    """Reads decoded JSON as one of several records, of which a field names one."""
    choices = {name: _record(record) for name, record in records.items()}
    return SchemaValidator({"type": "tagged-union", "discriminator": named_by, "choices": choices})


def _record(record: type[Frozen]) -> Schema:
    """Its own fields and no others; what has no default must be there."""
    hints, names, defaults = get_type_hints(record, include_extras=True), record.__struct_fields__, _defaults(record)
    fields = {
        name: {"type": "typed-dict-field", "schema": _value(hints[name]), "required": default is NODEFAULT}
        for name, default in zip(names, defaults, strict=True)
    }
    # A misspelt field that is passed over is an order without its cap, or without its expiry.
    return After(lambda found: record(**found)).on({"type": "typed-dict", "fields": fields, "extra_behavior": "forbid"})


def _defaults(record: type[Frozen]) -> tuple[Any, ...]:
    """Of every field, in order; msgspec leaves out the first ones that have none."""
    known = record.__struct_defaults__
    return (NODEFAULT,) * (len(record.__struct_fields__) - len(known)) + known


def _value(hint: Any) -> Schema:
    """What a field's type says."""
    shape, parts = get_origin(hint), get_args(hint)
    if shape is Annotated:
        schema = _value(parts[0])
        for check in parts[1:]:
            schema = check.on(schema)
        return schema
    if shape is Literal:
        return {"type": "literal", "expected": list(parts)}
    if shape is dict:
        return {"type": "dict", "keys_schema": _value(parts[0]), "values_schema": _value(parts[1])}
    if len(parts) == 2 and parts[1] is NoneType:
        return {"type": "nullable", "schema": _value(parts[0])}
    return _PLAIN[hint]
