"""The line that a person reads, perhaps on a telephone at night."""

from __future__ import annotations

from decimal import Decimal

import pytest

from repeg.domain.order.alerts import MOST_CHARACTERS, Stack, intake_line, order_line, several
from tests.unit.samples import order, rung

NASTY = 'the broker said {"code": 40310000,\n\t"message": "C:\\keys\\"}'


def test_a_line_names_the_stack_the_money_the_trouble_and_the_command() -> None:
    assert order_line(Stack("repeg-live", "live"), order(), "is being secured.") == (
        "repeg-live (LIVE) TQQQ, order buy 100; signal s-1: is being secured. "
        "Look at it with: repeg order ord-1 --stack repeg-live"
    )
    assert order_line(Stack(), order(notional=Decimal(500), requested_qty=None), "x").startswith(
        "repeg (paper) TQQQ, order buy $500; signal s-1: x."
    )


def test_a_line_tells_what_was_bought_and_what_is_held() -> None:
    part = order(rung(1, 25, 10, "50.9833333333"), kind="bracket", requested_qty=Decimal(25))
    held = ", 10 held" if part.unexited_qty else ""
    assert f"TQQQ, bracket buy 25, 10 filled at 50.9833 ($509.83){held}; signal s-1" in order_line(Stack(), part, "x")


@pytest.mark.parametrize("text", [NASTY, "x" * 1000, "\n" * 5 + "a\r\nb", "„quoted“ \\u0041"])
def test_whatever_the_broker_said_it_is_one_line_and_keeps_its_words(text: str) -> None:
    line = order_line(Stack(), order(), text)
    assert "\n" not in line and '"' not in line
    assert " ".join(text.split()).replace('"', "'") in line


def test_a_very_long_text_is_cut_and_says_so() -> None:
    line = order_line(Stack(), order(), "x" * 100_000)
    assert len(line) < MOST_CHARACTERS + 300
    assert "(cut)" in line and line.endswith("--stack repeg")


def test_refusals_of_the_intake_are_told_together() -> None:
    line = intake_line(Stack(), f"2 signals were refused: {several(['a: bad', 'b: bad'])}", refused=True)
    assert "a: bad (and 1 more)" in line
    assert line.endswith("repeg orders --status rejected --stack repeg")
    unnamed = intake_line(Stack(), "a message without a signal_id: bad", refused=True, unnamed=True)
    assert unnamed.endswith("Look at it with: repeg refused --stack repeg"), "in no list of orders"
    assert intake_line(Stack(), "1 signal was not taken in yet", refused=False).endswith("repeg doctor --stack repeg")
