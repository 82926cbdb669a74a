"""Leaves of botocore's data what the functions call: the models of all of AWS are parsed at a price, and weigh 25 MB.

Run by the Makefile: `trim_botocore.py SITE`. An operation that is missing here fails as an attribute of its client; a
test compares this list with what the package calls.
"""

from __future__ import annotations

import gzip
import json
import shutil
import sys
from pathlib import Path
from typing import Any

OPERATIONS = {
    "dynamodb": (
        "BatchGetItem",
        "DeleteItem",
        "DescribeEndpoints",
        "GetItem",
        "PutItem",
        "Query",
        "TransactWriteItems",
        "UpdateItem",
    ),
    "events": ("PutEvents",),
    "lambda": ("ListEventSourceMappings",),
    "secretsmanager": ("GetSecretValue",),
    "sqs": ("ChangeMessageVisibility", "SendMessage"),
    "ssm": ("GetParameters",),
    "stepfunctions": ("DescribeExecution", "GetExecutionHistory", "ListExecutions", "StartExecution"),
}
"""`DescribeEndpoints` is called by nobody: the DynamoDB client asks its model for it."""

Json = dict[str, Any]


def trim(data: Path) -> None:
    """Trims a copy of `botocore/data` in place."""
    for service in data.iterdir():
        if service.is_dir() and service.name not in OPERATIONS:
            shutil.rmtree(service)
    endpoints = _read(data / "endpoints.json")
    for partition in endpoints["partitions"]:
        prefixes = OPERATIONS.keys() | {"states"}  # as stepfunctions is called in host names
        partition["services"] = {name: each for name, each in partition["services"].items() if name in prefixes}
    _write(data / "endpoints.json", endpoints)
    for service, operations in OPERATIONS.items():
        *older, newest = sorted((data / service).iterdir())
        for folder in older:
            shutil.rmtree(folder)
        _write(newest / "service-2.json", _only(_read(newest / "service-2.json"), operations))
        _write(newest / "endpoint-rule-set-1.json", _read(newest / "endpoint-rule-set-1.json"))
        paged = _read(newest / "paginators-1.json")["pagination"].items()
        _write(newest / "paginators-1.json", {"pagination": {name: how for name, how in paged if name in operations}})
        kept = {"service-2.json", "endpoint-rule-set-1.json", "paginators-1.json"}
        for path in newest.iterdir():
            if path.name not in kept:
                path.unlink()


def _only(model: Json, operations: tuple[str, ...]) -> Json:
    """The service's model with these operations, the shapes that they are made of, and no documentation."""
    kept = {name: model["operations"][name] for name in operations}
    shapes: Json = {}
    ahead = list(_shapes_in(kept))
    while ahead:
        name = ahead.pop()
        if name not in shapes:
            shapes[name] = model["shapes"][name]
            ahead += _shapes_in(shapes[name])
    return _undocumented({**model, "operations": kept, "shapes": shapes})


def _shapes_in(node: Any) -> list[str]:
    if isinstance(node, list):
        return [name for each in node for name in _shapes_in(each)]
    if not isinstance(node, dict):
        return []
    here = [node["shape"]] if isinstance(node.get("shape"), str) else []
    return here + [name for each in node.values() for name in _shapes_in(each)]


def _undocumented(node: Any) -> Any:
    if isinstance(node, list):
        return [_undocumented(each) for each in node]
    if not isinstance(node, dict):
        return node
    # A shape may have a member of that name; documentation itself is text.
    return {key: _undocumented(each) for key, each in node.items() if key != "documentation" or isinstance(each, dict)}


def _read(path: Path) -> Json:
    packed = path.with_name(f"{path.name}.gz")
    text = gzip.decompress(packed.read_bytes()) if packed.exists() else path.read_bytes()
    document: Json = json.loads(text)
    return document


def _write(path: Path, document: Json) -> None:
    path.write_text(json.dumps(document, separators=(",", ":")))


if __name__ == "__main__":
    trim(Path(sys.argv[1]) / "botocore" / "data")
