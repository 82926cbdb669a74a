from __future__ import annotations

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
import typer

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


@pytest.fixture
def keyboard(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A person who types a pair; what was asked for, in order."""
    asked: list[str] = []

    def typed(prompt: str) -> str:
        asked.append(prompt)
        return "s3cret "

    monkeypatch.setattr("sys.stdin", Terminal("PKABC\n"))
    monkeypatch.setattr("desk.cli.keys.getpass", typed)
    return asked


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.usefixtures("keyboard")
def test_a_pair_is_asked_for_and_never_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["keys", "set", "--stack", "repeg-live"]) == 0
    assert STORED == {
        "SecretId": "repeg/alpaca",
        "SecretString": json.dumps({"key_id": "PKABC", "secret_key": "s3cret"}),
    }
    said = capsys.readouterr()
    assert "s3cret" not in said.out + said.err and "stack repeg-live" in said.err


@pytest.mark.usefixtures("keyboard")
def test_where_the_keys_will_go_is_said_before_they_are_typed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["keys", "set", "--stack", "repeg-live"]) == 0
    assert "stack repeg-live on AWS" in capsys.readouterr().err.splitlines()[0]


def test_nobody_types_a_secret_for_a_stack_that_is_not_there(
    keyboard: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreached(name: str) -> Any:
        raise typer.Exit(1)

    monkeypatch.setattr("desk.cli.reaching.reaching", unreached)
    assert run(["keys", "set"]) == 1
    assert keyboard == []


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
