"""moto's tables without HTTP in between: what a call does and answers is moto's, the way there and back is not taken.

Of what a call to moto takes, four fifths are requests and answers that are written out and read again.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch
from weakref import WeakSet

from botocore import xform_name
from botocore.client import BaseClient
from botocore.model import ListShape, MapShape, OperationModel, StructureShape
from moto import mock_aws
from moto.core import models
from moto.core.models import DEFAULT_ACCOUNT_ID, botocore_stubber
from moto.dynamodb.responses import DynamoHandler

import tests.support.stand_ins.spared_moto  # noqa: F401

REGION = "us-east-1"
_SHORT = {
    *("CreateTable", "DeleteTable", "ListTables", "GetItem", "PutItem", "UpdateItem", "DeleteItem"),
    *("Query", "Scan", "BatchGetItem", "TransactWriteItems"),
}


@contextmanager
def quick_aws(**config: Any) -> Iterator[None]:
    """moto for the clients of boto3 alone: what `requests` sends goes to the exchange, and is not looked through."""
    with patch.object(models, "RESPONSES_METHODS", []), mock_aws(config=config or None):  # type: ignore[arg-type]
        yield


def shorten(client: Any) -> None:
    """Let a client of DynamoDB, in `REGION`, hand its calls to moto itself."""
    _shortened.add(client)


_shortened = WeakSet[Any]()


def _short_cut(whole: Callable[..., Any]) -> Callable[..., Any]:
    def call(client: Any, operation: str, given: dict[str, Any]) -> Any:
        answer = None
        if client in _shortened and operation in _SHORT and botocore_stubber.enabled:
            answer = _answer(client.meta.service_model.operation_model(operation), given)
        # Errors are botocore's and moto's to the letter.
        return whole(client, operation, given) if answer is None else answer

    return call


def _answer(model: OperationModel, given: dict[str, Any]) -> dict[str, Any] | None:
    """The answer, or none if the call is refused: it has changed nothing then."""
    handler = DynamoHandler()
    handler.current_account, handler.region = DEFAULT_ACCOUNT_ID, REGION
    try:
        handler.body = handler.params = _copier(model.input_shape, True)(given)
        answer = getattr(handler, xform_name(model.name))()
    except Exception:
        return None
    metadata = {"HTTPStatusCode": 200, "HTTPHeaders": {}, "RetryAttempts": 0}
    copied: dict[str, Any] = _copier(model.output_shape, False)(answer.result)
    return copied | {"ResponseMetadata": metadata}


_Copier = Callable[[Any], Any]
_copiers: dict[tuple[str, bool], _Copier] = {}
"""By the name of a shape, and whether what is copied was given by a caller."""
_KINDS = {"string": str, "integer": int, "long": int, "boolean": bool, "blob": bytes | bytearray}


class _Unclear(Exception):
    """What was given may not be what the service's description asks for: botocore itself shall say."""


def _copier(shape: Any, given: bool) -> _Copier:
    """
    Makes a copy of a value of this shape as whoever receives it reads it: only what the service's description knows,
    and no value that is none. What is given, and has anything else, is unclear.
    """
    key = shape.name, given
    if key not in _copiers:
        # A shape may hold others of its own kind.
        _copiers[key] = lambda value: _copiers[key](value)
        _copiers[key] = _copier_of(shape, given)
    return _copiers[key]


def _copier_of(shape: Any, given: bool) -> _Copier:
    if isinstance(shape, StructureShape):
        return _copier_of_structure(shape, given)
    least = shape.metadata.get("min", 0)
    if isinstance(shape, MapShape):
        of_map = _copier(shape.value, given)

        def copy_map(value: Any) -> Any:
            if given and not (isinstance(value, dict) and all(isinstance(name, str) for name in value)):
                raise _Unclear
            return {name: of_map(each) for name, each in value.items()}

        return copy_map
    if isinstance(shape, ListShape):
        of_list = _copier(shape.member, given)

        def copy_list(value: Any) -> Any:
            if given and not (isinstance(value, list | tuple) and len(value) >= least):
                raise _Unclear
            return [of_list(each) for each in value]

        return copy_list
    return _copier_of_given(shape, least) if given else _READ.get(shape.type_name, lambda value: value)


_READ: dict[str, _Copier] = {
    "blob": lambda value: bytes(value) if isinstance(value, bytes | bytearray) else b64decode(value),
    "string": str,
}


def _copier_of_structure(shape: StructureShape, given: bool) -> _Copier:
    members = {name: _copier(member, given) for name, member in shape.members.items()}
    required = set(shape.metadata.get("required", ()))
    special = shape.is_tagged_union or shape.is_document_type

    def copy_structure(value: Any) -> Any:
        if not given:
            return {name: members[name](each) for name, each in value.items() if name in members and each is not None}
        if special or not isinstance(value, dict) or not required <= value.keys() <= members.keys():
            raise _Unclear
        return {name: members[name](each) for name, each in value.items()}

    return copy_structure


def _copier_of_given(shape: Any, least: int) -> _Copier:
    kind = _KINDS.get(shape.type_name, ())
    read = _READ.get(shape.type_name, lambda value: value)
    measure: Callable[[Any], int] = len if shape.type_name == "string" else int

    def copy_given(value: Any) -> Any:
        if not isinstance(value, kind) or (least and measure(value) < least):
            raise _Unclear
        return read(value)

    return copy_given


# For good: not each client's own, where a test that listens to all clients' calls would not hear it.
BaseClient._make_api_call = _short_cut(BaseClient._make_api_call)
