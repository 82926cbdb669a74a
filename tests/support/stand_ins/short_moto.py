"""moto's tables without HTTP in between: what a call does and answers is moto's, the way there and back is not taken.

Of what a call to moto takes, four fifths are requests and answers that are written out and read again. Of the rest,
most is work that moto does again and again: parsing expressions it has parsed, and copying whole tables.
"""

from __future__ import annotations

import copy
from base64 import b64decode
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from decimal import Decimal
from functools import cache
from typing import Any
from unittest.mock import patch
from weakref import WeakSet

from botocore import xform_name
from botocore.client import BaseClient
from botocore.model import ListShape, MapShape, OperationModel, StructureShape
from botocore.validate import ParamValidator
from moto import mock_aws
from moto.core import models
from moto.core.models import DEFAULT_ACCOUNT_ID, botocore_stubber
from moto.dynamodb.comparisons import ConditionExpressionParser
from moto.dynamodb.exceptions import ItemSizeTooLarge
from moto.dynamodb.models import DynamoDBBackend, Table
from moto.dynamodb.models.dynamo_type import DDBType, DynamoType, Item, LimitedSizeDict
from moto.dynamodb.models.utilities import bytesize
from moto.dynamodb.parsing.expressions import UpdateExpressionParser
from moto.dynamodb.responses import DynamoHandler

REGION = "us-east-1"
_SHORT = {
    *("CreateTable", "DeleteTable", "ListTables", "GetItem", "PutItem", "UpdateItem", "DeleteItem"),
    *("Query", "Scan", "BatchGetItem", "TransactWriteItems"),
}
_LARGEST_ITEM = 405_000
"""Bytes that moto lets an item have."""


@contextmanager
def quick_aws() -> Iterator[None]:
    """moto for the clients of boto3 alone: what `requests` sends goes to the exchange, and is not looked through."""
    with patch.object(models, "RESPONSES_METHODS", []), mock_aws():
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
    if ParamValidator().validate(given, model.input_shape).has_errors():
        return None
    handler = DynamoHandler()
    handler.current_account, handler.region = DEFAULT_ACCOUNT_ID, REGION
    handler.body = handler.params = _shaped(given, model.input_shape)
    try:
        answer = getattr(handler, xform_name(model.name))()
    except Exception:
        return None
    metadata = {"HTTPStatusCode": 200, "HTTPHeaders": {}, "RetryAttempts": 0}
    shaped: dict[str, Any] = _shaped(answer.result, model.output_shape)
    return shaped | {"ResponseMetadata": metadata}


def _shaped(value: Any, shape: Any) -> Any:
    """A copy as whoever receives it reads it: only what the service's description knows, and no value that is none."""
    if isinstance(shape, StructureShape):
        members = shape.members
        return {k: _shaped(v, members[k]) for k, v in value.items() if k in members and v is not None}
    if isinstance(shape, MapShape):
        return {k: _shaped(v, shape.value) for k, v in value.items()}
    if isinstance(shape, ListShape):
        return [_shaped(each, shape.member) for each in value]
    if shape.type_name == "blob":
        return bytes(value) if isinstance(value, bytes | bytearray) else b64decode(value)
    return str(value) if shape.type_name == "string" else value


def _spare_moto() -> None:
    """Let moto do once what it does for every call, and copy no more of a table than may change."""
    # Not each client's own, where a test that listens to all clients' calls would not hear it.
    BaseClient._make_api_call = _short_cut(BaseClient._make_api_call)
    # Nobody changes what was parsed: each call works on a copy.
    UpdateExpressionParser.make = cache(UpdateExpressionParser.make)
    lexed = cache(_lexed)
    ConditionExpressionParser._lex_condition_expression = lambda parser: deque(lexed(parser.condition_expression))
    Item.__init__ = _make_item
    Table.__deepcopy__ = _copy_table
    DynamoType.__add__ = _sum_of
    DynamoDBBackend.transact_write_items = _copying_little(DynamoDBBackend.transact_write_items)


_lex = ConditionExpressionParser._lex_condition_expression


def _lexed(expression: str) -> tuple[Any, ...]:
    return tuple(_lex(ConditionExpressionParser(expression, None, None)))


def _make_item(item: Item, hash_key: DynamoType, range_key: DynamoType | None, attrs: dict[str, Any]) -> None:
    """As moto does, but the item's size is looked at when it is whole, and not again with each attribute."""
    item.hash_key, item.range_key = hash_key, range_key
    item.attrs = LimitedSizeDict()
    dict.update(item.attrs, {name: DynamoType(value) for name, value in attrs.items()})
    if sum(bytesize(name) + value.size() for name, value in item.attrs.items()) > _LARGEST_ITEM:
        raise ItemSizeTooLarge


def _sum_of(one: DynamoType, other: DynamoType) -> DynamoType:
    """The sum of two numbers as DynamoDB writes it. What adds up to nothing moto makes `0E-11`, and cannot read."""
    return DynamoType({DDBType.NUMBER: f"{Decimal(one.value) + Decimal(other.value):f}"})


def _copying_little(whole: Callable[..., None]) -> Callable[..., None]:
    """A transaction that keeps, in case it is undone, only the items that it names: no other is changed."""

    def write(backend: DynamoDBBackend, transact_items: list[dict[str, Any]]) -> None:
        named = [each["Key"] for item in transact_items for each in item.values() if "Key" in each]
        before = _changing.set({_key_of(key.values()) for key in named})
        try:
            whole(backend, transact_items)
        finally:
            _changing.reset(before)

    return write


_changing: ContextVar[set[tuple[str, ...]] | None] = ContextVar("changing", default=None)
"""Keys of the items that the transaction at work may change in place."""


def _copy_table(table: Table, memo: dict[int, Any]) -> Table:
    twin, changing = copy.copy(table), _changing.get()
    memo[id(table)] = twin
    if changing is None or not table.has_range_key:
        vars(twin).update(copy.deepcopy(vars(table), memo))
        return twin
    twin.items = copy.copy(table.items)
    for key, items in table.items.items():
        twin.items[key] = {
            sort: copy.deepcopy(item, memo) if _key_of((key.to_json(), sort.to_json())) in changing else item
            for sort, item in items.items()
        }
    return twin


def _key_of(parts: Iterable[dict[str, Any]]) -> tuple[str, ...]:
    return tuple(sorted(map(str, parts)))


# At once, and for good: a test may lay something of its own over it, and take that away again.
_spare_moto()
