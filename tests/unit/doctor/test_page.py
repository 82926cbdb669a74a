"""What a person sees: one line for each check, the mend below it, and at the end what it comes to."""

from __future__ import annotations

import io

from rich.console import Console

from desk.cli.doctor import page
from desk.doctor.findings import Cost, Diagnosis, Finding

FINE = Finding("mode", True, "paper, at https://paper-api.alpaca.markets")
ASKED = Finding("broker", True, "answers in 84 ms", cost=Cost(1, 2, 0.1))
REFUSED = Finding("keys", False, "the broker refuses the keys", "put others into the secret")
BEHIND = Finding("account", False, "not known: fix keys first", "fix keys first", behind="keys")


def shown(*findings: Finding, width: int = 100) -> list[str]:
    screen = Console(file=io.StringIO(), width=width, highlight=False, markup=False)
    screen.print(page(Diagnosis(findings, Cost(1, 22, 0.84)), width), crop=False)
    assert isinstance(screen.file, io.StringIO)
    return [line.rstrip() for line in screen.file.getvalue().splitlines()]


def test_all_ok_is_one_line_each_with_its_cost() -> None:
    _, mode, broker, blank, verdict, took = shown(FINE, ASKED)
    assert mode.split()[:3] == ["mode", "ok", "paper,"] and "mend" not in mode
    assert broker.split()[-2:] == ["1", "2"]
    assert (blank, verdict) == ("", "all ok")
    assert took == "1 trading request, 22 AWS calls, 0.8 s; nothing was sent or changed"


def test_the_mend_stands_below_what_is_not_ok() -> None:
    lines = shown(FINE, REFUSED, BEHIND)
    [at] = [number for number, line in enumerate(lines) if line.startswith("keys")]
    assert "not ok" in lines[at] and lines[at + 1].strip() == "fix: put others into the secret"


def test_what_only_follows_is_counted_and_not_repeated() -> None:
    lines = shown(REFUSED, BEHIND)
    assert sum("fix: " in line for line in lines) == 1
    assert lines[-2] == "not ok: keys, and 1 not known until then"


def test_a_long_mend_stays_on_one_line_to_be_copied() -> None:
    command = "aws secretsmanager put-secret-value --secret-id repeg/alpaca --secret-string " + "x" * 60
    lines = shown(Finding("keys", False, "empty", command), width=80)
    assert f"fix: {command}" in "\n".join(lines)
    assert all(len(line) <= 80 for line in lines if "fix: " not in line)


def test_brackets_in_a_detail_are_text() -> None:
    assert "[red]" in "".join(shown(Finding("keys", False, "has [red] in it", "mend it")))
