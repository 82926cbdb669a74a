"""The table's identity: made once, by whoever asks first, and the same for everybody."""

from __future__ import annotations

import re
from typing import Any

import pytest
from botocore.exceptions import ClientError

from repeg.store.identity import IdentityStore
from tests.support.tables import create_table


def test_is_made_once_and_kept(dynamodb: Any) -> None:
    create_table(dynamodb, "identity")
    first = IdentityStore(dynamodb, "identity").token()
    assert re.fullmatch(r"[0-9a-f]{8}", first)
    assert IdentityStore(dynamodb, "identity").token() == first


def test_another_table_is_somebody_else(dynamodb: Any) -> None:
    for name in ("one", "two"):
        create_table(dynamodb, name)
    assert IdentityStore(dynamodb, "one").token() != IdentityStore(dynamodb, "two").token()


def test_is_read_once_per_process(dynamodb: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    create_table(dynamodb, "identity")
    store = IdentityStore(dynamodb, "identity")
    token = store.token()
    monkeypatch.setattr(dynamodb, "get_item", None)
    assert store.token() == token


def test_two_that_make_it_at_once_agree(dynamodb: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    create_table(dynamodb, "identity")
    late, early = IdentityStore(dynamodb, "identity"), IdentityStore(dynamodb, "identity")
    real, tokens = dynamodb.put_item, []

    def put(**request: Any) -> Any:
        monkeypatch.setattr(dynamodb, "put_item", real)
        tokens.append(early.token())
        return real(**request)

    monkeypatch.setattr(dynamodb, "put_item", put)
    assert late.token() == tokens[0]


def test_a_table_that_does_not_answer_is_no_reason_to_go_without(dynamodb: Any) -> None:
    with pytest.raises(ClientError):
        IdentityStore(dynamodb, "nowhere").token()
