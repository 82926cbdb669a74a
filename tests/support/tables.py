"""The stack's table in moto."""

from __future__ import annotations

from functools import cache
from typing import Any

import boto3
from botocore.config import Config


@cache
def dynamodb_client() -> Any:
    """Clients are slow to make; moto answers whichever was made while it was on."""
    # Named, since botocore puts its usual name together for every call: a quarter of what a call takes here.
    return boto3.client("dynamodb", region_name="us-east-1", config=Config(user_agent="lab"))


def create_table(client: Any, table: str) -> None:
    """The table of the template: keys and indexes."""
    names = ["pk", "sk", "gsi1pk", "gsi1sk", "gsi2pk", "gsi2sk"]
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
        ],
    )


def _keys(partition: str, sort: str) -> list[dict[str, str]]:
    return [{"AttributeName": partition, "KeyType": "HASH"}, {"AttributeName": sort, "KeyType": "RANGE"}]
