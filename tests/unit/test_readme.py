"""What the README tells people to type exists: commands, options, tasks, files, signals and links."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import typer

from desk.cli.main import app
from desk.stack.signal_files import read_signals

PROJECT = Path(__file__).resolve().parents[2]
README = (PROJECT / "README.md").read_text()
BLOCKS = re.findall(r"^( *)```(\w*)\n(.*?)^\1```$", README, re.MULTILINE | re.DOTALL)
LINES = [
    line.split(" #")[0].strip()
    for _, language, block in BLOCKS
    if not language
    for line in block.replace("\\\n", " ").splitlines()
    if line.strip()
]
COMMANDS = sorted({match[1] for line in LINES if (match := re.match(r"(?:.*\| )?((?:\.venv/bin/)?repeg .*)", line))})
SIGNALS = [match[1] for line in LINES if (match := re.match(r"echo '(.*)' \| repeg send -", line))]


def _parse(arguments: list[str]) -> None:
    """Raises what a user would get to read, if the command line does not take these words."""
    command = typer.main.get_command(app)
    context = command.make_context("repeg", list(arguments))
    while hasattr(command, "resolve_command"):
        _, found, arguments = command.resolve_command(
            context, [*getattr(context, "_protected_args", ()), *context.args]
        )
        assert found is not None
        command, context = found, found.make_context(found.name, list(arguments), parent=context)


@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_is_one(line: str) -> None:
    _parse(shlex.split(line)[1:])


def test_a_command_that_is_none_is_noticed() -> None:
    with pytest.raises(Exception, match="frobnicate"):
        _parse(["settings", "frobnicate"])
    with pytest.raises(Exception, match="--colour"):
        _parse(["orders", "--colour", "red"])
    assert len(COMMANDS) > 15 and len(SIGNALS) > 3


@pytest.mark.parametrize("signal", SIGNALS)
def test_every_signal_would_be_taken(signal: str) -> None:
    assert len(read_signals(signal)) == 1


def test_no_signal_takes_the_id_of_another() -> None:
    ids = [read_signals(signal)[0].signal_id for signal in SIGNALS]
    assert len(set(ids)) == len(ids)


def test_every_task_exists() -> None:
    makefile = (PROJECT / "Makefile").read_text()
    for task in {line.split()[1] for line in LINES if line.startswith("make ")}:
        assert re.search(rf"^{re.escape(task)}:", makefile, re.MULTILINE), task


def test_every_file_that_is_named_exists() -> None:
    named = set(re.findall(r"(?<![\w./-])((?:events|examples|docs|desk|statemachines)/[\w./-]+\.\w+)", README))
    assert len(named) > 8
    assert [path for path in sorted(named) if not (PROJECT / path).exists()] == []


def test_every_link_leads_somewhere() -> None:
    for file, anchor in re.findall(r"\]\((?!https?:)([^)#]*)(#[^)]*)?\)", README):
        target = PROJECT / (file or "README.md")
        assert target.exists(), file
        if anchor:
            titles = re.findall(r"^#+ (.*)$", target.read_text(), re.MULTILINE)
            assert anchor[1:] in {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}, anchor
