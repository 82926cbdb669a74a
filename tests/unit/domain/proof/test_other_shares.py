"""Prices of shares as they were, and as a split made them."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from repeg.domain.order.adjustments import Adjustment, CorporateAction
from repeg.domain.order.bracket import Levels
from repeg.domain.proof.other_shares import bought_on, fits_better, is_between, is_far, unfollowed
from tests.support.make import NOON, order

LEVELS = Levels(stop=Decimal("49.98"), target=Decimal("53.48"))
SHORT_LEVELS = Levels(stop=Decimal("51.95"), target=Decimal("48.45"))


def _action(ratio: str, day: date) -> CorporateAction:
    return CorporateAction(symbol="TQQQ", kind="forward_split", ratio=Decimal(ratio), ex_date=day)


@pytest.mark.parametrize("levels", [LEVELS, SHORT_LEVELS], ids=["long", "short"])
@pytest.mark.parametrize(
    ("price", "ratio", "fits"),
    [
        ("5.09", "10", True),
        ("509", "0.1", True),
        ("33.9", "1.5", True),
        ("48.60", "1.05", True),
        ("49.50", "10", False),
        ("45", "1.05", True),
        ("51", "10", False),
        ("60", "0.1", False),
    ],
)
def test_a_price_fits_the_shares_that_it_lies_nearer_to(levels: Levels, price: str, ratio: str, fits: bool) -> None:
    assert fits_better(levels, Decimal(price), Decimal(ratio)) is fits


@pytest.mark.parametrize(("price", "far"), [("51", False), ("47", False), ("38", True), ("70", True), ("5.09", True)])
def test_a_price_is_far_where_hardly_a_night_takes_it(price: str, far: bool) -> None:
    assert is_far(LEVELS, Decimal(price)) is far


@pytest.mark.parametrize("levels", [LEVELS, SHORT_LEVELS], ids=["long", "short"])
def test_between_the_levels_nothing_is_doubted(levels: Levels) -> None:
    assert is_between(levels, Decimal(51))
    assert not is_between(levels, levels.stop)
    assert not is_between(levels, levels.target)


def test_only_what_the_record_has_not_followed_counts() -> None:
    held = order(kind="bracket")
    bought = bought_on(held)
    later, today = date.fromordinal(bought.toordinal() + 3), date.fromordinal(bought.toordinal() + 9)
    assert unfollowed(held, [_action("10", bought)], today) == (1, ""), "bought in new shares"
    assert unfollowed(held, [_action("10", today)], later) == (1, ""), "of a day to come"
    assert unfollowed(held, [_action("10", later), _action("1.5", today)], today)[0] == 15
    followed = Adjustment(
        why="corporate_action", detail="", change=Decimal(900), ratio=Decimal(10), levels=LEVELS, at=NOON
    )
    held = held.with_care(adjustments=(followed,))
    assert unfollowed(held, [_action("10", later)], today) == (1, "")
    assert unfollowed(held, [_action("10", later), _action("1.5", today)], today)[0] == Decimal("1.5")
