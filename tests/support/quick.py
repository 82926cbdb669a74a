"""Half of a spine test's time goes into two copies that nobody needs: spare them."""

from __future__ import annotations

from functools import cache
from typing import Any

from moto.core.serialize import BaseJSONSerializer

from tests.support import machine

_thorough = BaseJSONSerializer._serialize_type_structure


def _as_it_is(self: Any, serialized: Any, value: Any, shape: Any, key: str) -> None:
    if key and shape.name == "AttributeValue" and type(value) is dict:
        serialized[key] = value
    else:
        _thorough(self, serialized, value, shape, key)


def hurry() -> None:
    """From now on DynamoDB's attribute values leave moto as they are, and the machine's definition is read once."""
    BaseJSONSerializer._serialize_type_structure = _as_it_is  # type: ignore[method-assign]
    if not hasattr(machine.load_definition, "cache_info"):
        machine.load_definition = cache(machine.load_definition)
