"""The secret: each way in which it holds no key pair is told apart, and no secret is ever shown."""

from __future__ import annotations

import json

import pytest

from desk.doctor.keys import secret_name
from tests.support.clinic import KEYS, Clinic

PUT = "repeg keys set"


def pair(key_id: object = KEYS["key_id"], secret_key: object = KEYS["secret_key"]) -> str:
    return json.dumps({"key_id": key_id, "secret_key": secret_key})


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (" ", "is empty"),
        ("PKABC:secret", "is not JSON"),
        ("[1]", "is not of the form"),
        (json.dumps({"APCA_API_KEY_ID": "PKABC"}), "is not of the form"),
        (pair(key_id=""), "is not filled in: there is nothing in key_id"),
        (pair(secret_key=""), "is not filled in: there is nothing in secret_key"),
        (pair(key_id="..."), "there is a placeholder in key_id"),
        (pair(key_id="<your key>"), "there is a placeholder in key_id"),
        (pair(key_id="YOUR_KEY_ID"), "there is a placeholder in key_id"),
        (pair(secret_key="xxxxxxxx"), "there is a placeholder in secret_key"),
        (pair(secret_key="change-me"), "there is a placeholder in secret_key"),
        (pair(key_id=KEYS["key_id"] + "\n"), "a line break"),
        (pair(secret_key=" " + KEYS["secret_key"]), "a blank"),
        (pair(key_id=17), "not text in key_id"),
        (pair(KEYS["secret_key"], KEYS["key_id"]), "swapped"),
    ],
)
def test_what_is_wrong_with_the_secret(clinic: Clinic, text: str, told: str) -> None:
    clinic.keys(text)
    found = clinic.look("keys")
    assert not found.ok and told in found.detail
    assert found.mend == PUT
    assert KEYS["secret_key"] not in found.detail


def test_a_secret_that_is_not_there(clinic: Clinic) -> None:
    clinic["secretsmanager"].delete_secret(SecretId="repeg/alpaca", ForceDeleteWithoutRecovery=True)
    found = clinic.look("keys")
    assert not found.ok and "does not exist" in found.detail and "another stack name" in str(found.mend)


def test_a_secret_without_a_value(clinic: Clinic) -> None:
    clinic["secretsmanager"].delete_secret(SecretId="repeg/alpaca", ForceDeleteWithoutRecovery=True)
    clinic.outputs["AlpacaSecretId"] = clinic["secretsmanager"].create_secret(Name="repeg/alpaca")["ARN"]
    found = clinic.look("keys")
    assert (found.detail, found.mend) == ("the secret repeg/alpaca is empty", PUT)


def test_a_secret_that_is_marked_for_deletion(clinic: Clinic) -> None:
    clinic["secretsmanager"].delete_secret(SecretId="repeg/alpaca")
    assert clinic.look("keys").mend == "aws secretsmanager restore-secret --secret-id repeg/alpaca"


def test_what_needs_the_keys_points_to_them(clinic: Clinic) -> None:
    clinic.keys("{}")
    for name in ("broker", "account", "clock", "data feed"):
        assert clinic.look(name).mend == "fix keys first", name


def test_the_name_of_a_secret() -> None:
    assert secret_name("arn:aws:secretsmanager:us-east-1:1:secret:repeg/alpaca-8ee37f") == "repeg/alpaca"
    assert secret_name("repeg/alpaca") == "repeg/alpaca"
