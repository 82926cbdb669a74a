"""Whether what is printed is what is described."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from desk.documents.fields import PARTS, Field, fields_of
from desk.documents.listed import Document

_NUMBER = re.compile(r"-?\d+(\.\d+)?")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
_DAY = re.compile(r"\d{4}-\d\d-\d\d")


def differences(document: Document, printed: Any) -> Iterator[str]:
    """What is printed otherwise than it is described, a line for each."""
    if document.rows:
        if not isinstance(printed, list):
            yield "is no array"
            return
        for place, row in enumerate(printed):
            yield from _of_object(f"[{place}]", document.fields, document.may_have, row)
        return
    yield from _of_object("", document.fields, document.may_have, printed)


def _of_object(at: str, fields: Mapping[str, Field], may_have: Mapping[str, Field], found: Any) -> Iterator[str]:
    if not isinstance(found, dict):
        yield f"{at}: is no object"
        return
    yield from (f"{at}.{name}: is missing" for name in fields if name not in found)
    yield from (f"{at}.{name}: is not described" for name in found if name not in fields and name not in may_have)
    for name, field in {**fields, **may_have}.items():
        if name in found:
            yield from _of_value(f"{at}.{name}", field, found[name])


def _of_value(at: str, field: Field, value: Any) -> Iterator[str]:
    if value is None:
        if not field.nullable and field.kind != "any":
            yield f"{at}: is null"
    elif field.kind.startswith("list of "):
        if not isinstance(value, list):
            yield f"{at}: is no array"
            return
        extra = fields_of("symbol|text?|\nstrategy|text?|\nday|day?|") if field.kind == "list of gains" else {}
        for place, each in enumerate(value):
            yield from _of_object(f"{at}[{place}]", PARTS[field.kind.removeprefix("list of ")], extra, each)
    elif field.kind in PARTS:
        yield from _of_object(at, PARTS[field.kind], {}, value)
    elif not _is(field.kind, value):
        yield f"{at}: {value!r} is no {field.kind}"


def _is(kind: str, value: Any) -> bool:
    match kind:
        case "any":
            return True
        case "flag":
            return isinstance(value, bool)
        case "number":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case "by name":
            return isinstance(value, dict)
        case "decimal":
            return isinstance(value, str) and _NUMBER.fullmatch(value) is not None
        case "time":
            return isinstance(value, str) and _TIME.fullmatch(value) is not None
        case "day":
            return isinstance(value, str) and _DAY.fullmatch(value) is not None
    return isinstance(value, str)
