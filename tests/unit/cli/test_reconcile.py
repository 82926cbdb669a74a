"""`repeg reconcile`, as an operator types it: what the function says, and by its exit code whether anything differs."""

from __future__ import annotations

import io
import json
from types import SimpleNamespace
from typing import Any

import pytest

from desk.cli import reaching
from desk.cli.main import run
from desk.positions.comparison import ComparisonFailed, compared

FOUND = {
    "what": "turn without an owner",
    "symbol": "TQQQ",
    "order_id": "ord-1",
    "name": None,
    "severity": "work",
    "heal": "release it",
    "detail": "ord-1 has the turn of TQQQ, and has no record",
}
AGREES: dict[str, Any] = {"drift": 0, "mended": 0, "findings": []}
DIFFERS: dict[str, Any] = {"drift": 1, "mended": 1, "findings": [FOUND]}


class Function:
    """The deployed function, which answers what it is told to."""

    def __init__(self, answer: Any, failed: bool = False) -> None:
        self.asked: list[tuple[str, Any]] = []
        self._answer = {"Payload": io.BytesIO(json.dumps(answer).encode())} | ({"FunctionError": "x"} if failed else {})
        self.connection: Any = SimpleNamespace(
            lambda_=self, function=lambda name: f"repeg-{name}", is_local=False, stack="repeg"
        )

    def invoke(self, FunctionName: str, Payload: bytes) -> Any:
        self.asked.append((FunctionName, json.loads(Payload)))
        return self._answer


@pytest.mark.parametrize("fix", [False, True])
@pytest.mark.parametrize(("answer", "code"), [(AGREES, 0), (DIFFERS, 1)], ids=["agrees", "differs"])
def test_the_exit_code_says_whether_anything_differs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], answer: dict[str, Any], code: int, fix: bool
) -> None:
    function = Function(answer)
    monkeypatch.setattr(reaching, "connect", lambda _: function.connection)
    assert run(["reconcile", "--json", *(["--fix"] if fix else [])]) == code
    assert json.loads(capsys.readouterr().out) == answer
    assert function.asked == [("repeg-reconcile_book", {"fix": fix})]


def test_a_person_reads_what_differs_and_what_to_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(reaching, "connect", lambda _: Function(DIFFERS).connection)
    monkeypatch.setenv("COLUMNS", "200")
    assert run(["reconcile"]) == 1
    said = capsys.readouterr()
    assert FOUND["what"] in said.out and str(FOUND["detail"]) in said.out
    assert "nothing was changed" in said.err and "--fix" in said.err
    monkeypatch.setattr(reaching, "connect", lambda _: Function(AGREES).connection)
    assert run(["reconcile"]) == 0
    assert "broker and store agree" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("answer", "failed", "why"),
    [
        ({"errorMessage": "keys: refused"}, True, "the comparison failed: keys: refused"),
        ({"drift": None, "why": "503"}, False, "the book was not compared: 503"),
        (None, True, "no reason is told"),
    ],
)
def test_no_comparison_is_no_agreement(answer: Any, failed: bool, why: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ComparisonFailed, match=why):
        compared(Function(answer, failed).connection, fix=False)
    monkeypatch.setattr(reaching, "connect", lambda _: Function(answer, failed).connection)
    assert run(["reconcile"]) == 1
