"""An order store on an empty table, per test."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import count
from typing import Any

import boto3
import pytest
from moto import mock_aws

from repeg.store.orders import OrderStore
from repeg.store.shared import SharedStore
from tests.support.tables import create_table

_NUMBERS = count(1)


@pytest.fixture
def dynamodb(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        yield _client()


@cache
def _client() -> Any:
    """Clients are slow to make; moto answers whichever was made while it was on."""
    return boto3.client("dynamodb", region_name="us-east-1")


@pytest.fixture
def table(dynamodb: Any) -> str:
    name = f"store-{next(_NUMBERS)}"
    create_table(dynamodb, name)
    return name


@pytest.fixture
def store(dynamodb: Any, table: str) -> OrderStore:
    return OrderStore(dynamodb, table)


@pytest.fixture
def market(dynamodb: Any, table: str) -> SharedStore:
    return SharedStore(dynamodb, table)
