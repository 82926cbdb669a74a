"""moto's tables without what moto does again for every call; what a call does and answers is moto's own.

It parses an expression whenever it is used, proves of its text what it has proved before, looks through a whole table
for one partition, and copies whole items, and with a transaction whole tables, in case something goes wrong.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from decimal import Decimal
from functools import cache
from inspect import signature
from typing import Any

from moto.dynamodb import responses
from moto.dynamodb.comparisons import AttributePath, AttributeValue, ConditionExpressionParser
from moto.dynamodb.exceptions import ItemSizeTooLarge
from moto.dynamodb.models import DynamoDBBackend, Table
from moto.dynamodb.models.dynamo_type import DDBType, DynamoType, Item, LimitedSizeDict
from moto.dynamodb.models.utilities import bytesize
from moto.dynamodb.parsing.ast_nodes import DepthFirstTraverser, ExpressionAttribute, Node, NoneExistingPath
from moto.dynamodb.parsing.expressions import UpdateExpressionParser
from moto.dynamodb.parsing.validators import (
    ActionCountValidator,
    OverlappingPathsValidator,
    UpdateHashRangeKeyValidator,
    Validator,
)

_LARGEST_ITEM = 405_000
"""Bytes that moto lets an item have."""
_OF_THE_TEXT = (ActionCountValidator, OverlappingPathsValidator, UpdateHashRangeKeyValidator)
"""Proofs of an update that look neither at the item nor at any value."""

_ABSENT = object()
_of_moto: list[tuple[Any, str, Any]] = []
"""What was replaced in which class, by its name; absent, if it was another class's until then."""


def spare(owner: Any, name: str, part: Any) -> None:
    """Replaces a part of moto for good."""
    _of_moto.append((owner, name, vars(owner).get(name, _ABSENT)))
    setattr(owner, name, part)


@contextmanager
def unspared() -> Iterator[None]:
    """moto as it comes, for a test that compares."""
    ours = [(owner, name, vars(owner)[name]) for owner, name, _ in _of_moto]
    for owner, name, part in _of_moto:
        delattr(owner, name) if part is _ABSENT else setattr(owner, name, part)
    try:
        yield
    finally:
        for owner, name, part in ours:
            setattr(owner, name, part)


# --- conditions ---

_known: dict[str, tuple[Any, tuple[str, ...], tuple[str, ...]]] = {}
"""By a condition's text: its tree, and the names and values, or placeholders of such, that were found there."""


