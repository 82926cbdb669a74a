from __future__ import annotations

from dataclasses import replace

import pytest

from desk.cli import reaching
from tests.support.clinic import Clinic
from tests.unit.cli.conftest import Repeg

URL = "https://abc.lambda-url.us-east-1.on.aws/"


@pytest.fixture
def on(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> Clinic:
    """Deployed with signals by HTTP."""
    connection = clinic.case.connection
    connection.secretsmanager.create_secret(Name="repeg/webhook", SecretString="first")
    outputs = connection.outputs | {"WebhookUrl": URL, "WebhookSecretId": "repeg/webhook"}
    monkeypatch.setattr(reaching, "connect", lambda _: replace(connection, outputs=outputs))
    return clinic


@pytest.mark.usefixtures("on")
def test_the_address_and_its_secret_are_shown_and_exchanged(repeg: Repeg) -> None:
    assert repeg("webhook", "--json")[:2] == (0, {"url": URL, "secret": "first"})
    code, said, told = repeg("webhook", "--new-secret")
    address, secret = said.splitlines()
    assert (code, address) == (0, f"url     {URL}")
    assert len(secret.removeprefix("secret  ")) == 48 and secret.removeprefix("secret  ").isalnum()
    assert "show them to nobody" in told
    assert repeg("webhook")[1] == said


def test_where_it_is_off_that_is_said_with_the_mend(repeg: Repeg) -> None:
    code, said, told = repeg("webhook")
    assert (code, said) == (1, "") and "deploy with SignalWebhook=on" in told
