"""What a local cloud holds, over a stop: both halves or none, and nothing that the wall's time has made false."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from desk.cloud.keeping import close_intake, is_kept, keep, put_back
from desk.stack.intake import is_on, mappings_of
from desk.stack.place import Place
from tests.support.clinic import STACK, Clinic, open_clinic


@pytest.fixture
def clinic(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Clinic]:
    with open_clinic(monkeypatch, tmp_path) as opened:
        yield opened


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """Of a cloud whose exchange has just ended."""
    found = Place(tmp_path)
    found.kept_exchange.parent.mkdir()
    _exchange_wrote(found, b"new")
    return found


def _exchange_wrote(place: Place, state: bytes) -> None:
    place.kept_exchange.with_name("exchange.state.new").write_bytes(state)


def _items(clinic: Clinic) -> list[dict[str, Any]]:
    found = clinic["dynamodb"].scan(TableName=STACK)["Items"]
    return sorted(found, key=lambda item: (item["pk"]["S"], item["sk"]["S"]))


def _put(clinic: Clinic, pk: str, sk: str) -> dict[str, Any]:
    item = {"pk": {"S": pk}, "sk": {"S": sk}, "version": {"N": "7"}}
    clinic["dynamodb"].put_item(TableName=STACK, Item=item)
    return item


def _waiting(clinic: Clinic, url: str) -> list[tuple[str, str]]:
    answer = clinic["sqs"].receive_message(QueueUrl=url, MaxNumberOfMessages=10, AttributeNames=["All"])
    return [(message["Body"], message["Attributes"]["MessageGroupId"]) for message in answer.get("Messages", [])]


def _deployed_anew(clinic: Clinic) -> None:
    for item in _items(clinic):
        clinic["dynamodb"].delete_item(TableName=STACK, Key={name: item[name] for name in ("pk", "sk")})
    clinic["ssm"].delete_parameter(Name="/overrides")


def test_a_new_stack_goes_on_with_what_the_one_before_held(clinic: Clinic, place: Place) -> None:
    orders = [_put(clinic, f"ORDER#{number:02}", "ORDER") for number in range(30)]
    _put(clinic, "MARKET", "CLOCK")
    clinic.override('{"max_repegs": 3}')
    was_on = close_intake(clinic.case.connection)
    assert was_on and not any(is_on(mapping) for mapping in mappings_of(clinic.case.connection))
    clinic.send(clinic.queue_url, "first")
    clinic.send(clinic.queue_url, "second")
    clinic.send(clinic.dlq_url, "refused")
    assert not is_kept(place)
    assert keep(place, clinic.case.connection, was_on) and is_kept(place)
    assert place.kept_exchange.read_bytes() == b"new"
    _deployed_anew(clinic)
    assert not _waiting(clinic, clinic.queue_url)
    put_back(place, clinic.case.connection)
    assert _items(clinic) == orders
    assert [body for body, _ in _waiting(clinic, clinic.queue_url)] == ["first", "second"]
    assert _waiting(clinic, clinic.dlq_url) == [("refused", "any")]
    assert clinic["ssm"].get_parameter(Name="/overrides")["Parameter"]["Value"] == '{"max_repegs": 3}'


def test_an_intake_that_was_paused_stays_so(clinic: Clinic, place: Place) -> None:
    connection = clinic.case.connection
    assert keep(place, connection, intake_was_on=False)
    assert any(is_on(mapping) for mapping in mappings_of(connection))
    put_back(place, connection)
    assert not any(is_on(mapping) for mapping in mappings_of(connection))


def test_without_the_exchanges_half_nothing_is_kept_and_what_was_stays(clinic: Clinic, place: Place) -> None:
    """Records of an exchange that died hold positions that the one kept before has never heard of."""
    assert keep(place, clinic.case.connection, True)
    before = place.kept_stack.read_text()
    _put(clinic, "ORDER#1", "ORDER")
    assert not keep(place, clinic.case.connection, True)
    assert (place.kept_stack.read_text(), place.kept_exchange.read_bytes()) == (before, b"new")
