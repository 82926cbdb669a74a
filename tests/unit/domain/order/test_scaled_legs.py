"""Levels after a split: who scaled a leg, the broker or nobody yet, is told by where it lies."""

from __future__ import annotations

from decimal import Decimal

import pytest

from repeg.domain.order.bracket import Levels
from repeg.domain.rules.bracket_exit import _scaled_already

PLACED = Levels(stop=Decimal("49.98"), target=Decimal("53.48"))


@pytest.mark.parametrize(
    ("ratio", "stop", "target", "already"),
    [
        ("10", "5.00", "5.35", True),
        ("10", "4.99", "5.34", True),
        ("10", "45.00", "53.48", False),  # a stop moved by hand
        ("10", "45.00", "60.00", False),  # both moved by hand
        ("10", "4.50", "5.35", True),  # a stop moved by hand, then scaled
        ("10", "4.50", "6.00", True),  # both moved by hand, then scaled
        ("0.1", "499.80", "534.80", True),
        ("0.1", "48.00", "55.00", False),
        ("1.5", "33.32", "35.65", True),
        ("1.5", "40.00", "53.48", False),
        ("1.05", "47.60", "50.93", True),
        ("1.05", "47.60", "53.48", False),  # the target is where it was placed: nobody scaled it
        ("1.05", "48.50", "55.00", False),
    ],
)
def test_what_the_broker_scaled_is_told_from_what_somebody_moved(
    ratio: str, stop: str, target: str, already: bool
) -> None:
    seen = Levels(stop=Decimal(stop), target=Decimal(target))
    assert _scaled_already(PLACED, seen, Decimal(ratio)) is already