def _parsing_once(whole: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def parse(parser: Any) -> Any:
        if not parser.condition_expression:
            return whole(parser)
        known = _known.get(parser.condition_expression)
        if known is None:
            return learn(parser)
        tree, names, values = known
        given = {*(parser.expression_attribute_names or ()), *(parser.expression_attribute_values or ())}
        if not given.issuperset(each for each in (*names, *values) if each[0] in "#:"):
            return whole(parser)
        parser.expr_attr_names_found.extend(names)
        parser.expr_attr_values_found.extend(values)
        return parser._make_op_condition(tree)

    def learn(parser: Any) -> Any:
        trees: list[Any] = []
        make = parser._make_op_condition
        parser._make_op_condition = lambda tree: trees.append(tree) or make(tree)
        condition = whole(parser)
        found = tuple(parser.expr_attr_names_found), tuple(parser.expr_attr_values_found)
        _known[parser.condition_expression] = trees[0], *found
        return condition

    return parse


def _naming_what_this_call_names(whole: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """A tree that is known has the names and values of the call that it was learned from."""
    kinds = ConditionExpressionParser.Kind

    def make(parser: Any, node: Any) -> Any:
        if node.kind == kinds.EXPRESSION_ATTRIBUTE_VALUE:
            return AttributeValue(parser.expression_attribute_values[node.text])
        if node.kind == kinds.PATH:
            names = parser.expression_attribute_names
            return AttributePath([names[each.text] if each.text[0] == "#" else each.value for each in node.children])
        return whole(parser, node)

    return make


# --- updates ---

_proved: dict[Any, set[str]] = {}
"""By an update's tree, placeholders of names that came with it, and a table's keys: the attributes that it spells."""


def _proving_once(whole: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def validate(validator: Any) -> Any:
        tree, names = validator.node_to_validate.copy_of, validator.expression_attribute_names or {}
        text = tree, tuple(names), tuple(validator.table.table_key_attrs)
        spelled, named = _proved.get(text), set(names.values())
        if spelled is not None and len(named) == len(names) and named.isdisjoint(spelled) and named.isdisjoint(text[2]):
            validator.processors = [each for each in validator.processors if not isinstance(each, _OF_THE_TEXT)]
        valid = whole(validator)
        if spelled is None:
            spells = [each for each in _nodes(tree) if isinstance(each, ExpressionAttribute)]
            _proved[text] = {each.get_attribute_name() for each in spells}
        return valid

    return validate


def _nodes(node: Any) -> Iterator[Any]:
    yield node
    for child in node.children or ():
        if isinstance(child, Node):
            yield from _nodes(child)


_walks: dict[tuple[Any, type[Any]], bool] = {}
"""By an update's tree and the kind of a walk through it: whether it could find anything there."""


def _walking_for_something(whole: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def traverse(walk: Any, tree: Any) -> Any:
        text = tree.copy_of, type(walk)
        if text not in _walks:
            kinds = walk.nodes_to_be_processed()
            # The one kind of node that comes about as others are processed, and that a walk looks for.
            _walks[text] = NoneExistingPath in kinds or any(isinstance(each, kinds) for each in _nodes(tree.copy_of))
        return whole(walk, tree) if _walks[text] else tree

    return traverse


def _copy_tree(node: Any, memo: dict[int, Any]) -> Any:
    """A tree of its own, of the same leaves; it knows of what it is the copy."""
    twin = _twig(node)
    twin.copy_of = node
    return twin


def _twig(node: Any) -> Any:
    twin = object.__new__(type(node))
    vars(twin).update(vars(node))
    if node.children is not None:
        twin.children = [_twig(child) if isinstance(child, Node) else child for child in node.children]
        for child in twin.children:
            if isinstance(child, Node):
                child.parent = twin
    return twin


def _asked_once(whole: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Which nodes a traverser processes is a matter of its class."""
    found: dict[type[Any], Any] = {}

    def processed(traverser: Any) -> Any:
        kind = type(traverser)
        if kind not in found:
            found[kind] = whole(traverser)
        return found[kind]

    return processed


# --- values and items ---


def _cast_quickly(whole: property) -> property:
    assert whole.fget
    cast = whole.fget
    return property(lambda value: value.value if value.type == DDBType.STRING else cast(value))


def _measure_quickly(whole: Callable[[Any], int]) -> Callable[[Any], int]:
    return lambda value: len(value.value.encode()) if value.type == DDBType.STRING else whole(value)


def _telling_quickly(whole: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """What the answer has of the tables is told in plain dictionaries and lists."""

    def told(value: Any) -> Any:
        kind = type(value)
        if kind is DynamoType and value.type not in (DDBType.BINARY, DDBType.BINARY_SET):
            return {value.type: told(value.value)}
        if kind is dict:
            return {name: told(each) for name, each in value.items()}
        if kind is list:
            return [told(each) for each in value]
        return value if kind in (str, int, float, bool, bytes) else whole(value)

    return told


def _make_item(item: Item, hash_key: DynamoType, range_key: DynamoType | None, attrs: dict[str, Any]) -> None:
    """As moto does, but the item's size is looked at when it is whole, and not again with each attribute."""
    item.hash_key, item.range_key = hash_key, range_key
    item.attrs = LimitedSizeDict()
    dict.update(item.attrs, {name: DynamoType(value) for name, value in attrs.items()})
    if sum(bytesize(name) + value.size() for name, value in item.attrs.items()) > _LARGEST_ITEM:
        raise ItemSizeTooLarge


def _copy_item(item: Item, memo: dict[int, Any]) -> Item:
    """Lists, maps and sets are changed in place; nothing else is, and is shared."""
    twin = Item.__new__(Item)
    twin.hash_key, twin.range_key, twin.attrs = item.hash_key, item.range_key, LimitedSizeDict()
    attrs = {
        name: copy.deepcopy(value, memo) if isinstance(value.value, list | dict) else value
        for name, value in item.attrs.items()
    }
    dict.update(twin.attrs, attrs)
    return twin


def _sum_of(one: DynamoType, other: DynamoType) -> DynamoType:
    """The sum of two numbers as DynamoDB writes it. What adds up to nothing moto makes `0E-11`, and cannot read."""
    return DynamoType({DDBType.NUMBER: f"{Decimal(one.value) + Decimal(other.value):f}"})


# --- tables ---

_asked: ContextVar[tuple[Table, DynamoType | None] | None] = ContextVar("asked", default=None)
"""The table that a query at work asks, and for which partition; for none if it asks an index."""


def _asking_for_little(whole: Callable[..., Any]) -> Callable[..., Any]:
    of = signature(whole)

    def query(*given: Any, **more: Any) -> Any:
        told = of.bind(*given, **more).arguments
        table, hash_key, index = (told.get(each) for each in _OF_A_QUERY)
        before = _asked.set((table, None if index else hash_key))
        try:
            return whole(*given, **more)
        finally:
            _asked.reset(before)

    return query


_OF_A_QUERY = ("self", "hash_key", "index_name")


def _only_what_is_asked_for(whole: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def items(table: Any) -> Any:
        asked = _asked.get()
        if asked is None or asked[0] is not table or not table.has_range_key:
            return whole(table)
        # A query brings them into order by itself.
        if asked[1] is not None:
            return list(table.items.get(asked[1], {}).values())
        return [item for partition in table.items.values() for item in partition.values()]

    return items


def _copying_little(whole: Callable[..., None]) -> Callable[..., None]:
    """A transaction that keeps, in case it is undone, only the items that it names: no other is changed."""

    def write(backend: DynamoDBBackend, transact_items: list[dict[str, Any]]) -> None:
        before = _changing.set([each["Key"] for item in transact_items for each in item.values() if "Key" in each])
        try:
            whole(backend, transact_items)
        finally:
            _changing.reset(before)

    return write


_changing: ContextVar[list[dict[str, Any]] | None] = ContextVar("changing", default=None)
"""Keys of the items that the transaction at work may change in place."""


def _copy_table(table: Table, memo: dict[int, Any]) -> Table:
    twin, changing = copy.copy(table), _changing.get()
    memo[id(table)] = twin
    if changing is None or not table.has_range_key:
        vars(twin).update(copy.deepcopy(vars(table), memo))
        return twin
    twin.items = copy.copy(table.items)
    twin.items.update({key: dict(partition) for key, partition in table.items.items()})
    for key in changing:
        if table.hash_key_attr in key and table.range_key_attr in key:
            partition = twin.items.get(DynamoType(key[table.hash_key_attr]), {})
            sort = DynamoType(key[table.range_key_attr])
            if sort in partition:
                partition[sort] = copy.deepcopy(partition[sort], memo)
    return twin


# At once: a test may lay something of its own over it, and take that away again. Nobody changes what was parsed:
# each call works on a copy.
spare(UpdateExpressionParser, "make", cache(UpdateExpressionParser.make))
spare(ConditionExpressionParser, "parse", _parsing_once(ConditionExpressionParser.parse))
spare(ConditionExpressionParser, "_make_operand", _naming_what_this_call_names(ConditionExpressionParser._make_operand))
spare(Validator, "validate", _proving_once(Validator.validate))
spare(Node, "__deepcopy__", _copy_tree)
spare(DepthFirstTraverser, "nodes_to_be_processed", _asked_once(DepthFirstTraverser.nodes_to_be_processed))
spare(DepthFirstTraverser, "traverse", _walking_for_something(DepthFirstTraverser.traverse))
spare(responses, "dynamo_to_dict", _telling_quickly(responses.dynamo_to_dict))
spare(DynamoType, "cast_value", _cast_quickly(DynamoType.cast_value))
spare(DynamoType, "size", _measure_quickly(DynamoType.size))
spare(DynamoType, "__add__", _sum_of)
spare(Item, "__init__", _make_item)
spare(Item, "__deepcopy__", _copy_item)
spare(Table, "query", _asking_for_little(Table.query))
spare(Table, "all_items", _only_what_is_asked_for(Table.all_items))
spare(Table, "__deepcopy__", _copy_table)
spare(DynamoDBBackend, "transact_write_items", _copying_little(DynamoDBBackend.transact_write_items))
