"""What README and guides tell people to type exists: commands, options, tasks, files, signals and links."""

from __future__ import annotations

import re
import shlex
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest
import typer

from desk.cli.main import make_app
from desk.stack.signal_files import read_signals

PROJECT = Path(__file__).resolve().parents[3]
README = PROJECT / "README.md"
PAGES = [README, *sorted((PROJECT / "docs").glob("*.md"))]
GUIDES = [
    README,
    *(PROJECT / "docs" / f"{name}.md" for name in ("guide", "report", "deploy", "runbook", "performance", "exchange")),
]
MOST_LINES_OF_README = 200

FENCED = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
TYPED = ("", "bash", "console")
"""Languages of what is typed into a shell."""
REPEG = re.compile(r"(?:^|.*\| |.*\$\()((?:\.venv/bin/)?repeg [^|)]*)")


@cache
def _text(page: Path) -> str:
    return page.read_text(encoding="utf-8")


class Line(NamedTuple):
    """A line that people are to type, and where they read it."""

    page: Path
    text: str


def _lines(page: Path) -> list[Line]:
    blocks = [block for _, language, block in FENCED.findall(_text(page)) if language in TYPED]
    typed = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    return [Line(page, text) for line in typed if (text := line.split(" #")[0].strip().removeprefix("$ "))]


def _inline(page: Path) -> list[str]:
    """Commands in running text, which may be broken over two lines there."""
    text = FENCED.sub("", _text(page))
    return [" ".join(code.split()) for code in re.findall(r"`((?:repeg|make) [^`]+)`", text)]


LINES = [line for page in GUIDES for line in _lines(page)]
IN_BLOCKS = [match[1].strip() for line in LINES if (match := REPEG.match(line.text))]
INLINE = [code for page in GUIDES for code in _inline(page)]
COMMANDS = sorted(set(IN_BLOCKS))
NAMED = sorted({code for code in INLINE if code.startswith("repeg ")} - set(COMMANDS))
SIGNALS = [match[1] for line in LINES if (match := re.match(r"echo '(.*)' \| repeg send -", line.text))]


def _parse(arguments: list[str]) -> None:
    """Raises what a user would get to read, if the command line does not take these words."""
    command = typer.main.get_command(make_app())
    context = command.make_context("repeg", list(arguments))
    while hasattr(command, "resolve_command"):
        words = [*getattr(context, "_protected_args", ()), *context.args]
        if not words and command.invoke_without_command:
            return
        _, found, arguments = command.resolve_command(context, words)
        assert found is not None
        command, context = found, found.make_context(found.name, list(arguments), parent=context)


def _filled_in(line: str) -> str:
    """With something in place of what the reader is to put there."""
    placed = re.sub(r"<[^>]*>", "anything", line)
    return re.sub(r"\bTIME\b", "2026-11-20T09:25:00-05:00", placed)


@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_is_one(line: str) -> None:
    _parse(shlex.split(_filled_in(line))[1:])


@pytest.mark.parametrize("line", NAMED)
def test_every_command_in_running_text_is_one(line: str) -> None:
    try:
        _parse(shlex.split(_filled_in(line))[1:])
    except Exception as error:
        if type(error).__name__ != "MissingParameter":  # there a command may be called by its name alone
            raise


def test_a_command_that_is_none_is_noticed() -> None:
    with pytest.raises(Exception, match="frobnicate"):
        _parse(["settings", "frobnicate"])
    with pytest.raises(Exception, match="--colour"):
        _parse(["orders", "--colour", "red"])
    assert len(COMMANDS) > 30 and len(NAMED) > 5 and len(SIGNALS) > 7


@pytest.mark.parametrize("page", GUIDES, ids=lambda page: page.name)
def test_commands_of_every_guide_are_seen(page: Path) -> None:
    assert any(re.match(r"(.*\| )?(make |(\.venv/bin/)?repeg )", line.text) for line in _lines(page))


@pytest.mark.parametrize("signal", SIGNALS)
def test_every_signal_would_be_taken(signal: str) -> None:
    assert len(read_signals(signal)) == 1


def test_no_signal_takes_the_id_of_another() -> None:
    ids = [read_signals(signal)[0].signal_id for signal in SIGNALS]
    assert len(set(ids)) == len(ids)


def test_every_task_exists() -> None:
    makefile = (PROJECT / "Makefile").read_text()
    typed = [line.text for line in LINES] + INLINE
    tasks = {match[1] for line in typed if (match := re.match(r"(?:\w+=\S+ )*make (?:\w+=\S+ )*([\w./-]+)", line))}
    assert tasks >= {"demo", "test", "lint", "bench", "local", "down", "rehearse", "deploy"}
    for task in tasks:
        assert re.search(rf"^{re.escape(task)}:", makefile, re.MULTILINE), task


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_file_that_is_named_exists(page: Path) -> None:
    named = re.findall(
        r"(?<![\w./-])((?:events|examples|docs|desk|statemachines|functions|layers|tests)/[\w./-]+\.\w+)",
        _text(page),
    )
    assert [path for path in sorted(set(named)) if not (PROJECT / path).exists()] == []


def test_files_are_named_at_all() -> None:
    named = {
        name for page in GUIDES for name in re.findall(r"(?:events|examples|docs|desk)/[\w./-]+\.\w+", _text(page))
    }
    assert len(named) > 12


@cache
def _anchors(page: Path) -> set[str]:
    titles = re.findall(r"^#+ (.*)$", FENCED.sub("", _text(page)), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    for file, anchor in re.findall(r"\]\((?!https?:)([^)#]*)(#[^)]*)?\)", _text(page)):
        target = page.parent / file if file else page
        assert target.exists(), file
        assert not anchor or anchor[1:] in _anchors(target), f"{file}{anchor}"


def test_every_page_is_found_from_the_readme() -> None:
    linked = {(PROJECT / file).resolve() for file in re.findall(r"\]\((docs/[^)#]*)", _text(README))}
    assert linked >= set(PAGES[1:])


def test_the_readme_is_short() -> None:
    assert len(_text(README).splitlines()) <= MOST_LINES_OF_README
