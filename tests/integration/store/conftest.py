"""An order store on an empty table, per test."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest

from repeg.store.orders import OrderStore
from repeg.store.shared import SharedStore
from tests.support.stand_ins.short_moto import quick_aws
from tests.support.stand_ins.tables import create_table, dynamodb_client

_NUMBERS = count(1)


@pytest.fixture
def dynamodb(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with quick_aws():
        yield dynamodb_client()


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
