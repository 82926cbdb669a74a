"""The stack's table in moto."""

from __future__ import annotations

from functools import cache
from threading import Lock
from typing import Any

import boto3
from botocore import UNSIGNED
from botocore.config import Config

from tests.support.stand_ins.short_moto import REGION, shorten


@cache
def dynamodb_client() -> Any:
    """Clients are slow to make; moto answers whichever was made while it was on."""
    # Its name is put together anew for every call, and signing is for nobody here: a third of what a call takes.
    plain = Config(user_agent="lab", signature_version=UNSIGNED)
    client = boto3.client("dynamodb", region_name=REGION, config=plain)
    shorten(client)
    return client


def create_table(client: Any, table: str) -> None:
    """The table of the template: keys and indexes."""
    names = ["pk", "sk", "gsi1pk", "gsi1sk", "gsi2pk", "gsi2sk", "gsi3pk", "gsi3sk"]
    client.create_table(
        TableName=table,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in names],
        KeySchema=_keys("pk", "sk"),
        GlobalSecondaryIndexes=[
            {
                "IndexName": "by_created",
                "KeySchema": _keys("gsi1pk", "gsi1sk"),
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            },
            {
                "IndexName": "to_do",
                "KeySchema": _keys("gsi2pk", "gsi2sk"),
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            },
            {
                "IndexName": "marks",
                "KeySchema": _keys("gsi3pk", "gsi3sk"),
                "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["mark"]},
            },
        ],
    )


def all_items(table: str) -> list[dict[str, Any]]:
    """Whatever a small table holds."""
    return list(dynamodb_client().scan(TableName=table)["Items"])


def put_items(table: str, items: list[dict[str, Any]]) -> None:
    """Lay items into a table."""
    for item in items:
        dynamodb_client().put_item(TableName=table, Item=item)


def _keys(partition: str, sort: str) -> list[dict[str, str]]:
    return [{"AttributeName": partition, "KeyType": "HASH"}, {"AttributeName": sort, "KeyType": "RANGE"}]


class OneAtATime:
    """DynamoDB decides conditional writes one after the other; moto, in threads, needs to be told."""

    def __init__(self, client: Any) -> None:
        self._client, self._lock = client, Lock()

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._client, name)
        if name == "get_paginator":
            return real

        def call(**request: Any) -> Any:
            with self._lock:
                return real(**request)

        return call
