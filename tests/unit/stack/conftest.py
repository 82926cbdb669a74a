from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from repeg.store.orders import OrderStore
from tests.support.stand_ins.tables import create_table

TABLE = "repeg"


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        yield


@pytest.fixture
def store(aws: None) -> OrderStore:
    client: Any = boto3.client("dynamodb")
    create_table(client, TABLE)
    return OrderStore(client, TABLE)
