"""The command line as an operator types it, beside a stack on AWS as moto plays it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from desk.cli import reaching
from desk.cli.main import run
from tests.support.clinic import Clinic, open_clinic

Repeg = Callable[..., tuple[int, Any, str]]


@pytest.fixture
def clinic(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Clinic]:
    """The stack that every command finds."""
    with open_clinic(monkeypatch, tmp_path) as opened:
        monkeypatch.setattr(reaching, "connect", lambda _: opened.case.connection)
        yield opened


@pytest.fixture
def repeg(clinic: Clinic, capsys: pytest.CaptureFixture[str]) -> Repeg:
    """Its exit code, what it said (as read from JSON where that was asked for), and what it said of errors."""

    def call(*arguments: str) -> tuple[int, Any, str]:
        code = run(list(arguments))
        said = capsys.readouterr()
        return code, json.loads(said.out) if "--json" in arguments and said.out else said.out, said.err

    return call
