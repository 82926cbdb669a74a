"""docs/json.md and docs/json.schema.json, from the list."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from desk.documents.fields import PARTS, Field
from desk.documents.listed import DOCUMENTS, Document

_JSON: dict[str, dict[str, Any]] = {
    "any": {},
    "flag": {"type": "boolean"},
    "number": {"type": "number"},
    "text": {"type": "string"},
    "by name": {"type": "object"},
    "decimal": {"type": "string", "format": "decimal"},
    "time": {"type": "string", "format": "date-time"},
    "day": {"type": "string", "format": "date"},
}
_LIST = "list of "


def page(note: str) -> str:
    """The page of all documents."""
    lines = [
        "# What --json prints",
        "",
        note,
        "",
        "One JSON document on stdout, and nothing else; remarks and trouble go to stderr. Fields may be added; none",
        "changes its meaning. A `decimal` is a number as a string, exact; a `time` is RFC 3339 and UTC, market time if",
        "nothing else is said; `?` is a field that may be null. As a JSON schema:",
        "[json.schema.json](json.schema.json). Beside these: `repeg report` ([report-fields.md](report-fields.md)),",
        "`repeg exchange` ([exchange.md](exchange.md)), dry runs and plans ([guide.md](guide.md#trade-by-hand)).",
        "",
    ]
    for document in DOCUMENTS:
        lines += [f"## {document.command}", "", *_about(document), "", *_table(document.fields, document.may_have), ""]
    for name, fields in PARTS.items():
        if name not in ("order", "halt"):
            lines += [f"## {name}", "", *_table(fields, {}), ""]
    return "\n".join(lines)


def schema() -> dict[str, Any]:
    """A JSON schema: `$defs` has each part, and each command's document by its name."""
    defs: dict[str, Any] = {name: _object(fields.values(), ()) for name, fields in PARTS.items()}
    for document in DOCUMENTS:
        found = _object(document.fields.values(), document.may_have.values())
        defs[document.command] = {"type": "array", "items": found} if document.rows else found
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$defs": defs}


def _about(document: Document) -> Iterator[str]:
    yield document.about + (" An array; of each:" if document.rows else "")


def _table(fields: Mapping[str, Field], may_have: Mapping[str, Field]) -> Iterator[str]:
    yield "| field | kind | what |"
    yield "| --- | --- | --- |"
    for field in (*fields.values(), *may_have.values()):
        sometimes = " (not always there)" if field.name in may_have else ""
        yield f"| `{field.name}` | {_kind(field)} | {field.about}{sometimes} |"


def _kind(field: Field) -> str:
    part = field.kind.removeprefix(_LIST)
    anchor = "repeg-order-id" if part == "order" else "repeg-halt" if part == "halt" else part
    shown = f"{field.kind.removesuffix(part)}[{part}](#{anchor})" if part in PARTS else field.kind
    return f"{shown}{'?' if field.nullable else ''}"


def _object(fields: Iterable[Field], optional: Iterable[Field]) -> dict[str, Any]:
    required = list(fields)
    return {
        "type": "object",
        "properties": {field.name: _schema(field) for field in (*required, *optional)},
        "required": [field.name for field in required],
    }


def _schema(field: Field) -> dict[str, Any]:
    part = field.kind.removeprefix(_LIST)
    one: dict[str, Any] = {"$ref": f"#/$defs/{part}"} if part in PARTS else _JSON[part]
    found: dict[str, Any] = {"type": "array", "items": one} if field.kind.startswith(_LIST) else one
    whole = {"anyOf": [found, {"type": "null"}]} if field.nullable else dict(found)
    return whole | {"description": field.about}
