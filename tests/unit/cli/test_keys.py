from __future__ import annotations

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from desk.cli.main import run

STORED: dict[str, Any] = {}


@pytest.fixture(autouse=True)
def stack(monkeypatch: pytest.MonkeyPatch) -> None:
    STORED.clear()
    secrets = SimpleNamespace(put_secret_value=lambda **call: STORED.update(call))

    @contextmanager
    def reaching(name: str) -> Iterator[Any]:
        yield SimpleNamespace(secretsmanager=secrets, secret_id="repeg/alpaca", is_local=False, stack=name)

    monkeypatch.setattr("desk.cli.reaching.reaching", reaching)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_pair_is_asked_for_and_never_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", Terminal("PKABC\n"))
    monkeypatch.setattr("desk.cli.keys.getpass", lambda prompt: "s3cret ")
    assert run(["keys", "set", "--stack", "repeg-live"]) == 0
    assert STORED == {
        "SecretId": "repeg/alpaca",
        "SecretString": json.dumps({"key_id": "PKABC", "secret_key": "s3cret"}),
    }
    said = capsys.readouterr()
    assert "s3cret" not in said.out + said.err and "stack repeg-live" in said.err


def test_a_pair_is_taken_from_a_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO('{"key_id": "PKABC", "secret_key": "s3cret"}'))
    assert run(["keys", "set"]) == 0
    assert json.loads(STORED["SecretString"]) == {"key_id": "PKABC", "secret_key": "s3cret"}


@pytest.mark.parametrize(
    ("piped", "named"),
    [
        ("", "stdin"),
        ("[]", "stdin"),
        ('{"key_id": "x"}', "stdin"),
        ('{"key_id": 5, "secret_key": "y"}', "stdin"),
        ('{"key_id": "", "secret_key": "y"}', "key_id"),
        ('{"key_id": "x", "secret_key": "two words"}', "secret_key"),
    ],
)
def test_what_is_not_a_pair_changes_nothing(
    piped: str, named: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(piped))
    assert run(["keys", "set"]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"{named}: ") and said.count("\n") == 1
    assert not STORED
