"""The execution test cards: each names tests that exist, each rule has a card, no test of the spine lacks one."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

TESTS = Path(__file__).parents[2]
PAGE = TESTS.parent / "docs" / "test-cards.md"
SPINE = TESTS / "integration" / "spine"
RULES = {f"3.{number}" for number in range(1, 14)}
SHORT_NAME = re.compile(r"(\d+(?:\.\d+)?) \S.*")
CARD = re.compile(r"E-\d{3}")
TEST = re.compile(r"`([\w/]+\.py)::(test_\w+)`")


class Card(NamedTuple):
    """One row of the page."""

    number: str
    rule: str
    situation: str
    expected: str
    tests: list[tuple[str, str]]


def _cards() -> list[Card]:
    rows = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| E-")]
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    return [Card(*cell[:4], TEST.findall(cell[4])) for cell in cells]


@cache
def _tests_of(path: Path) -> set[str]:
    """Names of the test functions that pytest would collect from a file."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")}


def test_every_card_has_a_number_of_its_own() -> None:
    numbers = [card.number for card in _cards()]
    assert len(numbers) > 100
    assert all(CARD.fullmatch(number) for number in numbers)
    assert sorted(set(numbers)) == sorted(numbers), "a number is used twice"


def test_every_card_is_complete() -> None:
    for card in _cards():
        assert SHORT_NAME.fullmatch(card.rule), f"{card.number}: the rule is a number and a short name"
        assert card.situation and card.expected, card.number
        assert card.tests, f"{card.number} names no test"


def test_every_named_test_exists() -> None:
    for card in _cards():
        for file, name in card.tests:
            path = TESTS / file
            assert path.is_file(), f"{card.number}: there is no tests/{file}"
            assert name in _tests_of(path), f"{card.number}: there is no {name} in tests/{file}"


def test_every_rule_of_the_spine_has_a_card() -> None:
    named = {card.rule.split()[0] for card in _cards()}
    assert named >= RULES, f"no card for {sorted(RULES - named)}"


def test_every_test_of_the_spine_is_on_a_card() -> None:
    named = {(file, name) for card in _cards() for file, name in card.tests}
    there = {
        (f"integration/spine/{path.relative_to(SPINE)}", name)
        for path in SPINE.rglob("test_*.py")
        for name in _tests_of(path)
    }
    assert there <= named, f"on no card: {sorted(f'{file}::{name}' for file, name in there - named)}"
