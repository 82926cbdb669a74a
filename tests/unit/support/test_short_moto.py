"""The short way to moto's tables answers as the long one does, errors too, and leaves the same tables behind.

So does moto with what it is spared as it does by itself.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.support.stand_ins.short_moto import REGION, quick_aws, shorten
from tests.support.stand_ins.spared_moto import unspared
from tests.support.stand_ins.tables import create_table

Call = tuple[str, dict[str, Any]]
TABLE = "t"
ALL = {":pk": {"S": "p"}}
PARTITION: dict[str, Any] = {"KeyConditionExpression": "pk = :pk", "ExpressionAttributeValues": ALL}


def _key(number: int, pk: str = "p") -> dict[str, Any]:
    return {"pk": {"S": pk}, "sk": {"S": f"{number:02}"}}


def _put(number: int, **values: Any) -> Call:
    return "put_item", {"Item": _key(number) | {"gsi1pk": {"S": "all"}, "gsi1sk": {"S": f"{9 - number}"}} | values}


def _in_table(kind: str, **given: Any) -> dict[str, Any]:
    return {kind: {"TableName": TABLE} | given}


def _together(*items: dict[str, Any]) -> Call:
    return "transact_write_items", {"TransactItems": list(items)}


EVERY_TYPE = {
    "amount": {"N": "100000000000000000000.10"},
    "blob": {"B": b"\x00\xff\xfe{}"},
    "flag": {"BOOL": False},
    "nothing": {"NULL": True},
    "empty": {"S": ""},
    "list": {"L": [{"N": "-1"}, {"M": {"inner": {"S": "é\n"}, "blob": {"B": b"1"}}}, {"L": []}]},
    "strings": {"SS": ["a", "b"]},
    "numbers": {"NS": ["1", "2.50"]},
    "blobs": {"BS": [b"a", b"\x80"]},
}
FREE = {"ConditionExpression": "attribute_not_exists(pk)"}
VERSION = {
    "Key": _key(1),
    "UpdateExpression": "SET version = version + :one, #w = if_not_exists(#w, :one) REMOVE gone",
    "ConditionExpression": "version = :was OR attribute_not_exists(version)",
    "ExpressionAttributeNames": {"#w": "when"},
}


def _version(was: str, **more: Any) -> Call:
    return "update_item", VERSION | {"ExpressionAttributeValues": {":one": {"N": "1"}, ":was": {"N": was}}} | more


def _counts(names: dict[str, str], **values: dict[str, Any]) -> Call:
    given: dict[str, Any] = {
        "UpdateExpression": "SET spelled = if_not_exists(spelled, :one) + :one ADD #a :one, #b :b REMOVE #c",
        "ConditionExpression": "NOT #b.#c = :b AND (attribute_not_exists(#a) OR #a BETWEEN :b AND :one OR #a >= :one)",
        "ExpressionAttributeNames": names,
        "ExpressionAttributeValues": {":one": {"N": "1"}, ":b": {"N": "2.5"}} | values,
    }
    return "update_item", {"Key": _key(1), "ReturnValues": "ALL_NEW"} | given


def _appends(names: dict[str, str], **values: dict[str, Any]) -> Call:
    given: dict[str, Any] = {
        "UpdateExpression": "SET #l = list_append(#l, :l), #m.#in = :v REMOVE #l[0] ADD #s :s",
        "ExpressionAttributeNames": names,
        "ExpressionAttributeValues": {":l": {"L": [{"N": "1"}]}, ":v": {"S": "v"}, ":s": {"SS": ["x"]}} | values,
    }
    return "update_item", {"Key": _key(1), "ReturnValues": "UPDATED_OLD"} | given


def _page(limit: int, after: dict[str, Any] | None = None, **more: Any) -> Call:
    given = PARTITION | {"Limit": limit} | more
    return "query", given | ({"ExclusiveStartKey": after} if after else {})


def _by_created(**more: Any) -> Call:
    values = {":pk": {"S": "all"}}
    given = {"KeyConditionExpression": "gsi1pk = :pk", "ExpressionAttributeValues": values, "ScanIndexForward": False}
    return "query", {"IndexName": "by_created"} | given | more


CALLS: dict[str, list[Call]] = {
    "every type, written and read": [
        _put(1, **EVERY_TYPE),
        ("get_item", {"Key": _key(1), "ConsistentRead": True}),
        ("get_item", {"Key": _key(2)}),
        ("get_item", {"Key": _key(1), "ProjectionExpression": "blob, #l", "ExpressionAttributeNames": {"#l": "list"}}),
        ("put_item", {"Item": _key(1), "ReturnValues": "ALL_OLD"}),
        ("get_item", {"Key": _key(1), "ReturnConsumedCapacity": "TOTAL"}),
    ],
    "conditions that hold, and that do not": [
        ("put_item", {"Item": _key(1) | {"version": {"N": "1"}, "gone": {"S": "x"}}} | FREE),
        ("put_item", {"Item": _key(1)} | FREE),
        ("put_item", {"Item": _key(1), "ReturnValuesOnConditionCheckFailure": "ALL_OLD"} | FREE),
        _version("1", ReturnValues="ALL_NEW"),
        _version("1", ReturnValues="UPDATED_OLD"),
        _version("1", ReturnValuesOnConditionCheckFailure="ALL_OLD"),
        _version("2", ReturnValues="UPDATED_NEW"),
        ("delete_item", {"Key": _key(1), "ConditionExpression": "attribute_exists(gone)"}),
        ("delete_item", {"Key": _key(1), "ReturnValues": "ALL_OLD"}),
        ("delete_item", {"Key": _key(1)}),
        ("delete_item", {"Key": _key(1), "ConditionExpression": "attribute_exists(pk)"}),
    ],
    "the same text, with other names and values": [
        _counts({"#a": "x", "#b": "y", "#c": "z"}),
        _counts({"#a": "x", "#b": "y", "#c": "z"}, **{":b": {"N": "-2.5"}}),
        *[_counts({"#a": f"x{number}", "#b": f"y{number}", "#c": "z"}) for number in range(8)],
        _counts({"#a": "y", "#b": "x", "#c": "z"}, **{":one": {"N": "0.5"}}),
        _counts({"#a": "x", "#b": "x", "#c": "z"}),
        _counts({"#a": "x", "#b": "spelled", "#c": "z"}),
        _counts({"#a": "x", "#b": "y", "#c": "pk"}),
        _counts({"#a": "x", "#b": "y"}),
        _counts({"#a": "x", "#b": "y", "#c": "z", "#d": "unused"}),
        _counts({"#a": "x", "#b": "y", "#c": "z"}, **{":d": {"N": "1"}}),
        _counts({"#a": "gsi1pk", "#b": "y", "#c": "z"}),
    ],
    "what is changed in place, and what is put back": [
        _put(1, l={"L": []}, m={"M": {}}, s={"SS": ["a"]}),
        _appends({"#l": "l", "#m": "m", "#in": "in", "#s": "s"}),
        _appends({"#l": "l", "#m": "m", "#in": "other", "#s": "s"}, **{":s": {"SS": ["x", "y"]}}),
        _appends({"#l": "l", "#m": "none", "#in": "in", "#s": "s"}),
        _appends({"#l": "s", "#m": "m", "#in": "in", "#s": "s"}),
        _together(
            _in_table(
                "Update",
                **{
                    k: v
                    for k, v in _appends({"#l": "l", "#m": "m", "#in": "in", "#s": "s"}, **{":s": {"SS": ["lost"]}})[
                        1
                    ].items()
                    if k != "ReturnValues"
                },
            ),
            _in_table("Put", Item=_key(1, "another")),
            _in_table("ConditionCheck", Key=_key(3), ConditionExpression="attribute_exists(pk)"),
        ),
        ("get_item", {"Key": _key(1)}),
        (
            "update_item",
            {
                "Key": _key(1),
                "UpdateExpression": "SET huge = :h",
                "ExpressionAttributeValues": {":h": {"S": "x" * 410_000}},
            },
        ),
        _put(2, huge={"S": "é" * 210_000}),
    ],
    "a blob as a condition": [
        _put(1, blob={"B": b"\x01\x02"}),
        *[
            (
                "delete_item",
                {"Key": _key(1), "ConditionExpression": "blob = :b", "ExpressionAttributeValues": {":b": b}},
            )
            for b in ({"B": b"\x01\x03"}, {"B": b"\x01\x02"})
        ],
    ],
    "several writes together, or none of them": [
        _put(1, version={"N": "1"}),
        _together(
            _in_table("Put", Item=_key(2), **FREE),
            _in_table("Update", **VERSION | {"ExpressionAttributeValues": {":one": {"N": "1"}, ":was": {"N": "1"}}}),
            _in_table("ConditionCheck", Key=_key(3), ConditionExpression="attribute_not_exists(pk)"),
        ),
        _together(
            _in_table("Put", Item=_key(4)),
            _in_table("Delete", Key=_key(1)),
            _in_table("Put", Item=_key(2), ReturnValuesOnConditionCheckFailure="ALL_OLD", **FREE),
            _in_table("ConditionCheck", Key=_key(3), ConditionExpression="attribute_exists(pk)"),
        ),
        _together(
            _in_table("Update", **VERSION | {"ExpressionAttributeValues": {":one": {"N": "1"}, ":was": {"N": "2"}}}),
            _in_table("ConditionCheck", Key=_key(3), ConditionExpression="attribute_exists(pk)"),
        ),
        _together(_in_table("Put", Item=_key(5)), _in_table("Delete", Key=_key(5))),
        _together(_in_table("Delete", Key=_key(1)), {"Put": {"TableName": "no such", "Item": _key(6)}}),
        _together(_in_table("Delete", Key=_key(2)), _in_table("Put", Item=_key(7))),
    ],
    "pages": [
        *[_put(number, blob={"B": bytes([number])}) for number in range(1, 6)],
        _page(2),
        _page(2, _key(2)),
        _page(2, _key(4)),
        _page(5),
        _page(9, ScanIndexForward=False, ConsistentRead=True),
        _page(3, ProjectionExpression="sk"),
        _page(9, Select="COUNT"),
        _page(9, FilterExpression="blob > :b", ExpressionAttributeValues=ALL | {":b": {"B": b"\x03"}}),
        _page(
            9,
            KeyConditionExpression="pk = :pk AND begins_with(sk, :s)",
            ExpressionAttributeValues=ALL | {":s": {"S": "0"}},
        ),
        _by_created(Limit=2),
        _by_created(Limit=9, ExclusiveStartKey=_key(2) | {"gsi1pk": {"S": "all"}, "gsi1sk": {"S": "7"}}),
        ("query", PARTITION | {"ExpressionAttributeValues": {":pk": {"S": "nobody"}}}),
    ],
    "several at once": [
        _put(1, blob={"B": b"\xf0"}),
        _put(2),
        ("batch_get_item", {"RequestItems": {TABLE: {"Keys": [_key(2), _key(1), _key(3)], "ConsistentRead": True}}}),
        ("batch_get_item", {"RequestItems": {TABLE: {"Keys": [_key(1), _key(1)]}}}),
    ],
    "what is refused": [
        ("get_item", {"TableName": "no such", "Key": _key(1)}),
        ("get_item", {"Key": {"pk": {"S": "p"}}}),
        ("put_item", {"Item": {"pk": {"S": "p"}}}),
        ("put_item", {"Item": _key(1) | {"pk": {"S": ""}}}),
        ("update_item", {"Key": _key(1), "UpdateExpression": "SET a = :unknown"}),
        (
            "update_item",
            {"Key": _key(1), "UpdateExpression": "SET pk = :v", "ExpressionAttributeValues": {":v": ALL[":pk"]}},
        ),
        ("query", PARTITION | {"KeyConditionExpression": "sk = :pk"}),
        ("query", PARTITION | {"IndexName": "no such"}),
    ],
}


@pytest.mark.parametrize("calls", CALLS.values(), ids=CALLS.keys())
def test_the_short_way_answers_as_the_long_one(calls: list[Call]) -> None:
    assert _answers(calls, short=True) == _answers(calls, short=False)


@pytest.mark.parametrize("calls", CALLS.values(), ids=CALLS.keys())
def test_moto_answers_as_it_does_by_itself(calls: list[Call]) -> None:
    # Twice: what is known from the first time is used in the second.
    spared = [_answers(calls, short=False) for _ in range(2)]
    with unspared():
        assert spared == 2 * [_answers(calls, short=False)]


def test_only_what_is_refused_goes_the_long_way() -> None:
    answers = _answers([call for calls in CALLS.values() for call in calls], short=True)
    refused = [answer for answer, _ in answers if "Error" in answer]
    assert len(_client(short=True)[1]) == len(refused) < len(answers) / 2


def _answers(calls: list[Call], *, short: bool) -> list[tuple[dict[str, Any], Any]]:
    """What each call answered, and what the table held after it."""
    with quick_aws():
        client, sent = _client(short=short)
        create_table(client, TABLE)
        sent.clear()
        return [(_answer(client, *call), _client(short=False)[0].scan(TableName=TABLE)["Items"]) for call in calls]


@cache
def _client(*, short: bool) -> tuple[Any, list[str]]:
    """A client, and the calls that it sent as requests."""
    client, sent = boto3.client("dynamodb", REGION, aws_access_key_id="t", aws_secret_access_key="t"), []
    client.meta.events.register("before-send.dynamodb", lambda event_name, **_: sent.append(event_name))
    if short:
        shorten(client)
    return client, sent


def _answer(client: Any, name: str, given: dict[str, Any]) -> dict[str, Any]:
    table = {} if name in {"batch_get_item", "transact_write_items"} else {"TableName": TABLE}
    try:
        answer: dict[str, Any] = getattr(client, name)(**table | given)
    except ClientError as error:
        answer = dict(error.response)
    except KeyError as error:
        # moto itself is at a loss.
        answer = {"Error": str(error), "ResponseMetadata": {"HTTPStatusCode": 500}}
    return {"status": answer.pop("ResponseMetadata")["HTTPStatusCode"], **answer}
